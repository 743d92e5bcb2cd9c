"""Causal prefill attention by cuDNN through torch, beside ours in the same run: cudnn.py OUT/engine.jsonl

The card's clock falls under load, so both are measured in batches of 16 launches one behind the other once they have kept
the card busy for half a second. Cool, and with pauses between launches, this one is a tenth faster.
"""
import json
import sys
import time

try:
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
except ImportError as missing:
    sys.exit(f"cuDNN was not measured: {missing}")
if not torch.cuda.is_available():
    sys.exit("cuDNN was not measured: torch finds no GPU")


def measure(batch, tokens, heads=32, kv_heads=8, dim=128):
    def some(count):
        return torch.randn(batch, count, tokens, dim, device="cuda", dtype=torch.bfloat16)

    q, k, v = some(heads), some(kv_heads), some(kv_heads)
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

    def run(count):
        begin.record()
        for _ in range(count):
            torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / count

    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
        until = time.time() + 0.5
        while time.time() < until:
            run(16)
        loaded = sorted(run(16) for _ in range(15))[7]
    return 2 * 2 * batch * heads * dim * tokens * tokens / 2 / loaded / 1e9


with open(sys.argv[1], "a") as out:
    for batch, tokens in ((1, 8192), (16, 2048)):
        line = {"stage": "cudnn", "measure": f"prefill attention {batch} x {tokens}", "value": measure(batch, tokens), "unit": "TFLOP/s"}
        print(json.dumps(line))
        out.write(json.dumps(line) + "\n")
