#!/usr/bin/env python3
"""Makes the tiny random checkpoints of this folder and the logits that the transformers library computes from them.

Needs: pip install -r requirements.txt (the versions that the stored files were made with; the CPU is enough).

    python make.py            # writes every case anew; the same bytes each time with the stated versions
    python make.py --check    # writes nothing: the stored files are what is made now, and every case means something

A case is first written to disk, config.json by hand in the spelling that the case is about, and only then read back by
transformers, so what is recorded is what transformers makes of exactly these files. The arithmetic is f32 whatever the
storage. "Means something" is checked by taking the features of a case out of its config, one by one: the logits must
then differ by a hundred tolerances at least, or the case could not notice that a reader ignores the feature. And the
f64 result must agree with the f32 one to a tenth of the tolerance, or rounding alone might break it.
"""

import argparse
import json
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM
from transformers.utils import logging

ALL = ("type", "rope_type")
HERE = Path(__file__).resolve().parent
TOLERANCE = 1e-4

LLAMA = dict(
    architectures=["LlamaForCausalLM"],
    model_type="llama",
    hidden_act="silu",
    hidden_size=64,
    intermediate_size=64,
    num_attention_heads=4,
    num_hidden_layers=2,
    num_key_value_heads=2,
    vocab_size=128,
    max_position_embeddings=256,
    rms_norm_eps=1e-5,
    attention_bias=False,
    mlp_bias=False,
    tie_word_embeddings=False,
    bos_token_id=1,
    eos_token_id=2,
)
MISTRAL = {k: v for k, v in LLAMA.items() if k not in ("attention_bias", "mlp_bias")} | dict(
    architectures=["MistralForCausalLM"], model_type="mistral", head_dim=32, sliding_window=24
)
QWEN2 = {k: v for k, v in LLAMA.items() if k not in ("attention_bias", "mlp_bias")} | dict(
    architectures=["Qwen2ForCausalLM"],
    model_type="qwen2",
    rms_norm_eps=1e-6,
    tie_word_embeddings=True,
    use_sliding_window=False,
    sliding_window=32,
    max_window_layers=2,
)
QWEN3 = QWEN2 | dict(architectures=["Qwen3ForCausalLM"], model_type="qwen3", head_dim=32, attention_bias=False)
# Positions are what these are about: one layer, and inputs long enough for the slow frequencies.
ROPE = LLAMA | dict(num_hidden_layers=1, tie_word_embeddings=True, max_position_embeddings=128)

LLAMA3_ROPE = dict(
    factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32, rope_type="llama3"
)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32)


def case(about, config, rope, *, old=False, dtype="float32", shards=1, lengths=(5, 32), without=None, context=None):
    """`rope` is in the newer spelling; `old` writes rope_theta and rope_scaling. `without`: a list, see `strip`."""
    config = dict(config)
    if old:
        config["rope_theta"] = rope["rope_theta"]
        scaling = {k: v for k, v in rope.items() if k != "rope_theta"}
        if old == "type" and "rope_type" in scaling:
            scaling["type"] = scaling.pop("rope_type")
        config["rope_scaling"] = scaling if len(scaling) > 1 else None
        config["torch_dtype"] = dtype
    else:
        config["rope_parameters"] = dict(rope)
        config["dtype"] = dtype
    return dict(
        about=about, config=config, dtype=dtype, shards=shards, lengths=lengths, without=without or [], context=context
    )


def plain(theta=10000.0):
    return dict(rope_type="default", rope_theta=theta)


def both(name, about, config, rope, bf16=None, **more):
    """The case with f32 storage, and with bf16 storage (with the differences in `bf16`)."""
    other = dict(more) | dict(dtype="bfloat16") | (bf16 or {})
    return {
        f"{name}-f32": case(about + "; f32", config, rope, **more),
        f"{name}-bf16": case(about + "; bf16", other.pop("config", config), rope, **other),
    }


