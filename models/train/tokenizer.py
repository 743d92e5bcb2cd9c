"""Trains the byte-level BPE tokenizer on generated text. Usage: tokenizer.py OUT_DIR [VOCAB]

Digits are single tokens; a letter run takes one character before it (a space, a quote) into its token, as in GPT-style pre-tokenizers.
"""
import json
import os
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import generator
from chat import END_OF_TEXT, IM_END, MARKERS, SPECIAL, TEMPLATE

PIECES = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CONTEXT = 4096


def train(vocab, seed=1234, n=40000):
    r = random.Random(seed)
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PIECES), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    added = [AddedToken(x, special=x in SPECIAL, normalized=False) for x in SPECIAL + MARKERS]
    texts = ("".join(x for x, _ in generator.document(generator.conversation(r))) for _ in range(n))
    t.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=vocab, special_tokens=added, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    j = json.loads(t.to_str())
    for x in j["added_tokens"]:  # the trainer marks all of them special; then skip_special_tokens would drop <tool_call>
        x["special"] = x["content"] in SPECIAL
    return j


def save(j, out):
    os.makedirs(out, exist_ok=True)
    with open(f"{out}/tokenizer.json", "w", encoding="utf-8") as f:
        json.dump(j, f, ensure_ascii=False)
    with open(f"{out}/tokenizer_config.json", "w", encoding="utf-8") as f:
        json.dump(dict(tokenizer_class="PreTrainedTokenizerFast", bos_token=None, eos_token=IM_END, pad_token=END_OF_TEXT, unk_token=None,
                       model_max_length=CONTEXT, clean_up_tokenization_spaces=False, add_bos_token=False, add_eos_token=False), f, indent=2)
        f.write("\n")
    with open(f"{out}/chat_template.jinja", "w", encoding="utf-8") as f:
        f.write(TEMPLATE)


if __name__ == "__main__":
    out = sys.argv[1]
    save(train(int(sys.argv[2]) if len(sys.argv) > 2 else 2048), out)
    t = Tokenizer.from_file(f"{out}/tokenizer.json")
    r = random.Random(7); lengths = []; learned = chars = 0
    for _ in range(3000):
        doc = generator.document(generator.conversation(r))
        ls = [len(t.encode(x, add_special_tokens=False).ids) for x, _ in doc]
        lengths.append(sum(ls)); learned += sum(n for n, (_, s) in zip(ls, doc) if s); chars += sum(len(x) for x, _ in doc)
    lengths.sort()
    print("vocabulary", t.get_vocab_size(), "tokens a conversation: mean", round(sum(lengths) / 3000), "median", lengths[1500], "p90", lengths[2700], "p99", lengths[2970], "max", lengths[-1],
          "learned", round(learned / sum(lengths), 3), "characters a token", round(chars / sum(lengths), 2))
