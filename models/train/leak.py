"""How many held-out prompts occur word for word in training? Usage: leak.py TOKENIZER_DIR [CONVERSATIONS] [OUT.json]

Compares the last user message of each held-out item (with everything said before it, where the task lives from that) with those of fresh training conversations.
"""
import json
import random
import sys

from tokenizers import Tokenizer

import evaluate
import generator

n = int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
CONTEXTUAL = {"memory", "longmemory", "tool_answer", "identity"}  # the question recurs by design; what was said before decides
wanted = {}
for x in evaluate.items(Tokenizer.from_file(f"{sys.argv[1]}/tokenizer.json"), 200):
    if x["task"] not in CONTEXTUAL: wanted.setdefault(x["question"], []).append(x["task"])
r = random.Random("leak"); seen = set()
for _ in range(n):
    c = generator.conversation(r)
    for s in [c["text"][0]] if c["text"] else [m["content"] for m in c["messages"] if m["role"] == "user"]:
        if s in wanted: seen.add(s)
total, hit = {}, {}
for s, tasks in wanted.items():
    for t in tasks:
        total[t] = total.get(t, 0) + 1; hit[t] = hit.get(t, 0) + (s in seen)
out = {t: round(100 * hit[t] / total[t], 1) for t in total}
print(n, "training conversations; % of held-out prompts met in them:", out)
if len(sys.argv) > 3: json.dump(dict(conversations=n, percent=out), open(sys.argv[3], "w"))
