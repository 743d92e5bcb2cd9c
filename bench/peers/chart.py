"""The picture: decode throughput against the number of sequences, an engine a line, a model and format a panel."""
import statistics
from html import escape

import cases

# Okabe and Ito's colours, which people with any colour vision tell apart.
COLOURS = {"espalier": "#0072b2", "llama.cpp": "#d55e00", "openvino": "#009e73", "ik_llama.cpp": "#cc79a7",
           "java-llama.cpp": "#e69f00", "jlama": "#56b4e9", "llama3.java": "#999933"}
WIDTH, HEIGHT, COLUMNS = 300, 220, 3
LEFT, RIGHT, TOP, BOTTOM = 48, 14, 34, 36


def points(rows: list[dict], case: str) -> dict[str, dict[int, float]]:
    """engine -> sequences -> median."""
    found: dict[str, dict[int, list[float]]] = {}
    for row in rows:
        if row.get("case") == case and str(row.get("measure", "")).startswith("decode "):
            found.setdefault(row["engine"], {}).setdefault(int(row["measure"].split()[1]), []).append(row["value"])
    return {engine: {count: statistics.median(values) for count, values in sorted(of.items())}
            for engine, of in found.items()}


def round_up(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    step = 1.0
    while step * 10 <= value:
        step *= 10
    while step > value:
        step /= 10
    return next(step * factor for factor in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * factor >= value)


def panel(title: str, lines: dict[str, dict[int, float]], x0: float, y0: float) -> list[str]:
    counts = sorted({count for line in lines.values() for count in line})
    top = round_up(max(value for line in lines.values() for value in line.values()))
    inner, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(count: int) -> float:
        return x0 + LEFT + inner * (counts.index(count) + 0.5) / len(counts)

    def y(value: float) -> float:
        return y0 + TOP + tall * (1 - value / top)

    out = [f'<text x="{x0 + LEFT}" y="{y0 + 20}" class="title">{escape(title)}</text>']
    for tick in range(5):
        value = top * tick / 4
        out.append(f'<line x1="{x0 + LEFT}" x2="{x0 + WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" class="grid"/>')
        out.append(f'<text x="{x0 + LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:,.0f}</text>')
    for count in counts:
        out.append(f'<text x="{x(count):.1f}" y="{y0 + HEIGHT - BOTTOM + 16}" text-anchor="middle">{count}</text>')
    for engine, line in lines.items():
        colour = COLOURS.get(engine, "#666666")
        path = " ".join(f"{x(count):.1f},{y(value):.1f}" for count, value in line.items())
        width = 3 if engine == "espalier" else 1.8
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>')
        for count, value in line.items():
            out.append(f'<circle cx="{x(count):.1f}" cy="{y(value):.1f}" r="{width + 1}" fill="{colour}">'
                       f'<title>{escape(engine)}, {count} sequences: {value:,.0f} tok/s</title></circle>')
    return out


def draw(rows: list[dict]) -> str:
    panels = {case.name: points(rows, case.name) for case in cases.BATCHES}
    panels = {name: lines for name, lines in panels.items() if any(len(line) > 1 for line in lines.values())}
    columns = min(COLUMNS, max(1, len(panels)))
    width, height = columns * WIDTH, 60 + -(-len(panels) // columns) * HEIGHT
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
           'aria-label="Decoded tokens a second against the number of sequences, by engine" font-family="sans-serif" font-size="11">',
           "<style>.title{font-size:13px;font-weight:bold}.grid{stroke:#ddd}text{fill:#333}</style>",
           f'<rect width="{width}" height="{height}" fill="#fff"/>',
           f'<text x="{LEFT}" y="20" class="title">Decoded tokens a second, all sequences together, against the number of sequences</text>']
    at = LEFT
    for engine in dict.fromkeys(engine for lines in panels.values() for engine in lines):
        out.append(f'<circle cx="{at}" cy="38" r="5" fill="{COLOURS.get(engine, "#666666")}"/>'
                   f'<text x="{at + 10}" y="42">{escape(engine)}</text>')
        at += 40 + 7 * len(engine)
    for index, (name, lines) in enumerate(panels.items()):
        out += panel(name, lines, index % columns * WIDTH, 50 + index // columns * HEIGHT)
    return "\n".join([*out, "</svg>", ""])
