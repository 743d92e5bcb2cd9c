"""What is measured, and what is wanted of it: the table of the CPU milestone, one named case a row."""
from dataclasses import dataclass, field

from engines import JAVA, PREFILL, decode

EVERY = (PREFILL, decode(1), decode(8), decode(32))


def bars(*ratios: float | None) -> dict[str, float]:
    return {name: ratio for name, ratio in zip(EVERY, ratios) if ratio is not None}


@dataclass(frozen=True)
class Batches:
    """Prompts and decoding of one model in one format.

    wanted: the least ratio of Espalier to a peer, by measure; a peer without bars is shown and not judged
    limits: tok/s that two cores with AVX-512 VNNI and BF16, without AMX, allow, by measure."""
    name: str
    model: str
    kind: str
    wanted: dict[str, dict[str, float]] = field(default_factory=dict)
    measures: tuple[str, ...] = EVERY
    limits: dict[str, float] = field(default_factory=dict)


BATCHES = (
    Batches("1b-bf16", "1b", "bf16", {"llama.cpp": bars(1.3, 1.0, 1.7, 1.6), "openvino": bars(1.05, 1.4, 1.3, 1.2)},
            limits=bars(226, 13.4, 107, 178)),
    Batches("1b-int8", "1b", "int8", {"llama.cpp": bars(3, 1.2, 3.2, 4), "openvino": bars(1.5, 1.6, 1.7, 1.7),
                                      "ik_llama.cpp": bars(1.4)}, limits=bars(370, 25, 201, 300)),
    Batches("1b-int4", "1b", "int4", {"llama.cpp": bars(2.6, 1.1, 3, 2.8), "openvino": bars(1.35, 1.6, 2, 1.5),
                                      "ik_llama.cpp": bars(1.4)}, limits=bars(380, 47, 300, 320)),
    Batches("135m-bf16", "135m", "bf16", {"llama.cpp": bars(1.8, 1.05, 2, 2.8), "openvino": bars(1.05, 1.6, 1.6, 1.2)},
            limits=bars(2070, 123, 980, 1630)),
    Batches("135m-int8", "135m", "int8", {"llama.cpp": bars(3, 1.3, 3, 4), "openvino": bars(1.2, 1.8, 1.4, 1.3)},
            limits=bars(3400, 230, 1600, 2700)),
    Batches("135m-int4", "135m", "int4"),
    Batches("135m-q4_1", "135m", "shipped", {"llama.cpp": bars(5, 1.8)}, (PREFILL, decode(1))),
)

# (case, peer, measure) -> ratio of Espalier to the peer; an empty peer stands for a bar of Espalier's own
OTHERS = {
    ("offline", "openvino", "output tok/s"): 1.2,
    ("offline", "", "in kernels, %"): 92,
    ("http", "llama.cpp", "output tok/s"): 2.5,
    ("http", "llama.cpp", "mean TTFT, ms"): 0.5,
    ("shared-prefix", "llama.cpp", "output tok/s"): 3,
    ("tp2", "one rank", PREFILL): 0.9,
    ("tp2", "one rank", decode(8)): 0.9,
    ("start", "", "first token, s"): 1.5,
    ("idle", "", "% of a core"): 1,
}


def wanted(case: str, engine: str, measure: str) -> float | None:
    """The bar, or None where a figure is only shown. Bars of engine "" are limits of Espalier's own, in the measure's
    unit."""
    found = batches(case)
    if found is None:
        return OTHERS.get((case, engine, measure))
    if engine in JAVA:
        return 2 if measure != decode(1) else 1.0 if engine == "java-llama.cpp" else 1.2
    return found.wanted.get(engine, {}).get(measure)


def enough(case: str, engine: str, measure: str) -> float | None:
    """tok/s that satisfy a bar whatever the ratio: against the engines in Java, 85% of what the hardware allows."""
    found = batches(case)
    limit = found.limits.get(measure) if found and engine in JAVA and measure != decode(1) else None
    return None if limit is None else round(0.85 * limit)


def batches(case: str) -> Batches | None:
    return next((each for each in BATCHES if each.name == case), None)


def less_is_better(measure: str) -> bool:
    return measure.endswith((", ms", ", s", "% of a core"))
