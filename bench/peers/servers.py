"""The cases that are more than batches: whole loads, servers, two ranks, the start, an idle server, the machine itself."""
import json
import math
import os
import pathlib
import random
import re
import shlex
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from engines import OUTPUTS, PREFILL, Turns, decode
from models import Missing, existing, need, say
from turns import turns

READY = re.compile(r"running on (http://\S+)")
TOGETHER, LEAST, MOST = 32, 4, 1024
WARM_REQUESTS = 8
IDLE_SETTLE_SECONDS, IDLE_SECONDS = 10, 20
# Of the whole time; no text is tokenised. The scheduler works while kernels run, so they may add up to more.
SHARES = {"in kernels, %": "kernel_share", "in the sampler, %": "sampler_share", "in the scheduler, %": "scheduler_share"}


class Server:
    """A server program; stopped by close(), and its log read where it does not come up."""

    def __init__(self, command: list, log: pathlib.Path, url: str | None):
        self.log, self.url = log, url
        with open(log, "wb") as out:
            self.process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=subprocess.STDOUT)
        try:
            self.await_ready()
        except Missing:
            self.close()
            raise

    def await_ready(self) -> None:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            text = self.log.read_text(errors="replace")
            if self.process.poll() is not None:
                raise Missing(f"ended ({self.process.returncode}): {text[-300:]}")
            if self.url is None and "ready to roll" in text:
                self.url = READY.search(text)[1]
            if self.url is not None and healthy(self.url):
                return
            time.sleep(0.05)
        raise Missing("did not become ready in three minutes")

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def healthy(url: str) -> bool:
    try:
        return urllib.request.urlopen(url + "/health", timeout=5).status == 200
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def espalier_server(engines, model: str, kind: str) -> Server:
    args = engines.args
    command = [args.espalier, "serve", "--port", "0", *engines.espalier_flags(model, kind, args.threads)]
    return Server(command, engines.logs / f"espalier-server-{model}-{kind}.log", None)


def llama_server(engines, model: str, kind: str, slots: int, slot_tokens: int) -> Server:
    args = engines.args
    port = free_port()
    command = [existing(need(args.llama_bin, "--llama-bin") / "llama-server"), "-m", engines.models.gguf(model, kind),
               "-t", args.threads, "-fa", "on", "-np", slots, "-c", slots * slot_tokens, "--port", port, "--no-webui"]
    return Server(command, engines.logs / "llama-server.log", f"http://127.0.0.1:{port}")


