"""Makes the models that bench/peers compares with, each once, into a cache folder.

    1b      the shape of Llama 3.2 1B with random weights: speed depends on shapes alone, and nobody has to download it
    135m    a real model, as a Hugging Face folder that is given by path (--real-model)

Of each: a Hugging Face folder in bf16, GGUF files in BF16, Q8_0 and Q4_0, and folders in OpenVINO's format (bf16 weights
as fp16, int8, int4 in groups of 64). The standard library writes the random weights; the rest is done by the peers' own
converters, so that every engine reads what its users would give it.
"""
import argparse
import array
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

SHAPE_1B = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16", "hidden_act": "silu",
    "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64, "max_position_embeddings": 131072,
    "rope_theta": 500000.0, "rms_norm_eps": 1e-5, "tie_word_embeddings": True, "attention_bias": False,
    "mlp_bias": False, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2,
}
GGUF_TYPES = {"bf16": "BF16", "int8": "Q8_0", "int4": "Q4_0"}
OPENVINO_TYPES = {"bf16": "fp16", "int8": "int8", "int4": "int4"}
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "generation_config.json")


def tensors_of(config: dict) -> list[tuple[str, tuple[int, ...]]]:
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    queries = config["num_attention_heads"] * config["head_dim"]
    keys = config["num_key_value_heads"] * config["head_dim"]
    shapes = [("model.embed_tokens.weight", (config["vocab_size"], hidden)), ("model.norm.weight", (hidden,))]
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        shapes += [
            (at + "input_layernorm.weight", (hidden,)), (at + "post_attention_layernorm.weight", (hidden,)),
            (at + "self_attn.q_proj.weight", (queries, hidden)), (at + "self_attn.k_proj.weight", (keys, hidden)),
            (at + "self_attn.v_proj.weight", (keys, hidden)), (at + "self_attn.o_proj.weight", (hidden, queries)),
            (at + "mlp.gate_proj.weight", (inner, hidden)), (at + "mlp.up_proj.weight", (inner, hidden)),
            (at + "mlp.down_proj.weight", (hidden, inner)),
        ]
    return shapes


def bf16(value: float) -> int:
    return struct.unpack("<I", struct.pack("<f", value))[0] >> 16


