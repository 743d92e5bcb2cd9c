"""Runs in a Python with torch: GB/s of reading memory, and oneDNN's products in bf16 and int8, in GFLOP/s."""
import json
import sys
import time

import torch

SIDE = 2048


def best(work, repeats: int = 5) -> float:
    work()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def main() -> None:
    torch.set_num_threads(int(sys.argv[1]))
    memory = torch.ones(1 << 28, dtype=torch.float32)
    wide = [torch.randn(SIDE, SIDE).to(torch.bfloat16) for _ in range(2)]
    narrow = [torch.randint(-100, 100, (SIDE, SIDE), dtype=torch.int8) for _ in range(2)]
    for _ in range(int(sys.argv[2])):
        figures = {"memory read, GB/s": memory.nbytes / best(memory.sum) / 1e9,
                   "bf16 product, GFLOP/s": 2 * SIDE**3 / best(lambda: wide[0] @ wide[1]) / 1e9,
                   "int8 product, GOP/s": 2 * SIDE**3 / best(lambda: torch._int_mm(*narrow)) / 1e9}
        print(json.dumps({name: round(value, 1) for name, value in figures.items()}), flush=True)


if __name__ == "__main__":
    main()
