"""How many turns a case takes."""
import time
from collections.abc import Iterator

from models import say


def turns(case: str, count: int, records, args) -> Iterator[int]:
    """Numbers from 0 until there are enough, or until the case has taken --case-seconds, which is then recorded."""
    begun = time.monotonic()
    for turn in range(count):
        if turn and time.monotonic() - begun > args.case_seconds:
            say(f"{case}: {turn} turns of {count}, for lack of time")
            records.add(case=case, engine="all", missing=f"turns after {turn}, for lack of time")
            return
        yield turn
