"""The engines that take turns. A session is one engine with one model; measure() gives its figures of one turn.

Two kinds: programs that stay (Espalier, OpenVINO, the engines in Java) read a line of JSON a turn, so their model stays
loaded and their code warm; llama.cpp and its fork are run anew with their own benchmark programs, whose warm-up they
bring along.
"""
import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile

from models import Missing, Models, existing, need, quiet

PREFILL = "prefill 512"
PROMPT = 16
# Decode is the difference of two output lengths after a short prompt; steps of a small model are short, so it has more.
OUTPUTS = {"1b": (4, 20), "135m": (4, 36)}
JAVA = ("java-llama.cpp", "jlama", "llama3.java")


def decode(sequences: int) -> str:
    return f"decode {sequences}"


def difference(figures: dict[str, float], count: int, tokens: int, seconds: float) -> None:
    """On a busy machine the longer run may be the faster one, and then the turn says nothing."""
    if seconds > 0:
        figures[decode(count)] = count * tokens / seconds


class Turns:
    """A program that answers one line of JSON a turn (see `espalier bench turns`).

    outputs: the two lengths of decoding
    most: sequences that it can decode together; measures of more are left out
    warm_rounds: how often every measure is taken before the first that counts"""

    def __init__(self, command: list, log: pathlib.Path, outputs: tuple[int, int], most: int = 256, warm_rounds: int = 1):
        self.log, self.outputs, self.most, self.warm_rounds = log, outputs, most, warm_rounds
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

    def batch(self, prompts: list[int], outputs: list[int], profile: bool = False) -> dict:
        """profile: Espalier's answer then has the shares of its time."""
        asked = {"prompts": prompts, "outputs": outputs} | ({"profile": True} if profile else {})
        try:
            self.process.stdin.write(json.dumps(asked) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, and why is what answer() says
        answer = self.answer()
        if answer["output_tokens"] != sum(outputs):
            raise Missing(f"made {answer['output_tokens']} tokens instead of {sum(outputs)}")
        return answer

    def warm(self, measures: list[str]) -> None:
        for _ in range(self.warm_rounds):
            self.measure(measures)

    def measure(self, measures: list[str]) -> dict[str, float]:
        """Tokens a second of each measure."""
        figures = {}
        for name in measures:
            kind, count = name.split()
            count = int(count)
            if kind == "prefill":
                figures[name] = count / self.batch([count], [1])["seconds"]
            elif count <= self.most:
                few, many = self.outputs
                short = self.batch([PROMPT] * count, [few] * count)["seconds"]
                long = self.batch([PROMPT] * count, [many] * count)["seconds"]
                difference(figures, count, many - few, long - short)
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

    ROW = re.compile(r"^\|(?:\s*[\d.]+\s*\|){10}", re.M)

    def __init__(self, folder: pathlib.Path, model: pathlib.Path, threads: int, outputs: tuple[int, int],
                 flags: dict[str, list[str]]):
        self.bench, self.batched = existing(folder / "llama-bench"), existing(folder / "llama-batched-bench")
        self.model, self.threads, self.outputs, self.flags = model, str(threads), outputs, flags
        self.note = model.name

    def warm(self, measures: list[str]) -> None:
        """Reads the file into the page cache; the programs warm up by themselves."""
        with open(self.model, "rb", buffering=0) as file:
            while file.read(1 << 24):
                pass

    def measure(self, measures: list[str]) -> dict[str, float]:
        figures = {}
        for name in measures:
            if name.startswith("prefill"):
                rows = self.run([self.bench, "-m", self.model, "-t", self.threads, "-p", name.split()[1], "-n", "0",
                                 "-r", "1", "-o", "json", *self.flags["bench"]]).stdout
                figures[name] = json.loads(rows[rows.index("["):])[0]["avg_ts"]
        counts = [int(name.split()[1]) for name in measures if name.startswith("decode")]
        if counts:
            few, many = self.outputs
            done = self.run([self.batched, "-m", self.model, "-t", self.threads, "-npp", PROMPT, "-pps", "-ntg",
                             f"{few},{many}", "-npl", ",".join(map(str, counts)), "-c", (many + 16) * max(counts) + 256,
                             *self.flags["batched"]])
            times = self.times(done.stdout + "\n" + done.stderr)
            for count in counts:
                difference(figures, count, many - few, times[count, many] - times[count, few])
        return figures

    def times(self, text: str) -> dict[tuple[int, int], float]:
        """(sequences, tokens of each) -> seconds of decoding, from lines of JSON or from a table, whichever it writes."""
        times = {}
        for line in text.splitlines():
            if line.startswith("{"):
                row = json.loads(line)
                times[row["pl"], row["tg"]] = row["t_tg"]
            elif self.ROW.match(line):
                cells = [cell.strip() for cell in line.split("|")[1:]]
                times[int(cells[2]), int(cells[1])] = float(cells[6])
        if not times:
            raise Missing(f"{self.batched.name} wrote no times: {text[-300:]}")
        return times

    @staticmethod
    def run(command: list) -> subprocess.CompletedProcess:
        with tempfile.TemporaryDirectory() as folder:  # the fork leaves a log where it is run
            done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, errors="replace", cwd=folder)
        if done.returncode != 0:
            raise Missing(f"{pathlib.Path(command[0]).name} failed ({done.returncode}): {done.stderr[-400:]}")
        return done

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
            "java-llama.cpp": self.java_llama, "jlama": self.jlama, "llama3.java": self.llama3,
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
        return Turns(command, self.logs / f"espalier-{model}-{kind}.log", OUTPUTS[model], warm_rounds=2)

    def llama(self, engine: str, model: str, kind: str) -> LlamaPrograms:
        folder = need(self.args.llama_bin, "--llama-bin")
        flags = {"bench": ["-fa", "1"], "batched": ["-fa", "on", "--output-format", "jsonl"]}
        return LlamaPrograms(folder.absolute(), self.models.gguf(model, kind).absolute(), self.args.threads,
                             OUTPUTS[model], flags)

    def ik(self, engine: str, model: str, kind: str) -> LlamaPrograms:
        folder = need(self.args.ik_llama_bin, "--ik-llama-bin, the programs of a native build of ik_llama.cpp")
        flags = {"bench": ["-fa", "1", "-rtr", "1"], "batched": ["-fa", "on", "-rtr"]}
        return LlamaPrograms(folder.absolute(), self.models.gguf(model, kind).absolute(), self.args.threads,
                             OUTPUTS[model], flags)

    def openvino(self, engine: str, model: str, kind: str) -> Turns:
        python = need(self.args.openvino_python, "--openvino-python, a Python with openvino-genai")
        folder = self.models.openvino(model, kind)
        vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
        script = pathlib.Path(__file__).with_name("openvino_turns.py")
        command = [python, script, "--model", folder, "--threads", self.args.threads, "--vocabulary", vocabulary]
        return Turns(command + (["--bf16"] if kind == "bf16" else []), self.logs / f"openvino-{model}-{kind}.log",
                     OUTPUTS[model])

    def jvm(self, *class_path) -> list:
        return [self.models.java, "-Xmx4g", "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED",
                "-cp", os.pathsep.join(map(str, class_path))]

    def java_llama(self, engine: str, model: str, kind: str) -> Turns:
        command = [*self.jvm(self.models.java_peers() / "*"), "espalier.peers.LlamaJavaTurns",
                   self.models.gguf(model, kind), self.args.threads]
        return Turns(command, self.logs / f"java-llama-{model}-{kind}.log", OUTPUTS[model], most=32)

    def jlama(self, engine: str, model: str, kind: str) -> Turns:
        command = [*self.jvm(self.models.java_peers() / "*"), "espalier.peers.JlamaTurns", self.models.jlama(model, kind),
                   self.args.threads]
        return Turns(command, self.logs / f"jlama-{model}-{kind}.log", OUTPUTS[model], most=1)

    def llama3(self, engine: str, model: str, kind: str) -> Turns:
        checkout = need(self.args.llama3_java, "--llama3-java, a checkout of llama3.java")
        peers, classes = self.models.java_peers(), self.logs / "llama3"
        if not classes.exists():
            own = pathlib.Path(__file__).parent / "java" / "llama3" / "Llama3Turns.java"
            quiet([pathlib.Path(self.models.java).with_name("javac"), "-nowarn", "--add-modules", "jdk.incubator.vector",
                   "-cp", peers / "*", "-d", classes, existing(checkout / "Llama3.java"), own])
        command = [*self.jvm(classes, peers / "*"), f"-Djava.util.concurrent.ForkJoinPool.common.parallelism={max(1, self.args.threads - 1)}",
                   "-Djdk.incubator.vector.VECTOR_ACCESS_OOB_CHECK=0", "com.llama4j.Llama3Turns",
                   self.models.gguf(model, kind)]
        return Turns(command, self.logs / f"llama3-{model}-{kind}.log", OUTPUTS[model], most=1)
