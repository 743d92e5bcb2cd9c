"""Espalier and its peers in one run, taking turns on the same models. See README.md.

    python3 peers.py --cache DIR --real-model DIR --llama-bin DIR --llama-source DIR --openvino-python FILE

Writes a JSON line a figure as it is measured (--output-file), a table to standard output, and a picture (--chart). A
peer that is missing is said to be so, and the rest is measured.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import signal
import sys
import time
import traceback

import cases
import chart
import models
import servers
from report import table
from engines import JAVA, Engines
from models import Missing, say
from turns import turns

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


class Records:
    """Every figure as a JSON line, at once, so that a run that is cut off leaves what it had."""

    def __init__(self, file: pathlib.Path | None):
        self.rows: list[dict] = []
        self.file = open(file, "a", encoding="utf-8") if file else None

    def add(self, **row) -> None:
        self.rows.append(row)
        if self.file:
            self.file.write(json.dumps(row) + "\n")
            self.file.flush()

    def values(self, case: str, engine: str, measure: str) -> list[float]:
        return [row["value"] for row in self.rows
                if (row.get("case"), row.get("engine"), row.get("measure")) == (case, engine, measure)]


def batches(case: cases.Batches, engines: Engines, records: Records, args) -> None:
    """Opens every engine, warms each, and lets them take turns; whoever goes first changes from turn to turn."""
    sessions = {}
    try:
        for name in args.engines:
            try:
                session = engines.open(name, case.model, case.kind)
                sessions[name] = session
                session.warm(list(case.measures))
            except Missing as e:
                close(sessions.pop(name, None))
                records.add(case=case.name, engine=name, missing=str(e))
                say(f"{case.name}: {name}: {e}")
        for turn in turns(case.name, args.alternations, records, args):
            order = list(sessions)
            for name in order[turn % max(1, len(order)):] + order[:turn % max(1, len(order))]:
                try:
                    for measure, value in sessions[name].measure(list(case.measures)).items():
                        records.add(case=case.name, engine=name, measure=measure, turn=turn, value=round(value, 3))
                except Missing as e:
                    close(sessions.pop(name))
                    records.add(case=case.name, engine=name, missing=str(e))
                    say(f"{case.name}: {name}: {e}")
    finally:
        for session in sessions.values():
            close(session)


def close(session) -> None:
    if session is not None:
        session.close()


def setting(args) -> dict:
    processor = platform.processor()
    try:
        found = re.search(r"^model name\s*:\s*(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
        processor = found[1] if found else processor
    except OSError:
        pass  # not Linux
    return {"started": datetime.datetime.now().astimezone().isoformat(timespec="seconds"), "processor": processor,
            "cores": os.cpu_count(), "threads": args.threads, "alternations": args.alternations,
            "load_average": os.getloadavg()[0]}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    models.arguments(parser)
    parser.add_argument("--espalier", default=REPOSITORY / "espalier", help="the launcher")
    parser.add_argument("--espalier-flags", default="", help="further flags for it, in one string")
    parser.add_argument("--espalier-weights", choices=("file", "quantised"), default="file",
                        help="int8 and int4 from the GGUF file that llama.cpp reads, or --quantization of the bf16 folder")
    parser.add_argument("--ik-llama-bin", type=pathlib.Path, help="programs of ik_llama.cpp")
    parser.add_argument("--llama3-java", type=pathlib.Path, help="a checkout of llama3.java")
    parser.add_argument("--engines", default=",".join(("espalier", "llama.cpp", "openvino", "ik_llama.cpp", *JAVA)),
                        type=lambda text: text.split(","))
    parser.add_argument("--only", default="", help="cases whose name this regular expression finds")
    parser.add_argument("--alternations", type=int, default=5)
    parser.add_argument("--http-requests", type=int, default=64, help="of each run of the client")
    parser.add_argument("--offline-alternations", type=int, default=2, help="each is 44,000 + 40,000 tokens")
    parser.add_argument("--offline-requests", type=int, default=200)
    parser.add_argument("--case-seconds", type=float, default=float("inf"),
                        help="a case begins no further turn after so long, and says so")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output-file", type=pathlib.Path)
    parser.add_argument("--chart", type=pathlib.Path, help="SVG: throughput against sequences")
    parser.add_argument("--list", action="store_true", help="names the cases")
    return parser.parse_args()


def main() -> None:
    args = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that what was started is ended too
    runs = {case.name: lambda case=case: batches(case, engines, records, args) for case in cases.BATCHES}
    runs |= {name: lambda run=run: run(engines, records, args) for name, run in servers.CASES.items()}
    if args.list:
        print("\n".join(runs))
        return
    records = Records(args.output_file)
    engines = Engines(args, models.Models(args))
    records.add(setting=setting(args))
    for name, run in runs.items():
        if not re.search(args.only, name):
            continue
        begun = time.perf_counter()
        try:
            run()
        except Missing as e:
            records.add(case=name, engine="all", missing=str(e))
            say(f"{name}: {e}")
        except Exception:  # one case's fault must not cost the others
            records.add(case=name, engine="all", missing=traceback.format_exc(limit=1).splitlines()[-1])
            traceback.print_exc()
        say(f"{name}: {time.perf_counter() - begun:.0f} s")
    print(table(records))
    if args.chart:
        args.chart.write_text(chart.draw(records.rows), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    main()
