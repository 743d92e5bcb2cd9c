"""Trains the demo model on one GPU or on the CPU for a given number of seconds; see README.md.

Muon for the matrices, AdamW for the embedding and the norms; the learning rate warms up, stays, and falls linearly to zero by the end of the time.
`--resume` goes on with an interrupted run; `--start` begins a new run with its own schedule from another run's weights and optimizer state.
"""
import argparse
import json
import os
import time

import torch
from tokenizers import Tokenizer

import evaluate
import export
from data import Stream
from model import SIZES, Config, Decoder, Model


def orthogonal(g):
    """Newton-Schulz for a stack of matrices of one shape."""
    x = g.bfloat16()
    flip = x.shape[-2] > x.shape[-1]
    if flip: x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
    return x.mT if flip else x


class Muon:
    def __init__(self, parameters, decay):
        self.parameters, self.decay = parameters, decay
        self.momentum = [torch.zeros_like(p) for p in parameters]
        shapes = {}
        for i, p in enumerate(parameters): shapes.setdefault(tuple(p.shape), []).append(i)
        self.groups = list(shapes.values())

    @torch.no_grad()
    def step(self, rate, beta):
        gs = [p.grad for p in self.parameters]
        torch._foreach_lerp_(self.momentum, gs, 1 - beta)
        torch._foreach_lerp_(gs, self.momentum, beta)  # Nesterov
        torch._foreach_mul_(self.parameters, 1 - rate * self.decay)
        for group in self.groups:
            u = orthogonal(torch.stack([gs[i] for i in group]))
            o, i = u.shape[-2:]
            torch._foreach_add_([self.parameters[j] for j in group], list(u.to(self.parameters[group[0]].dtype).unbind(0)), alpha=-rate * max(1, o / i) ** .5)


def rate(progress, seconds, a):
    """Factor of the learning rates at this share of the time."""
    return max(.01, min(1, seconds / a.warm, (1 - progress) / a.fall))


def options():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--tokenizer", default="../demo"); p.add_argument("--out", required=True); p.add_argument("--size", default="demo", choices=SIZES)
    p.add_argument("--seconds", type=float, required=True, help="time for training, evaluations inside it included"); p.add_argument("--warm", type=float, default=8); p.add_argument("--fall", type=float, default=.5)
    p.add_argument("--tokens", type=int, default=65536, help="tokens a step"); p.add_argument("--muon", type=float, default=.02); p.add_argument("--adam", type=float, default=4e-3); p.add_argument("--decay", type=float, default=.01)
    p.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 2)); p.add_argument("--seed", type=int, default=1)
    p.add_argument("--long", type=float, default=.04, help="share of extra long conversations in the last part"); p.add_argument("--long-from", type=float, default=.5)
    p.add_argument("--evaluate-every", type=float, default=120); p.add_argument("--items", type=int, default=30); p.add_argument("--final-items", type=int, default=120)
    p.add_argument("--resume", help="checkpoint of this run"); p.add_argument("--start", help="checkpoint of another run"); p.add_argument("--no-compile", action="store_true"); p.add_argument("--export", action="store_true")
    return p.parse_args()


