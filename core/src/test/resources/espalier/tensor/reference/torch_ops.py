"""Writes torch-ops.txt: what PyTorch computes for the ops that ReferenceOps defines.

    python torch_ops.py > torch-ops.txt

Every block is a name, then lines "key count values...". Inputs are short decimal numbers, so that they are exact in the
file; results are printed with nine digits.
"""

import torch

torch.manual_seed(4)


def some(*shape):
    return (torch.randint(-64, 65, shape) / 32.0).float()


def show(name, **tensors):
    print("case", name)
    for key, t in tensors.items():
        flat = torch.as_tensor(t).reshape(-1)
        print(key, len(flat), *(f"{v:.9g}" for v in flat.tolist()))


x, w = some(3, 10), some(10)
show("rmsNorm", x=x, w=w, y=torch.nn.functional.rms_norm(x, (10,), w, 1e-5))

g, u = some(2, 7) * 8, some(2, 7)
show("siluMul", x=torch.cat([g, u], 1), y=torch.nn.functional.silu(g) * u)

# NeoX rotation as transformers writes it: x * cos + rotate_half(x) * sin
head, rotary, positions = 12, 8, torch.tensor([0, 1, 5, 3000])
x = some(4, 2, head)
inv = 1.0 / (10000.0 ** (torch.arange(0, rotary, 2, dtype=torch.float32) / rotary))
freqs = positions[:, None].float() * inv[None, :]
emb = torch.cat([freqs, freqs], -1)
cos, sin = (emb.cos() * 1.5)[:, None, :], (emb.sin() * 1.5)[:, None, :]
part, rest = x[..., :rotary], x[..., rotary:]
half = torch.cat([-part[..., rotary // 2 :], part[..., : rotary // 2]], -1)
show("rope", x=x, inv=inv, positions=positions, y=torch.cat([part * cos + half * sin, rest], -1))

# Two query heads a key head, causal, with and without a window of 4 positions
tokens, heads, kv, dim = 9, 4, 2, 6
q, k, v = some(tokens, heads, dim), some(tokens, kv, dim), some(tokens, kv, dim)
i = torch.arange(tokens)
for name, window in (("attention", tokens), ("attentionWindow4", 4)):
    mask = (i[None, :] <= i[:, None]) & (i[None, :] > i[:, None] - window)
    y = torch.nn.functional.scaled_dot_product_attention(
        q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1), attn_mask=mask, scale=0.3, enable_gqa=True
    )
    show(name, q=q, k=k, v=v, y=y.transpose(0, 1))

x, w = some(3, 21), some(5, 21)
show("matmul", x=x, w=w, y=x @ w.T)
