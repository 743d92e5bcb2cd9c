"""The engines that take turns. A session is one engine with one model; measure() gives its figures of one turn.

Two kinds: programs that stay (Espalier, OpenVINO) read a line of JSON a turn, so their model stays
loaded and their code warm; llama.cpp and its fork are run anew with their own benchmark programs, whose warm-up they
bring along.
"""
import json
import pathlib
import shlex
import subprocess
import tempfile

from models import Missing, Models, existing, need

PREFILL = "prefill 512"
SHORT, LONG, PROMPT = 4, 20, 16  # decode: the difference of two output lengths after a short prompt


def decode(sequences: int) -> str:
    return f"decode {sequences}"


def difference(figures: dict[str, float], count: int, seconds: float) -> None:
    """On a busy machine the longer run may be the faster one, and then the turn says nothing."""
    if seconds > 0:
        figures[decode(count)] = count * (LONG - SHORT) / seconds


class Turns:
    """A program that answers one line of JSON a turn (see `espalier bench turns`)."""

    def __init__(self, command: list, log: pathlib.Path):
        self.log = log
        self.errors = open(log, "wb")
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)
        self.note = self.answer().get("ready", "")

    def answer(self) -> dict:
        for line in self.process.stdout:
            if line.startswith("{"):
                answer = json.loads(line)
                if answer.get("errors"):
                    raise Missing(f"requests failed: {answer['errors'][0]}")
                return answer
        self.process.wait()
        tail = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()][-3:]
        raise Missing(f"ended ({self.process.returncode}): {' | '.join(tail)[-400:]}")

    def batch(self, prompts: list[int], outputs: list[int]) -> dict:
        try:
            self.process.stdin.write(json.dumps({"prompts": prompts, "outputs": outputs}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, and why is what answer() says
        answer = self.answer()
        if answer["output_tokens"] != sum(outputs):
            raise Missing(f"made {answer['output_tokens']} tokens instead of {sum(outputs)}")
        return answer

    def warm(self, measures: list[str]) -> None:
        for _ in range(2):
            self.measure(measures)

    def measure(self, measures: list[str]) -> dict[str, float]:
        """Tokens a second of each measure."""
        figures = {}
        for name in measures:
            kind, count = name.split()
            count = int(count)
            if kind == "prefill":
                figures[name] = count / self.batch([count], [1])["seconds"]
            else:
                short = self.batch([PROMPT] * count, [SHORT] * count)["seconds"]
                long = self.batch([PROMPT] * count, [LONG] * count)["seconds"]
                difference(figures, count, long - short)
        return figures

    def close(self) -> None:
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.errors.close()


class LlamaPrograms:
    """llama-bench for prompts, llama-batched-bench for decoding; of llama.cpp or of its fork."""

    def __init__(self, folder: pathlib.Path, model: pathlib.Path, threads: int, flags: dict[str, list[str]]):
        self.bench, self.batched = existing(folder / "llama-bench"), existing(folder / "llama-batched-bench")
        self.model, self.threads, self.flags, self.note = model, str(threads), flags, model.name

    def warm(self, measures: list[str]) -> None:
        self.measure([PREFILL])  # reads the file into the page cache

    def measure(self, measures: list[str]) -> dict[str, float]:
        figures = {}
        for name in measures:
            if name.startswith("prefill"):
                rows = self.run([self.bench, "-m", self.model, "-t", self.threads, "-p", name.split()[1], "-n", "0",
                                 "-r", "1", "-o", "json", *self.flags["bench"]])
                figures[name] = json.loads(rows[rows.index("["):])[0]["avg_ts"]
        counts = [name.split()[1] for name in measures if name.startswith("decode")]
        if counts:
            rows = self.run([self.batched, "-m", self.model, "-t", self.threads, "-npp", PROMPT, "-pps", "-ntg",
                             f"{SHORT},{LONG}", "-npl", ",".join(counts), "-c", 64 * max(map(int, counts)) + 256,
                             *self.flags["batched"]])
            times = {}
            for row in (json.loads(line) for line in rows.splitlines() if line.startswith("{")):
                times[row["pl"], row["tg"]] = row["t_tg"]
            for count in map(int, counts):
                difference(figures, count, times[count, LONG] - times[count, SHORT])
        return figures

    @staticmethod
    def run(command: list) -> str:
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise Missing(f"{pathlib.Path(command[0]).name} failed ({done.returncode}): {done.stderr[-400:]}")
        return done.stdout

    def close(self) -> None:
        pass


class Engines:
    """Opens sessions; what is not there raises Missing with what would have to be given."""

    def __init__(self, args, models: Models):
        self.args, self.models = args, models
        self.logs = pathlib.Path(tempfile.mkdtemp(prefix="peers-"))

    def open(self, engine: str, model: str, kind: str):
        return {
            "espalier": self.espalier, "llama.cpp": self.llama, "ik_llama.cpp": self.ik, "openvino": self.openvino,
        }[engine](engine, model, kind)

    def espalier_model(self, model: str, kind: str) -> list:
        """Flags that name the model. Every quantised format is the very file that llama.cpp reads, unless it is asked
        to quantise the bf16 folder itself."""
        if kind == "bf16":
            return ["--model-path", self.models.folder(model)]
        if kind in ("int8", "int4") and self.args.espalier_weights == "quantised":
            return ["--model-path", self.models.folder(model), "--quantization", kind]
        return ["--model-path", self.models.gguf(model, kind)]

    def espalier_flags(self, model: str, kind: str, threads: int) -> list:
        return [*self.espalier_model(model, kind), "--cpu-threads", threads, "--device", "cpu",
                *shlex.split(self.args.espalier_flags)]

    def espalier(self, engine: str, model: str, kind: str, extra: tuple = ()) -> Turns:
        threads = self.args.threads
        command = [self.args.espalier, "bench", "turns", *self.espalier_flags(model, kind, threads), *extra]
        return Turns(command, self.logs / f"espalier-{model}-{kind}.log")

    def llama(self, engine: str, model: str, kind: str) -> LlamaPrograms:
        folder = need(self.args.llama_bin, "--llama-bin")
        flags = {"bench": ["-fa", "1"], "batched": ["-fa", "on", "--output-format", "jsonl"]}
        return LlamaPrograms(folder, self.models.gguf(model, kind), self.args.threads, flags)

    def ik(self, engine: str, model: str, kind: str) -> LlamaPrograms:
        folder = need(self.args.ik_llama_bin, "--ik-llama-bin, the programs of a native build of ik_llama.cpp")
        flags = {"bench": ["-fa", "1", "-rtr", "1"], "batched": ["-fa", "-rtr", "--output-format", "jsonl"]}
        return LlamaPrograms(folder, self.models.gguf(model, kind), self.args.threads, flags)

    def openvino(self, engine: str, model: str, kind: str) -> Turns:
        python = need(self.args.openvino_python, "--openvino-python, a Python with openvino-genai")
        folder = self.models.openvino(model, kind)
        vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
        script = pathlib.Path(__file__).with_name("openvino_turns.py")
        command = [python, script, "--model", folder, "--threads", self.args.threads, "--vocabulary", vocabulary]
        return Turns(command + (["--bf16"] if kind == "bf16" else []), self.logs / f"openvino-{model}-{kind}.log")