def main():
    a = options()
    os.makedirs(a.out, exist_ok=True)
    begun = time.time()
    cuda = torch.cuda.is_available()
    device, dtype = ("cuda", torch.bfloat16) if cuda else ("cpu", torch.float32)
    file = f"{a.tokenizer}/tokenizer.json"
    tokenizer = Tokenizer.from_file(file)
    torch.manual_seed(a.seed)
    model = Model(Config(vocab=tokenizer.get_vocab_size(), **SIZES[a.size])).to(device)
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and n != "table"]
    others = [p for n, p in model.named_parameters() if not (p.ndim == 2 and n != "table")]
    state = dict(step=0, tokens=0, learned=0, seconds=0.0, session=0, earlier_tokens=0)
    muon = Muon(matrices, a.decay)
    adam = torch.optim.AdamW(others, lr=a.adam, betas=(.9, .98), weight_decay=0.0, fused=cuda)
    if a.resume: state = export.load_checkpoint(a.resume, model, muon, adam)
    if a.start:
        old = export.load_checkpoint(a.start, model, muon, adam)
        state["session"] = old["session"]; state["earlier_tokens"] = old["tokens"] + old["earlier_tokens"]
    state["session"] += 1
    stream = Stream(file, f"{a.seed}/{state['session']}", a.tokens, a.workers)  # another session never repeats the text of an earlier one
    log = open(f"{a.out}/train.log", "a")

    def say(s):
        print(s, flush=True); log.write(s + "\n"); log.flush()
    say(f"# {json.dumps(vars(a))} parameters {sum(p.numel() for p in model.parameters())} device {torch.cuda.get_device_name() if cuda else 'cpu'}")
    if cuda and not a.no_compile: model.compile()
    todo = evaluate.items(tokenizer, a.items)

    def load():
        block, used, learned = stream.next()
        ts = [torch.from_numpy(x.astype("int32")) for x in block]
        if cuda: ts = [t.pin_memory().to(device, non_blocking=True) for t in ts]
        ids, positions, starts, chosen, targets = ts
        return (ids.long(), positions.long(), starts, chosen.long(), targets.long()), used, learned

    def backward(batch):
        loss = model.loss(*batch, dtype)
        loss.backward()
        return loss.detach()

    batch, used, learned = load()
    for _ in range(2): backward(batch)  # compiles outside the schedule's time
    model.zero_grad(set_to_none=True)
    if cuda: torch.cuda.synchronize()
    say(f"ready after {time.time() - begun:.1f} s")

    def check(n_items, name):
        t = time.time()
        counts, wrong = evaluate.evaluate(Decoder(model, device), tokenizer, todo if n_items == a.items else evaluate.items(tokenizer, n_items))
        p = evaluate.percentages(counts)
        say("EVAL " + json.dumps(dict(seconds=round(elapsed(), 1), step=state["step"], mtok=round(state["tokens"] / 1e6, 1), mean=evaluate.mean(p), took=round(time.time() - t, 1), exact=p)))
        with open(f"{a.out}/{name}.json", "w") as f:
            json.dump(dict(step=state["step"], tokens=state["tokens"], learned=state["learned"], earlier_tokens=state["earlier_tokens"], seconds=round(elapsed(), 1), mean=evaluate.mean(p), exact=p, counts=counts, wrong=wrong), f, indent=1, ensure_ascii=False)
        state["seconds"] = elapsed()
        export.save_checkpoint(f"{a.out}/checkpoint.pt", model, muon, adam, state)

    began = time.time() - state["seconds"]

    def elapsed():
        return time.time() - began
    shown = (time.time(), state["tokens"], state["step"]); next_check = elapsed() + a.evaluate_every; losses = []
    while True:
        now = elapsed(); progress = now / a.seconds
        if progress >= 1: break
        stream.more_long.value = a.long if progress > a.long_from else .01
        f = rate(progress, now, a)
        losses.append(backward(batch))
        for g in adam.param_groups: g["lr"] = a.adam * f
        adam.step()
        muon.step(a.muon * f, min(.95, .85 + .1 * state["step"] / 300))
        model.zero_grad(set_to_none=True)
        state["step"] += 1; state["tokens"] += used; state["learned"] += learned
        batch, used, learned = load()
        if state["step"] % 100 == 0:
            loss = torch.stack(losses).mean().item(); losses = []
            t = time.time()
            say(f"step {state['step']} s {elapsed():.0f} loss {loss:.4f} rate {f:.3f} tok/s {(state['tokens'] - shown[1]) / (t - shown[0]):,.0f} Mtok {state['tokens'] / 1e6:.1f} fresh {stream.fresh} again {stream.again}")
            if loss != loss: raise SystemExit("the loss is not finite")
            shown = (time.time(), state["tokens"], state["step"])
        if now >= next_check and a.seconds - now > a.evaluate_every / 2:
            check(a.items, "evaluation"); next_check = elapsed() + a.evaluate_every
            shown = (time.time(), state["tokens"], state["step"])
    stream.close()
    check(a.final_items, "evaluation")
    if a.export: export.save_pretrained(model, a.tokenizer, f"{a.out}/hf")
    say(f"done after {time.time() - begun:.1f} s in all, peak GPU memory {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if cuda else f"done after {time.time() - begun:.1f} s")


if __name__ == "__main__":
    main()