def client(engines, server: Server, seed: int, load: list) -> dict:
    """One run of the one client; its JSON line."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [engines.args.espalier, "bench", "serving", "--backend", "openai", "--base-url", server.url,
                   "--vocab-size", "49152", "--bench-seed", seed, "--output-file", out.name, *load]
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        text = pathlib.Path(out.name).read_text()
    if done.returncode != 0 or not text:
        raise Missing(f"the client failed ({done.returncode}): {(done.stdout + done.stderr)[-300:]}")
    figures = json.loads(text)
    if figures["failed"]:
        raise Missing(f"{figures['failed']} requests failed: {done.stdout[-300:]}")
    return figures


def over_http(case: str, slot_tokens: int, load, count: int):
    def run(engines, records, args) -> None:
        starts = {"espalier": lambda: espalier_server(engines, "135m", "bf16"),
                  "llama.cpp": lambda: llama_server(engines, "135m", "bf16", TOGETHER, slot_tokens)}
        up: dict[str, Server] = {}
        try:
            for name, start in starts.items():
                if name in args.engines:
                    try:
                        up[name] = start()
                    except Missing as e:
                        records.add(case=case, engine=name, missing=str(e))
                        say(f"{case}: {name}: {e}")
            for name, server in up.items():
                client(engines, server, 999, load(WARM_REQUESTS))
            for turn in turns(case, min(count, args.alternations), records, args):
                for name, server in up.items():
                    figures = client(engines, server, 1000 + turn, load(args.http_requests))
                    for measure, value in (("output tok/s", "output_throughput"), ("mean TTFT, ms", "mean_ttft_ms")):
                        records.add(case=case, engine=name, measure=measure, turn=turn, value=figures[value])
        finally:
            for server in up.values():
                server.close()
    return run


def lengths(source: random.Random, mean: float, sigma: float) -> int:
    drawn = source.lognormvariate(math.log(mean) - sigma * sigma / 2, sigma)
    return min(MOST, max(LEAST, round(drawn)))


def offline(engines, records, args) -> None:
    """Requests of log-normal lengths, 200 of them, all at once, inside the process; the same lengths for both."""
    source = random.Random(13)
    prompts = [lengths(source, 220, 1.1) for _ in range(args.offline_requests)]
    outputs = [lengths(source, 200, 0.9) for _ in range(args.offline_requests)]
    sessions = {}
    try:
        for name in ("espalier", "openvino"):
            if name in args.engines:
                try:
                    sessions[name] = engines.open(name, "135m", "bf16")
                    sessions[name].batch(prompts[:40], [min(16, n) for n in outputs[:40]])
                    sessions[name].warm([PREFILL, decode(32)])
                except Missing as e:
                    records.add(case="offline", engine=name, missing=str(e))
                    say(f"offline: {name}: {e}")
        for turn in turns("offline", min(args.offline_alternations, args.alternations), records, args):
            for name, session in sessions.items():
                answer = session.batch(prompts, outputs, profile=name == "espalier")
                records.add(case="offline", engine=name, measure="output tok/s", turn=turn,
                            value=round(sum(outputs) / answer["seconds"], 2))
                for measure, share in SHARES.items():
                    if share in answer:
                        records.add(case="offline", engine=name, measure=measure, turn=turn,
                                    value=round(100 * answer[share], 2))
    finally:
        for session in sessions.values():
            session.close()


def two_ranks(engines, records, args) -> None:
    """Two ranks of one thread against one rank of two."""
    ranks = {"espalier": ["--tp", "2", "--cpu-threads", "2"], "one rank": ["--tp", "1", "--cpu-threads", "2"]}
    measures = [PREFILL, decode(8)]
    sessions = {}
    try:
        for name, flags in ranks.items():
            command = [args.espalier, "bench", "turns", *engines.espalier_model("1b", "bf16"), *flags, "--device", "cpu",
                       *shlex.split(args.espalier_flags)]
            sessions[name] = Turns(command, engines.logs / f"tp-{name.replace(' ', '-')}.log", OUTPUTS["1b"])
            sessions[name].measure(measures)
        for turn in turns("tp2", args.alternations, records, args):
            for name, session in sessions.items():
                for measure, value in session.measure(measures).items():
                    records.add(case="tp2", engine=name, measure=measure, turn=turn, value=round(value, 3))
    finally:
        for session in sessions.values():
            session.close()


def start(engines, records, args) -> None:
    """From the start of the process to the first token on its standard output, files in the page cache."""
    command = [str(part) for part in (args.espalier, "generate", "--raw", "--max-tokens", "1", "--temperature", "0",
                                      *engines.espalier_flags("1b", "int8", args.threads), "Hello")]
    for turn in range(-1, args.alternations):
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.read(1)
        seconds = time.perf_counter() - begun
        errors = process.communicate()[1].decode(errors="replace")
        if process.returncode != 0:
            raise Missing(f"espalier generate ended with {process.returncode}: {errors[-300:]}")
        if turn >= 0:
            records.add(case="start", engine="espalier", measure="first token, s", turn=turn, value=round(seconds, 3))


def processor_seconds(pid: int) -> float:
    """Linux: user and system time of a process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle(engines, records, args) -> None:
    """A server that has served and has nothing to do; percent of one core. What it served is compiled a while longer."""
    server = espalier_server(engines, "135m", "bf16")
    try:
        client(engines, server, 7, ["--num-prompts", "4", "--input-len", "64", "--output-len", "16"])
        time.sleep(IDLE_SETTLE_SECONDS)
        pid = java_of(server.process.pid)
        for turn in range(3):
            before, begun = processor_seconds(pid), time.monotonic()
            time.sleep(IDLE_SECONDS)
            share = (processor_seconds(pid) - before) / (time.monotonic() - begun)
            records.add(case="idle", engine="espalier", measure="% of a core", turn=turn, value=round(100 * share, 3))
    finally:
        server.close()


def java_of(pid: int) -> int:
    """The launcher replaces itself by java; a launcher that does not has it as its child."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    below = children.read_text().split() if children.exists() else []
    return int(below[0]) if below else pid


def floors(engines, records, args) -> None:
    """What the machine gives to a plain library: the rate of memory, and oneDNN's matrix products."""
    python = need(args.openvino_python, "--openvino-python (its torch measures the machine)")
    script = pathlib.Path(__file__).with_name("floors.py")
    done = subprocess.run([python, script, str(args.threads), str(args.alternations)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Missing(f"floors.py failed: {done.stderr[-300:]}")
    for turn, line in enumerate(done.stdout.splitlines()):
        for measure, value in json.loads(line).items():
            records.add(case="floors", engine="machine", measure=measure, turn=turn, value=value)


def mixed(requests: int) -> list:
    return ["--dataset-name", "random-ids", "--num-prompts", requests, "--input-len", "293", "--output-len", "266",
            "--random-range-ratio", "0.5", "--max-concurrency", TOGETHER]


def prefixed(requests: int) -> list:
    return ["--dataset-name", "generated-shared-prefix", "--num-prompts", requests, "--gsp-num-groups", "1",
            "--gsp-system-prompt-len", "1000", "--gsp-question-len", "32", "--gsp-output-len", "32",
            "--max-concurrency", "8"]


CASES = {
    "floors": floors,
    "offline": offline,
    "http": over_http("http", 640, mixed, 3),
    "shared-prefix": over_http("shared-prefix", 1152, prefixed, 3),
    "tp2": two_ranks,
    "start": start,
    "idle": idle,
}
