"""The demo model: Qwen3's architecture in plain PyTorch. Training runs over one flat row of whole documents; `Decoder` generates in batches."""
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Config:
    vocab: int = 2048
    width: int = 384
    layers: int = 6
    heads: int = 8
    kv_heads: int = 4
    head: int = 64
    ff: int = 1024
    theta: float = 10000.0
    eps: float = 1e-6
    context: int = 4096


SIZES = {"demo": {}, "tiny": dict(width=64, layers=2, heads=2, kv_heads=1, head=32, ff=128)}


class Norm(nn.Module):
    def __init__(self, n, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.eps)


class Linear(nn.Module):
    """Weights are kept in float32 and used in the type of the input."""

    def __init__(self, i, o, gain=1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(o, i) * gain * i ** -.5)

    def forward(self, x):
        return F.linear(x, self.weight.to(x.dtype))


def rotate(x, cos, sin):
    """Rotary positions, first half against second half; x is [tokens, heads, head]."""
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


def attend_documents(q, k, v, starts, longest):
    """Causal attention inside each document of a flat row; q, k, v are [tokens, heads, head], starts the documents' borders."""
    if q.is_cuda:
        return torch.ops.aten._flash_attention_forward(q, k, v, starts, starts, longest, longest, 0.0, True, False)[0]
    out = []
    borders = starts.tolist()
    for a, b in zip(borders, borders[1:]):
        if a < b:
            d = F.scaled_dot_product_attention(*(x[a:b].transpose(0, 1)[None] for x in (q, k, v)), is_causal=True, enable_gqa=True)
            out.append(d[0].transpose(0, 1))
    return torch.cat(out)


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.norm_a, self.norm_m = Norm(c.width, c.eps), Norm(c.width, c.eps)
        self.q, self.k, self.v = Linear(c.width, c.heads * c.head), Linear(c.width, c.kv_heads * c.head), Linear(c.width, c.kv_heads * c.head)
        self.o = Linear(c.heads * c.head, c.width, .5)
        self.norm_q, self.norm_k = Norm(c.head, c.eps), Norm(c.head, c.eps)
        self.gate, self.up, self.down = Linear(c.width, c.ff), Linear(c.width, c.ff), Linear(c.ff, c.width, .5)

    def qkv(self, x, cos, sin):
        c = self.c
        h = self.norm_a(x)
        q = self.norm_q(self.q(h).unflatten(-1, (c.heads, c.head)))
        k = self.norm_k(self.k(h).unflatten(-1, (c.kv_heads, c.head)))
        v = self.v(h).unflatten(-1, (c.kv_heads, c.head))
        return rotate(q, cos, sin), rotate(k, cos, sin), v

    def rest(self, x, y):
        x = x + self.o(y.flatten(-2))
        h = self.norm_m(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))

    def forward(self, x, cos, sin, starts, longest):
        q, k, v = self.qkv(x, cos, sin)
        return self.rest(x, attend_documents(q, k, v, starts, longest))


def head_loss(h, table, targets):
    return F.cross_entropy(F.linear(h, table.to(h.dtype)).float(), targets, ignore_index=-100, reduction="mean")


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.table = nn.Parameter(torch.randn(c.vocab, c.width) * .02)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.norm = Norm(c.width, c.eps)
        angle = torch.outer(torch.arange(c.context).float(), c.theta ** (-torch.arange(0, c.head, 2).float() / c.head))
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)
        self.run_block, self.run_head = Block.forward, head_loss

    def compile(self):
        """One graph for all blocks (they differ only in weights) and one for the loss: seconds instead of a minute."""
        self.run_block = torch.compile(Block.forward, dynamic=False)
        self.run_head = torch.compile(head_loss, dynamic=False)

    def loss(self, ids, positions, starts, chosen, targets, dtype):
        """ids, positions: [tokens]; chosen: the flat places whose next token is learned, targets: those tokens (-100: none)."""
        cos, sin = (t[positions][:, None].to(dtype) for t in (self.cos, self.sin))
        x = F.embedding(ids, self.table).to(dtype)
        for b in self.blocks:
            x = self.run_block(b, x, cos, sin, starts, self.c.context)
        return self.run_head(self.norm(x.index_select(0, chosen)), self.table, targets)


