"""What belongs to training and what to the held-out test, and phrasings written as small patterns.

Whether an instance (a name, a word, a pair of numbers, a phrasing of a fact) is held out is decided by a CRC of the
instance itself, so it is the same for every seed, process and machine, and training can never draw a held-out one.
"""
import re
import zlib

TRAIN, TEST = "train", "test"


class Nothing(Exception):
    """No instance lies on the wanted side of the split; the caller draws something else."""


def held(*key, percent=12):
    return zlib.crc32("|".join(map(str, key)).encode()) % 100 < percent


def draw(r, split, make, key, percent=12):
    """Calls make() until key(instance) lies on the wanted side."""
    want = split == TEST
    for _ in range(500):
        x = make()
        if held(*key(x), percent=percent) == want:
            return x
    raise Nothing


def compile_pattern(pattern):
    """'(What is|Tell me) the capital (city|) of {x}?' -> literal parts and lists of alternatives (not nested)."""
    parts = []
    for literal, choice in re.findall(r"([^()]+)|\(([^()]*)\)", pattern):
        parts.append(literal if literal else choice.split("|"))
    return parts


class Phrases:
    """Many phrasings of one request. Those in `plain` are the obvious ones and are never held out."""

    def __init__(self, *patterns, plain=(), percent=12):
        self.patterns = [compile_pattern(p) for p in patterns]
        self.weights = []
        for parts in self.patterns:
            n = 1
            for p in parts:
                n *= len(p) if isinstance(p, list) else 1
            self.weights.append(min(n, 60) ** .5)
        self.plain = list(plain)
        self.known = set(plain)
        self.percent = percent

    def sample(self, r):
        if self.plain and r.random() < .25 or not self.patterns:
            return r.choice(self.plain)
        parts = r.choices(self.patterns, self.weights)[0]
        return "".join([p if isinstance(p, str) else r.choice(p) for p in parts])

    def draw(self, r, split, key, **slots):
        """A phrasing whose pair (key, phrasing) lies on the wanted side, with its slots filled, sometimes written carelessly."""
        want = split == TEST
        for _ in range(80):
            s = self.sample(r)
            if (s not in self.known and held("phrase", key, s, percent=self.percent)) == want:
                if not want and r.random() < .03: s = typo(r, s)
                return careless(r, s.format(**slots) if slots else s)
        raise Nothing


def typo(r, s):
    """One slip of the fingers in the frame of a phrasing; its slots stay as they are."""
    places = [m.start() + 1 for m in re.finditer(r"[A-Za-z]{4,}(?![^{]*})", s)]
    if not places: return s
    i = r.choice(places) + r.randint(0, 1)
    k = r.random()
    if k < .4: return s[:i] + s[i + 1] + s[i] + s[i + 2:]
    if k < .7: return s[:i] + s[i + 1:]
    return s[:i] + s[i] + s[i:]


def careless(r, s):
    x = r.random()
    if x < .08 and len(s) > 1 and not s[1].isupper():
        s = s[0].lower() + s[1:]
    if .05 < x < .13 and s[-1] in "?.!":
        s = s[:-1]
    return s


def cap(s):
    return s[0].upper() + s[1:]
