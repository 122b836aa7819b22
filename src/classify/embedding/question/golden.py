"""Writes what ONNX Runtime makes of some texts: the probability of a plain status question.

    v/bin/pip install onnxruntime==1.31.1 onnx==1.23.2 tokenizers numpy
    v/bin/python golden.py > ../tests/question.jsonl
"""

import json
import os
import tempfile

import numpy as np
import onnx
import onnxruntime
from tokenizers import BertWordPieceTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
MINILM = os.path.join(HERE, "..", "minilm")
TEXTS = [
    "Where is my order? It should have been here on Monday.",
    "where is my parcel",
    "has my teapot left yet",
    "has my teapot left yet? if not please cancel it",
    "Is the armchair on its way?",
    "Is the armchair on its way to my mother's?",
    "¿Dónde está mi pedido?",
    "Wo bleibt meine Bestellung 40277?",
    "I would like to return the blue sweater.",
    "",
    "Hello, I ordered a lamp two weeks ago and wondered how far it has come. Kind regards, Ava " * 4,
]

with tempfile.TemporaryDirectory() as folder:
    model = onnx.load(os.path.join(MINILM, "minilm.onnx"))
    model.graph.output.append(
        onnx.helper.make_tensor_value_info("layer_norm_4", onnx.TensorProto.FLOAT, ["texts", "pieces", 384])
    )
    onnx.save(model, os.path.join(folder, "minilm.onnx"), save_as_external_data=True)
    lower = onnxruntime.InferenceSession(os.path.join(folder, "minilm.onnx"))
upper = onnxruntime.InferenceSession(os.path.join(HERE, "question.onnx"))
tokenizer = BertWordPieceTokenizer(os.path.join(MINILM, "vocab.txt"), lowercase=True)
for text in TEXTS:
    ids = np.array([tokenizer.encode(text).ids], dtype=np.int64)
    inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    (hidden,) = lower.run(["layer_norm_4"], inputs)
    (log_odds,) = upper.run(["log_odds"], {"hidden": hidden})
    print(json.dumps({"text": text, "probability": round(1 / (1 + float(np.exp(-log_odds[0, 0]))), 5)}))
