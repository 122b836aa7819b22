"""Makes question.onnx: the upper layers of the sentence model, taught what a plain status question is.

    python3 -m venv v && v/bin/pip install jax==0.10.2 numpy onnx==1.23.2 tokenizers
    v/bin/python tune.py                  # some 15 minutes on two cores; writes question.onnx and question.onnx.data
    v/bin/python tune.py --held-out 0     # without a quarter of the starter pack; says how well it reads that quarter

It reads ../minilm and the CSV files of ../../starter, and learns two things at once: whether facts answer a text (`plain`
against `trap`, and against every other intent), and which intent it is, which keeps it from learning by heart. Only the
first is kept. The numbers of two runs differ in their last digits, and so do the files.
"""

import argparse
import csv
import glob
import hashlib
import os
import re

import jax
import jax.numpy as jnp
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import convert_model_to_external_data
from tokenizers import BertWordPieceTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
MINILM = os.path.join(HERE, "..", "minilm")
PACK = os.path.join(HERE, "..", "..", "starter", "*.csv")
FACTUAL = ("order_status", "shipping_delay")
# Layers that stay as they are, and run once for both networks.
SHARED, LAYERS, HEADS, SIZE, PIECES_MAX = 2, 6, 12, 384, 96
EPOCHS, BATCH, RATE, DROPOUT, INTENTS_WEIGHT = 3, 32, 1.5e-4, 0.1, 0.3
# From the log-odds that come out to those of the truth, about as --held-out says.
SLOPE, OFFSET = 0.62, 0.0


def sentence_model():
    """The floats of its word tables and of its layers."""
    graph = onnx.load(os.path.join(MINILM, "minilm.onnx")).graph
    constant = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    made_by = {name: node for node in graph.node for name in node.output}

    def floats(name):
        return constant[name + "_q"].astype(np.float32) * constant[name + "_scale"].astype(np.float32)

    def weights_of(name):
        if name.endswith("_q"):
            return name[:-2]
        node = made_by.get(name)
        found = (weights_of(one) for one in node.input) if node else ()
        return next((one for one in found if one), None)

    weights = {}
    for node in graph.node:
        bias = [one for one in node.input if one.endswith(".bias") and "LayerNorm" not in one]
        if node.op_type == "Add" and bias:
            product = made_by[next(one for one in node.input if one != bias[0])]
            weights[bias[0]] = floats(weights_of(product.input[1]))
    names = {
        "q": "attention.self.query",
        "k": "attention.self.key",
        "v": "attention.self.value",
        "o": "attention.output.dense",
        "i": "intermediate.dense",
        "f": "output.dense",
    }
    norms = {"1": "attention.output.LayerNorm", "2": "output.LayerNorm"}
    layers = []
    for number in range(LAYERS):
        prefix = f"inner.encoder.layer.{number}."
        layer = {}
        for short, name in names.items():
            layer["W" + short] = weights[prefix + name + ".bias"]
            layer["b" + short] = constant[prefix + name + ".bias"]
        for short, name in norms.items():
            layer["g" + short] = constant[prefix + name + ".weight"]
            layer["h" + short] = constant[prefix + name + ".bias"]
        layers.append({key: np.asarray(value, np.float32) for key, value in layer.items()})
    table = "inner.embeddings."
    words = {
        "word": floats(table + "word_embeddings.weight"),
        "place": floats(table + "position_embeddings.weight"),
        "kind": constant[table + "token_type_embeddings.weight"].astype(np.float32),
        "g": constant[table + "LayerNorm.weight"],
        "h": constant[table + "LayerNorm.bias"],
    }
    return words, layers


def normed(x, gain, shift):
    mean = x.mean(-1, keepdims=True)
    spread = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / jnp.sqrt(spread + 1e-12) * gain + shift


