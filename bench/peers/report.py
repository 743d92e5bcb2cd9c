"""The readable table: medians, spread, the ratio to each peer beside what is wanted of it."""
import statistics

import cases


def table(records) -> str:
    lines = []
    first = next((row["setting"] for row in records.rows if "setting" in row), None)
    if first:
        lines.append(" ".join(f"{name}={value}" for name, value in first.items()))
    for case in unique(row.get("case") for row in records.rows):
        lines += ["", f"## {case}", "", "| measure | engine | median | lowest to highest | Espalier is | wanted |",
                  "| --- | --- | --- | --- | --- | --- |"]
        own = [row for row in records.rows if row.get("case") == case]
        for measure in unique(row.get("measure") for row in own):
            for engine in unique(row["engine"] for row in own if row.get("measure") == measure):
                lines.append(line(records, case, measure, engine))
        lines += [f"\n{row['engine']} is missing: {row['missing']}" for row in own if "missing" in row]
    return "\n".join(lines)


def line(records, case: str, measure: str, engine: str) -> str:
    values, ours = records.values(case, engine, measure), records.values(case, "espalier", measure)
    ratio = wanted = verdict = ""
    if engine != "espalier" and ours:
        times = statistics.median(ours) / statistics.median(values)
        ratio = f"{times:.2f} x"
        bar = cases.wanted(case, engine, measure)
        if bar is not None:
            enough = cases.enough(case, engine, measure)
            better = times <= bar if cases.less_is_better(measure) else times >= bar
            better = better or enough is not None and statistics.median(ours) >= enough
            wanted = f"{'<=' if cases.less_is_better(measure) else '>='} {bar}"
            wanted += "" if enough is None else f" or {enough:,} tok/s"
            verdict = "" if better else " **short**"
    elif engine == "espalier":
        bar = cases.wanted(case, "", measure)
        if bar is not None:
            less, own = cases.less_is_better(measure), statistics.median(values)
            wanted, verdict = f"{'<=' if less else '>='} {bar}", "" if (own <= bar if less else own >= bar) else " **short**"
    return (f"| {measure} | {engine} | {number(statistics.median(values))} | {number(min(values))} to "
            f"{number(max(values))} | {ratio} | {(wanted + verdict).strip()} |")


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def unique(values):
    return list(dict.fromkeys(value for value in values if value is not None))
