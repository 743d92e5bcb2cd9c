"""Checks an exported folder against transformers: loading in bf16, the chat template and its token ids, special tokens, and greedy answers. Usage: check_hf.py DIR [CONVERSATIONS]"""
import os
import random
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import chat
import evaluate
import export
import generator
from model import Decoder
from tokenizers import Tokenizer

folder = sys.argv[1]; n = int(sys.argv[2]) if len(sys.argv) > 2 else 400
torch.set_num_threads(1)
tok = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
size = os.path.getsize(f"{folder}/model.safetensors")
print(f"{type(model).__name__} {model.dtype} {sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters, {size / 1e6:.2f} MB, tied: {model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()}, eos {model.generation_config.eos_token_id}, context {model.config.max_position_embeddings}")
assert size <= 24e6 and model.config.max_position_embeddings >= 4096 and sorted(model.generation_config.eos_token_id) == [0, 2]

# 1. the template writes the training text, and its ids are the training ids
r = random.Random(3); compared = with_tools = with_calls = 0
while compared < n:
    c = generator.conversation(r)
    if c["text"]: continue
    parts = chat.segments(c["messages"], c["tools"]); want = "".join(t for t, _ in parts); ms = chat.plain_messages(c["messages"])
    assert tok.apply_chat_template(ms, tools=c["tools"], tokenize=False) == want, want
    assert tok(want, add_special_tokens=False)["input_ids"] == sum((tok(t, add_special_tokens=False)["input_ids"] for t, _ in parts), []), want
    last = max(i for i, m in enumerate(ms) if m["role"] == "assistant")
    ids = tok.apply_chat_template(ms[:last], tools=c["tools"], add_generation_prompt=True, tokenize=True, return_dict=True)["input_ids"]
    assert ids == tok(chat.prompt(c["messages"][:last], c["tools"]), add_special_tokens=False)["input_ids"]
    as_text = [{**m, "content": chat.answer_text(m), "tool_calls": None} if m.get("tool_calls") else m for m in ms]  # calls given as text render the same
    assert tok.apply_chat_template(as_text, tools=c["tools"], tokenize=False) == want
    compared += 1; with_tools += c["tools"] is not None; with_calls += any("tool_calls" in m for m in ms)
print(f"template and ids equal on {compared} conversations, {with_tools} with tools, {with_calls} with calls")

# 2. decoding: control tokens are skipped, markers of tool calls are not; every digit is one token
s = '<tool_call>\n{"name": "f", "arguments": {"x": 1234}}\n</tool_call><|im_end|>'
ids = tok(s, add_special_tokens=False)["input_ids"]
assert tok.decode(ids, skip_special_tokens=True) == s[:-len("<|im_end|>")], tok.decode(ids, skip_special_tokens=True)
assert tok.eos_token == "<|im_end|>" and tok.eos_token_id == 2 and tok.pad_token_id == 0 and tok.convert_tokens_to_ids(["<|endoftext|>", "<|im_start|>", "<tool_call>", "</tools>"]) == [0, 1, 3, 8]
assert len(tok("1234567", add_special_tokens=False)["input_ids"]) == 7
for s in ("héllo 😀 世界 привет", "  two  spaces\n\nand lines\t", "O'Neil's \"quote\" {x: [1, 2]}"): assert tok.decode(tok(s, add_special_tokens=False)["input_ids"]) == s
print("special tokens, digits and round trips hold")

# 3. our decoder (which measured the held-out numbers) and transformers give the same greedy answers
ours = Tokenizer.from_file(f"{folder}/tokenizer.json"); todo = [x for x in evaluate.items(ours, 1) if len(x["prompt"]) < 600]
mine = Decoder(export.load(folder), "cpu").generate([x["prompt"] for x in todo], [x["limit"] for x in todo], [2, 0]); same = 0; other = []
for x, (ids, stopped) in zip(todo, mine):
    with torch.no_grad(): y = model.generate(torch.tensor([x["prompt"]]), max_new_tokens=x["limit"], do_sample=False)[0, len(x["prompt"]):].tolist()
    if stopped and y and y[-1] in (0, 2): y = y[:-1]
    same += y == ids
    if y != ids: other.append(x["task"])
print(f"greedy answers equal to transformers' on {same} of {len(todo)} held-out prompts; different: {other or 'none'}")