def run_layer(layer, x, mask):
    texts, pieces, _ = x.shape

    def heads(y):
        return y.reshape(texts, pieces, HEADS, SIZE // HEADS).transpose(0, 2, 1, 3)

    q, k, v = (heads(x @ layer["W" + one] + layer["b" + one]) for one in "qkv")
    seen = jax.nn.softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(SIZE // HEADS) + mask[:, None, None, :], -1)
    taken = (seen @ v).transpose(0, 2, 1, 3).reshape(texts, pieces, SIZE)
    x = normed(x + taken @ layer["Wo"] + layer["bo"], layer["g1"], layer["h1"])
    inner = jax.nn.gelu(x @ layer["Wi"] + layer["bi"], approximate=False)
    return normed(x + inner @ layer["Wf"] + layer["bf"], layer["g2"], layer["h2"])


def batches(lengths, places, rng=None):
    """Texts of about one length together; in a new order each time when there is a `rng`."""
    places = np.array(places)
    parts = [places]
    if rng is not None:
        places = rng.permutation(places)
        parts = np.array_split(places, max(1, len(places) // (BATCH * 16)))
    parts = [part[np.argsort(lengths[part], kind="stable")] for part in parts]
    all_of_them = [part[at : at + BATCH] for part in parts for at in range(0, len(part), BATCH)]
    if rng is not None:
        rng.shuffle(all_of_them)
    return all_of_them


def padded(rows, batch, width=None):
    """(numbers, mask): texts of one batch side by side, -1e9 where there is none."""
    pieces = (max(len(rows[one]) for one in batch) + 7) // 8 * 8
    shape = (BATCH, pieces) if width is None else (BATCH, pieces, width)
    x = np.zeros(shape, np.int64 if width is None else np.float32)
    mask = np.full((BATCH, pieces), -1e9, np.float32)
    mask[:, 0] = 0
    for place, one in enumerate(batch):
        x[place, : len(rows[one])] = rows[one]
        mask[place, : len(rows[one])] = 0
    return x, mask


def shared_layers(words, layers, ids):
    """What the layers that stay make of every text."""

    @jax.jit
    def run(x, mask):
        for layer in layers:
            x = run_layer(layer, x, mask)
        return x

    lengths, out = np.array([len(one) for one in ids]), [None] * len(ids)
    for batch in batches(lengths, range(len(ids))):
        x, mask = padded(ids, batch)
        x = words["word"][x] + words["place"][None, : x.shape[1]] + words["kind"][0]
        x = np.asarray(run(np.asarray(normed(x, words["g"], words["h"]), np.float32), mask))
        for place, one in enumerate(batch):
            out[one] = x[place, : len(ids[one])].astype(np.float16)
    return out


def forward(tuned, x, mask, key=None):
    def dropped(y):
        nonlocal key
        if key is None:
            return y
        key, now = jax.random.split(key)
        return y * (jax.random.bernoulli(now, 1 - DROPOUT, y.shape) / (1 - DROPOUT))

    here = (mask == 0)[..., None].astype(jnp.float32)
    x = dropped(x)
    for layer in tuned["layers"]:
        x = run_layer(layer, x, mask)
    both = dropped(jnp.concatenate([(x * here).sum(1) / here.sum(1), x[:, 0]], -1))
    return (both @ tuned["W"] + tuned["b"])[:, 0], both @ tuned["Wc"] + tuned["bc"]


def loss(tuned, x, mask, plain, intent, counts, key):
    log_odds, scores = forward(tuned, x, mask, key)
    wanted = jnp.clip(plain, 0, 1).astype(jnp.float32)
    of_plain = jnp.maximum(log_odds, 0) - log_odds * wanted + jnp.log1p(jnp.exp(-jnp.abs(log_odds)))
    of_intent = -jax.nn.log_softmax(scores)[jnp.arange(len(intent)), intent]
    # Below zero: nobody said whether facts answer it.
    total = (of_plain * counts * (plain >= 0)).sum() + INTENTS_WEIGHT * (of_intent * counts).sum()
    return total / counts.sum()


@jax.jit
def step(tuned, mean, square, number, rate, *batch):
    """One step of Adam with weight decay; the new outputs learn ten times as fast as the layers."""
    now, slopes = jax.value_and_grad(loss)(tuned, *batch)
    mean = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, mean, slopes)
    square = jax.tree.map(lambda old, new: 0.99 * old + 0.01 * new * new, square, slopes)

    def moved(speed):
        def move(value, mean, square):
            by = (mean / (1 - 0.9**number)) / (jnp.sqrt(square / (1 - 0.99**number)) + 1e-8)
            return value - rate * speed * (by + 0.01 * value)

        return move

    speeds = {key: 1.0 if key == "layers" else 10.0 for key in tuned}
    tuned = {key: jax.tree.map(moved(speeds[key]), tuned[key], mean[key], square[key]) for key in tuned}
    return tuned, mean, square, now


def tune(tuned, rows, learn, plain, intent):
    rng, key = np.random.default_rng(0), jax.random.PRNGKey(0)
    mean, square = (jax.tree.map(jnp.zeros_like, tuned) for _ in range(2))
    lengths, number = np.array([len(row) for row in rows]), 0
    total = EPOCHS * (len(learn) // BATCH + 16)
    for epoch in range(EPOCHS):
        for batch in batches(lengths, learn, rng):
            number += 1
            key, now = jax.random.split(key)
            rate = RATE * min(1, number / 100) * max(0.02, 1 - number / total)
            filled = np.concatenate([batch, np.zeros(BATCH - len(batch), int)])
            counts = (np.arange(BATCH) < len(batch)).astype(np.float32)
            given = (*padded(rows, batch, SIZE), plain[filled], intent[filled], counts, now)
            tuned, mean, square, value = step(tuned, mean, square, float(number), rate, *given)
            if number % 100 == 0:
                print(f"round {epoch + 1} of {EPOCHS}, step {number} of {total}: loss {float(value):.3f}", flush=True)
    return tuned


def log_odds_of(tuned, rows, places):
    run, out = jax.jit(lambda x, mask: forward(tuned, x, mask)[0]), {}
    for batch in batches(np.array([len(row) for row in rows]), places):
        found = np.asarray(run(*padded(rows, batch, SIZE)))
        out.update((int(one), float(found[place])) for place, one in enumerate(batch))
    return np.array([out[one] for one in places])


def report(log_odds, plain):
    """Plain questions above the score of the k-th other message; slope and offset of the truth's log-odds."""
    order = np.argsort(-log_odds)
    right, wrong = np.cumsum(plain[order] == 1), np.cumsum(plain[order] == 0)
    for k in (0, 1, 3, 10, 30):
        share = right[max(0, np.searchsorted(wrong, k + 1) - 1)] / max(1, right[-1])
        print(f"{share:.1%} of {right[-1]} plain questions above all but {k} of {wrong[-1]} others")
    x, fit = np.c_[log_odds, np.ones(len(log_odds))], np.zeros(2)
    for _ in range(50):
        share = 1 / (1 + np.exp(-x @ fit))
        curved = x.T @ (x * (share * (1 - share))[:, None]) + 1e-6 * np.eye(2)
        fit += np.linalg.solve(curved, x.T @ (plain - share))
    print(f"SLOPE, OFFSET = {fit[0]:.2f}, {fit[1]:.2f}")


def graph_of(tuned):
    """The network as ONNX: int8 weights with a scale a column, activations made u8 as they come."""
    nodes, constants = [], []

    def constant(name, array):
        constants.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def node(kind, inputs, output, **settings):
        outputs = output if isinstance(output, list) else [output]
        nodes.append(helper.make_node(kind, inputs, outputs, name=f"{outputs[0]}:{kind}", **settings))
        return outputs[0]

    def bytes_of(x, name):
        node("DynamicQuantizeLinear", [x], [name + ".q", name + ".s", name + ".z"])
        return name

    def product(given, weights, bias, name):
        scale = np.maximum(np.abs(weights).max(0) / 127.0, 1e-12)
        whole = np.clip(np.rint(weights / scale), -127, 127).astype(np.int8)
        node("MatMulInteger", [given + ".q", constant(name + ".w", whole), given + ".z"], name + ".i")
        node("Cast", [name + ".i"], name + ".f", to=TensorProto.FLOAT)
        node("Mul", [given + ".s", constant(name + ".ws", scale.astype(np.float32))], name + ".sc")
        node("Mul", [name + ".f", name + ".sc"], name + ".m")
        return node("Add", [name + ".m", constant(name + ".b", bias.astype(np.float32))], name)

    apart = constant("heads", np.array([0, 0, HEADS, SIZE // HEADS], np.int64))
    flat = constant("flat", np.array([0, 0, SIZE], np.int64))
    root = constant("root", np.array(1 / np.sqrt(SIZE // HEADS), np.float32))
    half, one, root_two = (constant(f"c{v:.1f}", np.array(v, np.float32)) for v in (0.5, 1.0, np.sqrt(2)))
    x = "hidden"
    for number, layer in enumerate(tuned["layers"]):
        p = f"l{number}"

        def norm(y, which):
            gain, shift = (constant(f"{p}.{k}{which}", layer[k + which].astype(np.float32)) for k in "gh")
            return node("LayerNormalization", [y, gain, shift], f"{p}.n{which}", axis=-1, epsilon=1e-12)

        given, turned = bytes_of(x, p + ".x"), {}
        for k in "qkv":
            y = product(given, layer["W" + k], layer["b" + k], f"{p}.{k}")
            node("Reshape", [y, apart], y + ".h")
            turned[k] = node("Transpose", [y + ".h"], y + ".t", perm=[0, 2, 3, 1] if k == "k" else [0, 2, 1, 3])
        node("MatMul", [turned["q"], turned["k"]], p + ".a")
        node("Mul", [p + ".a", root], p + ".as")
        node("Softmax", [p + ".as"], p + ".p", axis=-1)
        node("MatMul", [p + ".p", turned["v"]], p + ".c")
        node("Transpose", [p + ".c"], p + ".ct", perm=[0, 2, 1, 3])
        node("Reshape", [p + ".ct", flat], p + ".cf")
        y = product(bytes_of(p + ".cf", p + ".o1"), layer["Wo"], layer["bo"], p + ".o")
        middle = norm(node("Add", [x, y], p + ".r1"), "1")
        y = product(bytes_of(middle, p + ".i1"), layer["Wi"], layer["bi"], p + ".i")
        node("Div", [y, root_two], p + ".e0")
        node("Erf", [p + ".e0"], p + ".e1")
        node("Add", [p + ".e1", one], p + ".e2")
        node("Mul", [y, p + ".e2"], p + ".e3")
        node("Mul", [p + ".e3", half], p + ".e4")
        y = product(bytes_of(p + ".e4", p + ".f1"), layer["Wf"], layer["bf"], p + ".f")
        x = norm(node("Add", [middle, y], p + ".r2"), "2")
    node("ReduceMean", [x], "mean", axes=[1], keepdims=0)
    node("Gather", [x, constant("zero", np.array(0, np.int64))], "first", axis=1)
    node("Concat", ["mean", "first"], "both", axis=-1)
    node("MatMul", ["both", constant("out.w", (tuned["W"] * SLOPE).astype(np.float32))], "out.m")
    node("Add", ["out.m", constant("out.b", (tuned["b"] * SLOPE + OFFSET).astype(np.float32))], "log_odds")
    given = helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["texts", "pieces", SIZE])
    out = helper.make_tensor_value_info("log_odds", TensorProto.FLOAT, ["texts", 1])
    graph = helper.make_graph(nodes, "question", [given], [out], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="")
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def examples():
    rows = [row for path in sorted(glob.glob(PACK)) for row in csv.DictReader(open(path, encoding="utf-8"))]
    flags = {"plain": 1, "trap": 0}
    plain = [flags.get(row["flag"], -1 if row["intent"] in FACTUAL else 0) for row in rows]
    intents = sorted({row["intent"] for row in rows})
    intent = [intents.index(row["intent"]) for row in rows]
    return [row["text"] for row in rows], np.array(plain), np.array(intent), len(intents)


def quarter(text):
    """The same for texts that differ in case, signs and numbers only."""
    words = " ".join(re.findall(r"[^\W\d_]+", text.lower()))
    return hashlib.sha256(words.encode()).digest()[0] % 4


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--held-out", type=int, choices=range(4))
    arguments.add_argument("--out", default=HERE)
    arguments = arguments.parse_args()
    texts, plain, intent, classes = examples()
    tokenizer = BertWordPieceTokenizer(os.path.join(MINILM, "vocab.txt"), lowercase=True)
    words, layers = sentence_model()
    rows = shared_layers(words, layers[:SHARED], [tokenizer.encode(text).ids[:PIECES_MAX] for text in texts])
    print(f"{len(rows)} texts, {int((plain == 1).sum())} plain questions", flush=True)
    rng = np.random.default_rng(0)
    tuned = {
        "layers": layers[SHARED:],
        "W": rng.normal(0, 0.02, (2 * SIZE, 1)).astype(np.float32),
        "b": np.zeros(1, np.float32),
        "Wc": rng.normal(0, 0.02, (2 * SIZE, classes)).astype(np.float32),
        "bc": np.zeros(classes, np.float32),
    }
    learn = [place for place, text in enumerate(texts) if quarter(text) != arguments.held_out]
    tuned = tune(jax.tree.map(jnp.asarray, tuned), rows, learn, plain, intent)
    if arguments.held_out is not None:
        known = [place for place in range(len(texts)) if place not in set(learn) and plain[place] >= 0]
        report(log_odds_of(tuned, rows, known), plain[known])
        return
    model = graph_of(jax.tree.map(np.asarray, tuned))
    convert_model_to_external_data(model, location="question.onnx.data", size_threshold=1024)
    for file in ("question.onnx", "question.onnx.data"):
        if os.path.exists(os.path.join(arguments.out, file)):
            os.remove(os.path.join(arguments.out, file))
    onnx.save(model, os.path.join(arguments.out, "question.onnx"))


if __name__ == "__main__":
    main()