class Decoder:
    """Greedy generation for many prompts at once, with a KV cache, in the number format of the export (bf16)."""

    def __init__(self, model, device, dtype=torch.bfloat16):
        self.c = model.c
        self.model = Model(model.c).to(device=device, dtype=dtype)
        self.model.load_state_dict({k: v.detach().to(dtype) for k, v in model.state_dict().items()})
        self.model.cos, self.model.sin = model.cos.to(device=device, dtype=dtype), model.sin.to(device=device, dtype=dtype)
        self.device, self.dtype = device, dtype

    @torch.no_grad()
    def generate(self, prompts, limits, stops):
        """-> for each prompt the generated ids (without the stop) and whether a stop was reached."""
        tokens_at_once = 400_000 if self.device == "cuda" else 6_000  # a batch goes on until its last answer ends
        order = sorted(range(len(prompts)), key=lambda i: (limits[i] // 16, len(prompts[i])))
        out = [None] * len(prompts)
        while order:
            longest = max(len(prompts[i]) for i in order[-1024:]) + limits[order[-1]]
            n = max(1, min(1024, tokens_at_once // longest))
            batch, order = order[-n:], order[:-n]
            for i, x in zip(batch, self._batch([prompts[i] for i in batch], max(limits[i] for i in batch), stops)):
                out[i] = x
        return out

    def _batch(self, prompts, limit, stops):
        m, c, dev = self.model, self.c, self.device
        B, T = len(prompts), max(map(len, prompts))
        lengths = torch.tensor([len(p) for p in prompts], device=dev)
        ids = torch.zeros(B, T, dtype=torch.long)
        for i, p in enumerate(prompts): ids[i, :len(p)] = torch.tensor(p)
        ids = ids.to(dev)
        size = T + limit
        cache = [(torch.zeros(B, c.kv_heads, size, c.head, device=dev, dtype=self.dtype), torch.zeros(B, c.kv_heads, size, c.head, device=dev, dtype=self.dtype)) for _ in m.blocks]
        x = m.table[ids]; cos, sin = m.cos[:T, None], m.sin[:T, None]
        for b, (K, V) in zip(m.blocks, cache):  # padding stands right of the prompt, so causal attention never sees it
            q, k, v = b.qkv(x, cos, sin)
            K[:, :, :T], V[:, :, :T] = k.transpose(1, 2), v.transpose(1, 2)
            y = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True, enable_gqa=True)
            x = b.rest(x, y.transpose(1, 2))
        rows = torch.arange(B, device=dev)
        h = x[rows, lengths - 1]
        places = torch.arange(size, device=dev)
        produced = torch.zeros(B, limit, dtype=torch.long, device=dev)
        done = torch.zeros(B, dtype=torch.bool, device=dev); ends = torch.full((B,), limit, device=dev)
        stops = torch.tensor(stops, device=dev)
        for step in range(limit):
            token = F.linear(m.norm(h), m.table).argmax(-1)
            stopping = torch.isin(token, stops) & ~done
            ends = torch.where(stopping, step, ends); done = done | stopping
            produced[:, step] = token
            if step % 8 == 7 and bool(done.all()): break
            at = lengths + step
            if step + 1 == limit: break
            x = m.table[token][:, None]; cos, sin = m.cos[at.clamp(max=c.context - 1)][:, None, None], m.sin[at.clamp(max=c.context - 1)][:, None, None]
            seen = (places[None] <= at[:, None])[:, None, None]
            for b, (K, V) in zip(m.blocks, cache):
                q, k, v = b.qkv(x, cos, sin)
                K[rows, :, at], V[rows, :, at] = k[:, 0], v[:, 0]
                y = F.scaled_dot_product_attention(q.transpose(1, 2), K, V, attn_mask=seen, enable_gqa=True)
                x = b.rest(x, y.transpose(1, 2))
            h = x[:, 0]
        ends, done, produced = ends.tolist(), done.tolist(), produced.tolist()
        return [(p[:e], d) for p, e, d in zip(produced, ends, done)]