def random_weights(config: dict, file: pathlib.Path) -> None:
    """A safetensors file; the values are drawn once for a block of a million and repeated from changing offsets."""
    source = random.Random(7)
    block = array.array("H", (bf16(source.gauss(0, 0.02)) for _ in range(1 << 20))).tobytes()
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors_of(config):
        size = 2
        for axis in shape:
            size *= axis
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with open(file, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name, shape in tensors_of(config):
            begin, stop = header[name]["data_offsets"]
            left = stop - begin
            if len(shape) == 1:
                out.write(struct.pack("<H", bf16(1.0)) * shape[0])
                continue
            at = 2 * source.randrange(1 << 20)
            while left:
                part = block[at:at + left]
                out.write(part)
                left -= len(part)
                at = 0


class Models:
    """Paths of the models in the cache; each is made when it is first asked for."""

    def __init__(self, args: argparse.Namespace):
        self.cache, self.real_model = args.cache, args.real_model
        self.llama_source, self.llama_bin, self.openvino_python = args.llama_source, args.llama_bin, args.openvino_python
        self.java = args.java

    def folder(self, model: str) -> pathlib.Path:
        """The Hugging Face folder."""
        if model == "135m":
            return need(self.real_model, "--real-model, the folder of a small Llama model in bf16")
        path = self.cache / "1b"
        if not (path / "model.safetensors").exists():
            say(f"writing random weights into {path}")
            path.mkdir(parents=True, exist_ok=True)
            (path / "config.json").write_text(json.dumps(SHAPE_1B, indent=1))
            # Any tokenizer will do, as long as every engine has one: only ids are sent and read.
            for name in TOKENIZER_FILES:
                file = need(self.real_model, "--real-model, whose tokenizer is used") / name
                if file.exists():
                    shutil.copy(file, path / name)
            random_weights(SHAPE_1B, path / "model.part")
            (path / "model.part").rename(path / "model.safetensors")
        return path

    def gguf(self, model: str, kind: str) -> pathlib.Path:
        """kind: bf16, int8 (Q8_0), int4 (Q4_0), or shipped: the Q4_1 file beside the real model."""
        if kind == "shipped":
            return existing(self.folder(model) / "model.gguf")
        path = self.cache / "gguf" / f"{model}-{GGUF_TYPES[kind]}.gguf"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            say(f"making {path}")
            if kind == "bf16":
                script = need(self.llama_source, "--llama-source, the tree of llama.cpp") / "convert_hf_to_gguf.py"
                python = need(self.openvino_python, "--openvino-python, which has what the converter imports")
                quiet([python, script, self.folder(model), "--outtype", "bf16", "--outfile", part])
            else:
                quantize = need(self.llama_bin, "--llama-bin") / "llama-quantize"
                quiet([quantize, self.gguf(model, "bf16"), part, GGUF_TYPES[kind], "2"])
            part.rename(path)
        return path

    def java_peers(self) -> pathlib.Path:
        """The jars of the engines in Java and of what drives them."""
        path = pathlib.Path(__file__).parent / "java" / "target" / "lib"
        if not path.exists():
            raise Missing("needs ./mvnw -Pjava-peers -pl bench/peers/java package")
        return path

    def jlama(self, model: str, kind: str) -> pathlib.Path:
        """The bf16 folder as it is, or one in Jlama's own format of 4 bits."""
        if kind == "bf16":
            return self.folder(model)
        if kind != "int4":
            raise Missing("reads bf16 and a format of its own of 4 bits")
        path = self.cache / "jlama" / f"{model}-int4"
        if not path.exists():
            say(f"making {path}")
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(path.name + ".part")
            shutil.rmtree(part, ignore_errors=True)
            with tempfile.TemporaryDirectory() as source:
                (pathlib.Path(source) / "README.md").touch()  # it copies one, and fails where there is none
                for file in self.folder(model).absolute().iterdir():
                    if file.suffix in (".json", ".safetensors"):
                        (pathlib.Path(source) / file.name).symlink_to(file)
                quiet([self.java, "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp",
                       self.java_peers() / "*", "espalier.peers.JlamaTurns", "quantize", source, part])
            part.rename(path)
        return path

    def openvino(self, model: str, kind: str) -> pathlib.Path:
        if kind not in OPENVINO_TYPES:
            raise Missing("has no such format")
        path = self.cache / "openvino" / f"{model}-{kind}"
        if not (path / "openvino_model.bin").exists():
            python = need(self.openvino_python, "--openvino-python")
            say(f"making {path}")
            command = [pathlib.Path(python).parent / "optimum-cli", "export", "openvino", "--model", self.folder(model),
                       "--task", "text-generation-with-past", "--weight-format", OPENVINO_TYPES[kind]]
            if kind == "int4":
                command += ["--group-size", "64", "--ratio", "1.0"]
            part = path.with_name(path.name + ".part")
            shutil.rmtree(part, ignore_errors=True)
            quiet([*command, part])
            part.rename(path)
        return path


class Missing(Exception):
    """A peer, or a file that it needs, is not there; the cases that need it are left out."""


def need(value, what: str):
    if value is None:
        raise Missing(f"needs {what}")
    return value


def existing(path: pathlib.Path) -> pathlib.Path:
    if not path.exists():
        raise Missing(f"{path} is not there")
    return path


def quiet(command: list) -> None:
    """Runs a converter; its chatter is shown only if it fails."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Missing(f"{pathlib.Path(str(command[0])).name} failed ({done.returncode}): {done.stdout[-800:]}")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cache", type=pathlib.Path, required=True, help="folder for generated models (10 GB)")
    parser.add_argument("--real-model", type=pathlib.Path, help="Hugging Face folder of the 135M model")
    parser.add_argument("--llama-source", type=pathlib.Path, help="tree of llama.cpp, for its converter")
    parser.add_argument("--llama-bin", type=pathlib.Path, help="folder with llama-bench and its siblings")
    parser.add_argument("--openvino-python", help="a Python that has openvino-genai and optimum-intel")
    home = os.environ.get("JAVA_HOME")
    parser.add_argument("--java", default=str(pathlib.Path(home, "bin", "java")) if home else shutil.which("java"),
                        help="JDK 25's java, for the engines in Java; by default JAVA_HOME's, or that of PATH")


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes every model ahead of a run.")
    arguments(parser)
    models = Models(parser.parse_args())
    for model in ("135m", "1b"):
        for kind in ("bf16", "int8", "int4"):
            for make in (models.gguf, models.openvino):
                try:
                    print(make(model, kind))
                except Missing as e:
                    say(f"{model} {kind}: {e}")


if __name__ == "__main__":
    main()
