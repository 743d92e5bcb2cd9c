#!/usr/bin/env python3
"""Writes what the gguf package makes of blocks of each format: bytes and floats, both base64 of little-endian.

Needs: pip install gguf numpy. Run from the repository's root; writes the same bytes each time.

The blocks are random bytes, so every bit of every field is used (which quantised numbers would not do), but scales and
minima are finite. INT8_ROW, INT8_GROUP64 and INT4_GROUP64* are Espalier's own and not here.
"""

import base64
import json
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import quants

TARGET = Path("core/src/test/resources/espalier/tensor/host/blocks.json")

# Where the f16 scales and minima of a block are.
HALVES = {
    Type.Q8_0: [0],
    Type.Q4_0: [0],
    Type.Q4_1: [0, 2],
    Type.Q5_0: [0],
    Type.Q5_1: [0, 2],
    Type.Q2_K: [80, 82],
    Type.Q3_K: [108],
    Type.Q4_K: [0, 2],
    Type.Q5_K: [0, 2],
    Type.Q6_K: [208],
    Type.IQ4_NL: [0],
}


def blocks(kind, random):
    elements, size = quants.GGML_QUANT_SIZES[kind]
    made = random.integers(0, 256, (512 // elements, size), dtype=np.uint8)
    for at in HALVES[kind]:
        scales = random.uniform(-0.1, 0.1, len(made)).astype(np.float16)
        made[:, at : at + 2] = scales.view(np.uint8).reshape(-1, 2)
    return made.reshape(1, -1)


def text(array):
    return base64.b64encode(array.tobytes()).decode()


def main():
    random = np.random.default_rng(13)
    cases = {}
    for kind in HALVES:
        made = blocks(kind, random)
        cases[kind.name] = {"bytes": text(made), "floats": text(quants.dequantize(made, kind).astype("<f4"))}
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(cases, indent=1) + "\n")


main()
