"""Checkpoints, and the Hugging Face folder. Usage: export.py CHECKPOINT TOKENIZER_DIR OUT_DIR

A checkpoint is compact (5 bytes a weight): weights in 24 bits of their float32 (16 of mantissa), optimizer state in bf16.
"""
import json
import os
import shutil
import sys

import numpy as np
import torch

from model import Config, Model


def pack24(x):
    bits = x.detach().float().cpu().contiguous().view(torch.int32).numpy().astype(np.int64).ravel()
    bits = ((bits & 0xffffffff) + 0x80) >> 8
    return torch.from_numpy(np.stack([bits & 255, bits >> 8 & 255, bits >> 16 & 255], -1).astype(np.uint8))


def unpack24(b, shape):
    b = b.numpy().astype(np.uint32)
    bits = (b[:, 0] << 8 | b[:, 1] << 16 | b[:, 2] << 24).astype(np.uint32)
    return torch.from_numpy(bits.view(np.float32).copy()).reshape(shape)


def save_checkpoint(path, model, muon, adam, state):
    weights = {k: (pack24(v), tuple(v.shape)) for k, v in model.named_parameters()}
    moments = [{k: v.to(torch.bfloat16).cpu() if v.ndim else v.cpu() for k, v in adam.state[p].items()} for g in adam.param_groups for p in g["params"]]
    torch.save(dict(config=vars(model.c), weights=weights, muon=[m.to(torch.bfloat16).cpu() for m in muon.momentum], adam=moments, random=torch.get_rng_state(), state=state), path + ".new")
    os.replace(path + ".new", path)


def load_checkpoint(path, model, muon=None, adam=None):
    c = torch.load(path, weights_only=False)
    with torch.no_grad():
        for k, v in model.named_parameters(): v.copy_(unpack24(*c["weights"][k]))
        if muon:
            for a, b in zip(muon.momentum, c["muon"]): a.copy_(b)
        if adam:
            for p, m in zip([p for g in adam.param_groups for p in g["params"]], c["adam"]):
                adam.state[p] = {k: v.to(p.device, torch.float32) for k, v in m.items()}
    torch.set_rng_state(c["random"])
    return c["state"]


NAMES = dict(norm_a="input_layernorm", norm_m="post_attention_layernorm", q="self_attn.q_proj", k="self_attn.k_proj", v="self_attn.v_proj", o="self_attn.o_proj",
             norm_q="self_attn.q_norm", norm_k="self_attn.k_norm", gate="mlp.gate_proj", up="mlp.up_proj", down="mlp.down_proj")


def hf_names(c):
    """Our parameter name -> its name in a Qwen3 checkpoint."""
    out = {"table": "model.embed_tokens.weight", "norm.weight": "model.norm.weight"}
    for i in range(c.layers):
        for a, b in NAMES.items(): out[f"blocks.{i}.{a}.weight"] = f"model.layers.{i}.{b}.weight"
    return out


def load(path):
    """The model of a checkpoint file or of an exported folder."""
    if os.path.isdir(path):
        from safetensors.torch import load_file
        j = json.load(open(f"{path}/config.json"))
        c = Config(j["vocab_size"], j["hidden_size"], j["num_hidden_layers"], j["num_attention_heads"], j["num_key_value_heads"], j["head_dim"], j["intermediate_size"])
        m = Model(c); t = load_file(f"{path}/model.safetensors")
        m.load_state_dict({k: t[v].float() for k, v in hf_names(c).items()})
        return m
    c = torch.load(path, weights_only=False)
    m = Model(Config(**c["config"]))
    load_checkpoint(path, m)
    return m


def save_pretrained(model, tokenizer_dir, out):
    from transformers import GenerationConfig, Qwen3Config, Qwen3ForCausalLM
    c = model.c
    config = Qwen3Config(vocab_size=c.vocab, hidden_size=c.width, intermediate_size=c.ff, num_hidden_layers=c.layers, num_attention_heads=c.heads, num_key_value_heads=c.kv_heads, head_dim=c.head, hidden_act="silu",
                         max_position_embeddings=c.context, rms_norm_eps=c.eps, rope_theta=c.theta, tie_word_embeddings=True, attention_bias=False, use_sliding_window=False, bos_token_id=None, eos_token_id=2, pad_token_id=0)
    hf = Qwen3ForCausalLM(config)
    state = model.state_dict()
    result = hf.load_state_dict({v: state[k].detach().cpu() for k, v in hf_names(c).items()}, strict=False)
    assert set(result.missing_keys) <= {"lm_head.weight"} and not result.unexpected_keys, result
    hf.tie_weights()
    hf = hf.to(torch.bfloat16)
    hf.generation_config = GenerationConfig(eos_token_id=[2, 0], pad_token_id=0, do_sample=False)
    hf.save_pretrained(out)
    path = f"{out}/config.json"
    j = json.load(open(path))
    j.setdefault("rope_theta", c.theta)  # older readers look for it here; newer ones in rope_parameters
    json.dump(j, open(path, "w"), indent=2); open(path, "a").write("\n")
    for f in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if os.path.abspath(tokenizer_dir) != os.path.abspath(out): shutil.copyfile(f"{tokenizer_dir}/{f}", f"{out}/{f}")


if __name__ == "__main__":
    save_pretrained(load(sys.argv[1]), sys.argv[2], sys.argv[3])
