"""Fresh training data from worker processes: whole conversations laid end to end in blocks of a fixed number of tokens, handed over in shared memory."""
import multiprocessing as mp
import queue
import random

import numpy as np
from tokenizers import Tokenizer

import generator


def encode(tokenizer, documents):
    """-> [(ids, learned flags)]. Segments are encoded one by one, so that no token crosses the border of an answer."""
    flat = [s for d in documents for s in d]
    encoded = iter(tokenizer.encode_batch_fast([t for t, _ in flat], add_special_tokens=False))
    out = []
    for d in documents:
        ids, learned = [], []
        for _, flag in d:
            x = next(encoded).ids
            ids += x
            learned += [flag] * len(x)
        out.append((ids, learned))
    return out


class Blocks:
    """Fills blocks: ids, positions, document borders, and the places to learn with their next tokens."""

    def __init__(self, tokenizer, seed, tokens, more_long):
        self.tokenizer, self.r, self.tokens, self.more_long = tokenizer, random.Random(seed), tokens, more_long
        self.waiting = []

    def documents(self, n):
        """n conversations; `more_long()` is the share of additional long ones (1,500 tokens and more between a fact and its question)."""
        return [generator.document(generator.conversation(self.r, task="longmemory" if self.r.random() < self.more_long() else None)) for _ in range(n)]

    def fill(self, ids, positions, starts, chosen, targets):
        """One block, written into the given arrays. The end of a block takes whichever waiting documents still fit."""
        room, used, docs = self.tokens, 0, []
        while True:
            rest = []
            for d in self.waiting:
                if len(d[0]) <= room and len(docs) < len(starts) - 2:
                    docs.append(d); room -= len(d[0])
                else:
                    rest.append(d)
            self.waiting = rest
            if room < 64 or len(docs) >= len(starts) - 2 or len(self.waiting) > 120: break
            self.waiting += [d for d in encode(self.tokenizer, self.documents(60)) if 2 <= len(d[0]) <= min(4096, self.tokens)]
        if len(self.waiting) > 400: self.waiting = self.waiting[-200:]
        self.r.shuffle(docs)
        places, nexts, lengths = [], [], []
        for d_ids, learned in docs:
            n = len(d_ids)
            ids[used:used + n] = d_ids
            positions[used:used + n] = np.arange(n)
            where = np.flatnonzero(np.array(learned[1:], dtype=bool))
            places.append(where + used); nexts.append(np.array(d_ids[1:])[where]); lengths.append(n)
            used += n
        ids[used:] = 0
        positions[used:] = np.arange(self.tokens - used)
        starts[:] = self.tokens
        starts[0] = 0
        starts[1:len(lengths) + 1] = np.cumsum(lengths)
        places, nexts = np.concatenate(places), np.concatenate(nexts)
        k = min(len(places), len(chosen))
        chosen[:] = 0; targets[:] = -100
        chosen[:k], targets[:k] = places[:k], nexts[:k]
        return used, k


def arrays(slots, tokens, buffers=None):
    """The five arrays of `slots` blocks; with buffers, views of shared memory."""
    shapes = [((slots, tokens), "uint16"), ((slots, tokens), "uint16"), ((slots, tokens // 128 + 2), "int32"), ((slots, tokens * 7 // 16), "int32"), ((slots, tokens * 7 // 16), "int16")]
    if buffers is None:
        buffers = [mp.RawArray("B", int(np.prod(s)) * np.dtype(t).itemsize) for s, t in shapes]
    return buffers, [np.frombuffer(b, dtype=t).reshape(s) for b, (s, t) in zip(buffers, shapes)]


def worker(tokenizer_file, seed, slots, tokens, buffers, free, ready, more_long):
    tokenizer = Tokenizer.from_file(tokenizer_file)
    _, views = arrays(slots, tokens, buffers)
    blocks = Blocks(tokenizer, seed, tokens, lambda: more_long.value)
    while True:
        i = free.get()
        if i is None: return
        ready.put((i,) + blocks.fill(*[v[i] for v in views]))


class Stream:
    """The trainer's side. When the workers are behind, a block of the recent past is used once more."""

    def __init__(self, tokenizer_file, seed, tokens, workers, slots=192):
        context = mp.get_context("fork")
        self.buffers, self.views = arrays(slots, tokens)
        self.free, self.ready = context.Queue(), context.Queue()
        self.more_long = context.Value("d", .01, lock=False)
        self.keep = slots // 2
        for i in range(slots): self.free.put(i)
        self.processes = [context.Process(target=worker, args=(tokenizer_file, f"{seed}/{w}", slots, tokens, self.buffers, self.free, self.ready, self.more_long), daemon=True) for w in range(workers)]
        for p in self.processes: p.start()
        self.recent, self.r = [], random.Random(seed)
        self.fresh = self.again = 0

    def next(self):
        """-> (the five arrays of a block, its tokens, its learned tokens)"""
        try:
            slot = self.ready.get(block=len(self.recent) < self.keep // 4)
        except queue.Empty:
            self.again += 1
            slot = self.r.choice(self.recent)
            return [v[slot[0]] for v in self.views], slot[1], slot[2]
        self.fresh += 1
        self.recent.append(slot)
        if len(self.recent) > self.keep:
            self.free.put(self.recent.pop(0)[0])
        return [v[slot[0]] for v in self.views], slot[1], slot[2]

    def close(self):
        for p in self.processes: p.terminate()


if __name__ == "__main__":  # speed of one worker
    import sys
    import time
    tokenizer = Tokenizer.from_file(sys.argv[1] + "/tokenizer.json")
    n = 65536
    _, views = arrays(1, n)
    b = Blocks(tokenizer, 1, n, lambda: .01)
    b.fill(*[v[0] for v in views])
    t = time.process_time(); used = learned = 0
    for _ in range(6):
        u, k = b.fill(*[v[0] for v in views]); used += u; learned += k
    t = time.process_time() - t
    print(f"{used / t:,.0f} tokens a second on one core, filled {used / 6 / n:.4f}, learned {learned / used:.3f}, documents {int((views[2][0] < n).sum())}, waiting {len(b.waiting)}")