def cases():
    def rope(about, parameters, *, options=(), old=False):
        without = [{"rope": ALL}, *({"rope": (key,)} for key in options)]
        return case(about, ROPE, parameters, dtype="bfloat16", lengths=(7, 96), old=old, without=without)

    all_cases = {}
    all_cases |= both(
        "llama2", "Llama 2: as many KV heads as heads, untied; old spelling", LLAMA | dict(num_key_value_heads=4),
        plain(), old=True, bf16=dict(shards=2, old=False),
    )
    all_cases |= both(
        "llama3", "Llama 3: grouped queries, rope llama3", LLAMA | dict(tie_word_embeddings=True),
        LLAMA3_ROPE | dict(rope_theta=500.0), lengths=(5, 64), old=True, without=[{"rope": ALL}],
        bf16=dict(old=False, config=LLAMA, shards=3),
    )
    all_cases |= both(
        "mistral", "Mistral: a window of 24 over longer inputs, head_dim 32 instead of 16", MISTRAL, plain(1000.0),
        lengths=(5, 72), without=[{"sliding_window": None}], bf16=dict(old=True),
    )
    all_cases |= both("qwen2", "Qwen2: biases on q, k and v; tied embeddings", QWEN2, plain(), bf16=dict(old=True))
    all_cases |= both(
        "qwen3", "Qwen3: norms on q and k, head_dim 32 instead of 16, tied embeddings", QWEN3, plain(1000.0),
        bf16=dict(shards=2),
    )
    all_cases["qwen2-window"] = case(
        "Qwen2 whose layers from max_window_layers on see a window of 12; the first sees everything",
        QWEN2 | dict(use_sliding_window=True, sliding_window=12, max_window_layers=1), plain(),
        old=True, dtype="bfloat16", lengths=(9, 60), without=[{"use_sliding_window": False}],
    )
    all_cases["qwen3-bias"] = case(
        "Qwen3 with attention_bias: q, k, v and o", QWEN3 | dict(attention_bias=True), plain(),
        dtype="bfloat16", without=[{"attention_bias": False}],
    )
    all_cases["llama-bias"] = case(
        "Llama with attention_bias (q, k, v, o) and mlp_bias (gate, up, down)",
        LLAMA | dict(attention_bias=True, mlp_bias=True), plain(), dtype="bfloat16",
        without=[{"attention_bias": False}, {"mlp_bias": False}],
    )
    all_cases["llama-f16"] = case("Llama with f16 storage", LLAMA, plain(), dtype="float16")
    all_cases["rope-linear-old"] = rope(
        "linear scaling by 4; rope_scaling with `type`", dict(rope_type="linear", factor=4.0, rope_theta=100.0),
        old="type",
    )
    all_cases["rope-linear"] = rope(
        "linear scaling by 2.5; rope_parameters", dict(rope_type="linear", factor=2.5, rope_theta=100.0)
    )
    dynamic = dict(rope_type="dynamic", factor=4.0, rope_theta=100.0)
    all_cases["rope-dynamic"] = case(
        "dynamic scaling within the original context, where it changes nothing", ROPE, dynamic, dtype="bfloat16",
        lengths=(7, 96),
    )
    all_cases["rope-dynamic-long"] = case(
        "dynamic scaling with --context-length 96 over an original context of 32: one forward pass over 96 tokens has"
        " the base that Espalier fixes at start", ROPE | dict(max_position_embeddings=32), dynamic, dtype="bfloat16",
        lengths=(96,), old="type", without=[{"rope": ALL}], context=96,
    )
    all_cases["rope-llama3"] = rope(
        "llama3 with other factors; rope_parameters",
        LLAMA3_ROPE | dict(rope_theta=300.0, factor=5.0, low_freq_factor=0.8, high_freq_factor=6.0),
    )
    all_cases["rope-yarn"] = rope("yarn, every option left out; rope_parameters", YARN | dict(rope_theta=1000.0))
    all_cases["rope-yarn-old"] = rope(
        "yarn with attention_factor; rope_scaling with `type`", YARN | dict(rope_theta=1000.0, attention_factor=1.3),
        old="type", options=["attention_factor"],
    )
    all_cases["rope-yarn-mscale"] = rope(
        "yarn with mscale and mscale_all_dim", YARN | dict(rope_theta=1000.0, mscale=1.5, mscale_all_dim=0.6), old=True,
        options=["mscale"],
    )
    all_cases["rope-yarn-betas"] = rope(
        "yarn with beta_fast 4, beta_slow 0.5 and no truncation; rope_parameters",
        YARN | dict(rope_theta=1000.0, beta_fast=4.0, beta_slow=0.5, truncate=False),
        options=["beta_fast", "beta_slow", "truncate"],
    )
    return all_cases


