"""Held-out questions, greedy answers, exact match per task. Usage: evaluate.py MODEL_DIR|CHECKPOINT [ITEMS_PER_TASK] [--out FILE]"""
import argparse
import json
import random
import time

import torch
from tokenizers import Tokenizer

import chat
import generator
from model import Decoder
from split import TEST

FAR = 1500  # tokens between a fact and its question in the task longmemory


def encode(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False).ids


def items(tokenizer, n, split=TEST, seed=99, tasks=None):
    """-> dicts: task, prompt (ids), gold, ok, question, limit. The last answer counts; with tools the call and the final answer each on its own."""
    out = []
    for task in tasks or generator.TEST_TASKS:
        r = random.Random(f"{seed} {task} {split}"); k = 0
        while k < n:
            c = generator.conversation(r, split, task, chars=6500 if task == "longmemory" else None)
            if c["text"]:
                prompt, gold, ok, question = c["text"][0], c["text"][1], None, c["text"][0]
            else:
                ms = c["messages"]
                answers = [i for i, m in enumerate(ms) if m["role"] == "assistant"]
                at = answers[-1]
                if task == "tool_call": at = next(i for i in answers if "tool_calls" in ms[i])
                prompt, gold, ok, question = chat.prompt(ms[:at], c["tools"]), chat.answer_text(ms[at]), ms[at]["ok"], ms[at - 1]["content"]
            ids = encode(tokenizer, prompt)
            if task == "longmemory":
                if len(encode(tokenizer, "".join(t for t, _ in chat.segments(between(ms), None)))) < FAR: continue
            if len(ids) > 3900: continue
            limit = len(encode(tokenizer, gold)) + 8 if ok is None else max(110, len(encode(tokenizer, gold)) + 8)
            out.append(dict(task=task, prompt=ids, gold=gold, ok=ok, question=question, limit=limit, text=prompt))
            k += 1
    return out


def between(ms):
    """The messages between the last telling and the final question of a long-memory conversation."""
    told = [i for i, m in enumerate(ms[:-2]) if m["role"] == "assistant" and ms[-1]["content"] != m["content"] and shares_fact(m["content"], ms[-1]["content"])]
    return ms[(told[0] if told else 0) + 1:-2]


def shares_fact(reply, answer):
    """Whether the reply to the telling names what the answer names (its last word)."""
    last = answer.rstrip(".").split()[-1]
    return last in reply or reply.startswith(("Nice to meet you", "Okay, I will remember", "Good to know that you like", "It must be interesting")) or reply.endswith("is a nice name!")


def evaluate(decoder, tokenizer, todo):
    """-> ({task: [right, all]}, [wrong ones])"""
    stops = [tokenizer.token_to_id(chat.IM_END), tokenizer.token_to_id(chat.END_OF_TEXT)]
    answers = decoder.generate([x["prompt"] for x in todo], [x["limit"] for x in todo], stops)
    counts, wrong = {}, []
    for x, (ids, stopped) in zip(todo, answers):
        s = tokenizer.decode(ids, skip_special_tokens=False)
        good = s.startswith(x["gold"]) if x["task"] == "plain" else stopped and (x["ok"](s) if x["ok"] else s == x["gold"])
        c = counts.setdefault(x["task"], [0, 0])
        c[0] += good; c[1] += 1
        if not good: wrong.append(dict(task=x["task"], question=x["question"][-300:], gold=x["gold"], got=s))
    return counts, wrong


def percentages(counts):
    return {k: round(100 * a / n, 1) for k, (a, n) in counts.items()}


def mean(p):
    return round(sum(p.values()) / len(p), 2)


if __name__ == "__main__":
    a = argparse.ArgumentParser()
    a.add_argument("model"); a.add_argument("n", type=int, nargs="?", default=40); a.add_argument("--out"); a.add_argument("--split", default=TEST); a.add_argument("--tasks"); a.add_argument("--tokenizer"); a.add_argument("--seed", type=int, default=99)
    a = a.parse_args()
    import export
    model = export.load(a.model)
    tokenizer = Tokenizer.from_file((a.tokenizer or a.model) + "/tokenizer.json")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    t = time.time()
    counts, wrong = evaluate(Decoder(model, device, torch.bfloat16 if device == "cuda" else torch.float32), tokenizer, items(tokenizer, a.n, a.split, a.seed, tasks=a.tasks and a.tasks.split(",")))
    p = percentages(counts)
    print(json.dumps(p), "mean", mean(p), f"{time.time() - t:.0f} s")
    if a.out: json.dump(dict(exact=p, counts=counts, wrong=wrong), open(a.out, "w"), indent=1, ensure_ascii=False)