def weights(config, dtype, generator):
    """Random weights in the stored names; large enough that attention is far from uniform and every norm matters."""
    hidden, inner, vocab = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    head = config.get("head_dim") or hidden // heads
    qwen2, qwen3 = config["model_type"] == "qwen2", config["model_type"] == "qwen3"
    out_bias, mlp_bias = config.get("attention_bias", False), config.get("mlp_bias", False)
    made = {}

    def normal(name, *shape, mean=0.0, deviation):
        made[name] = (torch.randn(*shape, generator=generator) * deviation + mean).to(getattr(torch, dtype))

    def linear(name, out, into, bias, gain=1.0):
        normal(name + ".weight", out, into, deviation=gain * into**-0.5)
        if bias:
            normal(name + ".bias", out, deviation=0.4)

    def norm(name, size):
        normal(name + ".weight", size, mean=1.0, deviation=0.2)

    normal("model.embed_tokens.weight", vocab, hidden, deviation=0.6)
    for i in range(config["num_hidden_layers"]):
        layer = f"model.layers.{i}."
        norm(layer + "input_layernorm", hidden)
        linear(layer + "self_attn.q_proj", heads * head, hidden, out_bias or qwen2, 1.4)
        linear(layer + "self_attn.k_proj", kv_heads * head, hidden, out_bias or qwen2, 1.4)
        linear(layer + "self_attn.v_proj", kv_heads * head, hidden, out_bias or qwen2)
        linear(layer + "self_attn.o_proj", hidden, heads * head, out_bias)
        if qwen3:
            norm(layer + "self_attn.q_norm", head)
            norm(layer + "self_attn.k_norm", head)
        norm(layer + "post_attention_layernorm", hidden)
        linear(layer + "mlp.gate_proj", inner, hidden, mlp_bias)
        linear(layer + "mlp.up_proj", inner, hidden, mlp_bias)
        linear(layer + "mlp.down_proj", hidden, inner, mlp_bias)
    norm("model.norm", hidden)
    if not config["tie_word_embeddings"]:
        linear("lm_head", vocab, hidden, False)
    return made


def write_weights(folder, tensors, shards):
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names = list(tensors)
    parts = [names[i * len(names) // shards : (i + 1) * len(names) // shards] for i in range(shards)]
    where = {}
    for number, part in enumerate(parts, 1):
        file = f"model-{number:05d}-of-{shards:05d}.safetensors"
        save_file({name: tensors[name] for name in part}, folder / file, metadata={"format": "pt"})
        where |= {name: file for name in part}
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": where})


def write_json(file, value):
    file.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def logits(folder, ids, dtype=torch.float32):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()
    with torch.no_grad():
        # A model is loaded anew for each input where scaling depends on what it has seen.
        return model(input_ids=ids.long()[None], use_cache=False).logits[0].float().contiguous()


def strip(config, without):
    """The config without one feature of its case: fields set to another value, and options of `rope` taken away."""
    config = json.loads(json.dumps(config)) | {k: v for k, v in without.items() if k != "rope"}
    scaling = config.get("rope_scaling") or config.get("rope_parameters")
    if without.get("rope") == ALL:
        config["rope_parameters"] = plain(config.pop("rope_theta", None) or scaling["rope_theta"])
        config.pop("rope_scaling", None)
    for key in without.get("rope", ()):
        scaling.pop(key, None)
    return config


def distance(a, reference):
    return float(((a - reference).abs().amax(-1) / reference.abs().amax(-1)).max())


def make(folder, name, it):
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    write_json(folder / "config.json", it["config"])
    tensors = weights(it["config"], it["dtype"], generator)
    write_weights(folder, tensors, it["shards"])
    note = {"about": it["about"]} | ({"context_length": it["context"]} if it["context"] else {})
    write_json(folder / "case.json", note)
    golden = {}
    for i, length in enumerate(it["lengths"]):
        ids = torch.randint(3, it["config"]["vocab_size"], (length,), generator=generator, dtype=torch.int32)
        golden[f"input_ids.{i}"] = ids
        golden[f"logits.{i}"] = logits(folder, ids)
    save_file(golden, folder / "logits.safetensors")


def matters(folder, it):
    """How far the logits of the longest input move at least without a feature of the case, and how far in f64."""
    golden = load_file(folder / "logits.safetensors")
    last = len(it["lengths"]) - 1
    ids, expected = golden[f"input_ids.{last}"], golden[f"logits.{last}"]
    rounding = distance(logits(folder, ids, torch.float64), expected)
    moved = []
    for without in it["without"]:
        with tempfile.TemporaryDirectory() as other:
            shutil.copytree(folder, other, dirs_exist_ok=True)
            write_json(Path(other) / "config.json", strip(it["config"], without))
            moved.append(distance(logits(other, ids), expected))
    return min(moved, default=None), rounding


def differences(stored, fresh):
    """What the stored folder has that differs from one made now."""
    names = {f.name for f in stored.iterdir()} | {f.name for f in fresh.iterdir()}
    for name in sorted(names):
        a, b = stored / name, fresh / name
        if not (a.exists() and b.exists()):
            yield f"{name}: {'missing' if b.exists() else 'not made by this script'}"
        elif name == "logits.safetensors":
            old, new = load_file(a), load_file(b)
            if old.keys() != new.keys():
                yield f"{name}: other inputs"
                continue
            for key in old:
                allowed = 0 if key.startswith("input") else 1e-5
                if old[key].shape != new[key].shape or distance(old[key], new[key]) > allowed:
                    yield f"{name}: {key} differs"
        elif a.read_bytes() != b.read_bytes():
            yield f"{name}: differs"


def main():
    parser = argparse.ArgumentParser(description="Makes or checks the golden data of this folder.")
    parser.add_argument("--check", action="store_true", help="compare with what is stored instead of writing")
    check = parser.parse_args().check
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    wrong = 0
    wanted = cases()
    with tempfile.TemporaryDirectory() as temporary:
        for name, it in wanted.items():
            folder = Path(temporary) / name
            make(folder, name, it)
            moved, rounding = matters(folder, it)
            if moved is not None and moved < 100 * TOLERANCE or rounding > TOLERANCE / 10:
                print(f"{name}: without its feature {moved}, in f64 {rounding}: the case proves nothing")
                wrong += 1
            size = sum(f.stat().st_size for f in folder.iterdir())
            print(f"{name:20} {size / 1000:6.0f} kB  without its feature {moved or 0:.3f}  f64 {rounding:.1e}")
            stored = HERE / name
            if check:
                found = list(differences(stored, folder)) if stored.is_dir() else ["missing"]
                for line in found:
                    print(f"{name}/{line}")
                wrong += len(found)
            else:
                shutil.rmtree(stored, ignore_errors=True)
                shutil.copytree(folder, stored)
    for folder in sorted(f for f in HERE.iterdir() if f.is_dir() and f.name not in wanted):
        print(f"{folder.name}: no case of this script")
        wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
