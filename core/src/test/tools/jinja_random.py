"""Writes random templates with what Hugging Face transformers makes of them, as jinja_golden.py does for chosen ones.

    python core/src/test/tools/jinja_random.py SEED COUNT > core/src/test/resources/espalier/jinja/random.jsonl
"""
import copy
import json
import random
import sys

import jinja_golden as golden
from transformers.utils import chat_template_utils

NAMES = list(golden.VARIABLES) + ["missing", "x", "y"]
STRINGS = ["a", "", " ", "ab", "Hello", "\\n", "%s", "{}", "<b>", "\u00e9", "\U0001F600", "1", "-2.5", "a,b", "x y", "l", "name", "age", "0"]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
FILTERS = [
    "abs", "capitalize", "center(7)", "count", "default({0})", "default({0}, true)", "dictsort", "e", "first", "float", "int", "items|list",
    "join", "join({0})", "last", "length", "list", "lower", "map('string')|list", "map('upper')|list", "map(attribute={0})|list", "max", "min",
    "reject('none')|list", "replace({0}, {1})", "reverse|list", "round", "round(1)", "safe", "select|list", "select('string')|list",
    "selectattr({0})|list", "selectattr('age', {0})|list", "slice(2)|list", "batch(2, {0})|list", "sort", "sort(reverse=true)", "string", "sum",
    "title", "tojson", "tojson(indent=1)", "trim", "trim({0})", "truncate(6)", "unique|list", "upper", "urlencode", "wordcount", "format({0})",
    "indent({0})", "groupby({0})", "sum(start={0})", "striptags", "filesizeformat", "attr({0})", "wordwrap(5)", "xmlattr",
]
TESTS = [
    "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence", "iterable", "odd", "even", "lower",
    "upper", "true", "false", "divisibleby({0})", "eq({0})", "in({0})", "gt({0})", "sameas({0})", "callable", "escaped", "ne {1}", "lt({0})",
]
METHODS = [
    "upper()", "lower()", "title()", "strip()", "strip({0})", "split()", "split({0})", "split({0}, 1)", "rsplit({0}, 1)", "splitlines()",
    "startswith({0})", "endswith({0})", "find({0})", "rfind({0})", "count({0})", "replace({0}, {1})", "join({0})", "format({0})", "items()|list",
    "keys()|list", "values()|list", "get({0})", "get({0}, {1})", "index({0})", "partition({0})", "zfill(5)", "capitalize()", "isdigit()", "swapcase()",
    "append({0})", "pop()", "rpartition({0})", "ljust(6)", "rjust(6, {0})", "lstrip({0})", "rstrip({0})", "casefold()", "expandtabs()",
]


class Random:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, options):
        return self.random.choice(options)

    def filled(self, pattern, depth):
        return pattern.replace("{0}", self.expression(depth)).replace("{1}", self.primary())

    def primary(self):
        kind = self.random.random()
        if kind < 0.45:
            return self.pick(NAMES)
        if kind < 0.6:
            return str(self.pick([0, 1, 2, 3, -1, 5, 10, 42, 1.5, 0.1, 2.0, 1e20, 12345678901234567890]))
        if kind < 0.85:
            return "'" + self.pick(STRINGS) + "'"
        return self.pick(["true", "false", "none", "[]", "{}", "()", "[1, 2]", "{'a': 1}", "(1, 'x')", "range(3)"])

    def expression(self, depth):
        if depth <= 0:
            return self.primary()
        kind = self.random.random()
        inner = depth - 1
        if kind < 0.28:
            text = f"{self.expression(inner)} {self.pick(BINARY)} {self.expression(inner)}"
            return f"({text})" if self.random.random() < 0.5 else text
        if kind < 0.48:
            return f"{self.expression(inner)}|{self.filled(self.pick(FILTERS), 0)}"
        if kind < 0.62:
            return f"({self.expression(inner)}).{self.filled(self.pick(METHODS), 0)}"
        if kind < 0.7:
            return f"{self.expression(inner)} is {self.pick(['', 'not '])}{self.filled(self.pick(TESTS), 0)}"
        if kind < 0.78:
            bounds = [self.pick(["", "", "0", "1", "-1", "2", "-3", "100"]) for _ in range(2)] + [self.pick(["", "1", "2", "-1", "-2"])]
            # Of variables only: jinja2 folds constants, and a slice of a constant number is then undefined instead of an error.
            return f"{self.pick(NAMES)}[{':'.join(bounds)}]"
        if kind < 0.86:
            return f"({self.expression(inner)})[{self.expression(0)}]"
        if kind < 0.9:
            return f"({self.expression(inner)}).{self.pick(['a', 'b', 'name', 'items', 'zz', 'real'])}"
        if kind < 0.94:
            otherwise = f" else {self.expression(inner)}" if self.random.random() < 0.8 else ""
            return f"({self.expression(inner)} if {self.expression(inner)}{otherwise})"
        if kind < 0.97:
            return f"{self.pick(['not ', '-', '+'])}{self.expression(inner)}"
        return f"[{self.expression(inner)}, {self.expression(0)}]"

    def statement(self, depth):
        kind = self.random.random()
        if depth <= 0 or kind < 0.3:
            return "{{ " + self.expression(1) + " }}"
        body = "".join(self.statement(depth - 1) for _ in range(self.random.randint(1, 3)))
        name = self.pick(["x", "y", "n", "s"])
        sign = lambda: self.pick(["", "", "-", "+"])  # noqa: E731
        open_, close = "{%" + self.pick(["", "-", "+"]) + " ", " " + self.pick(["", "-", "+"]) + "%}"
        space = self.pick(["", " ", "\n", "\n  ", "  \n"])
        if kind < 0.42:
            return f"{space}{open_}set {name} = {self.expression(1)}{close}{space}"
        if kind < 0.6:
            test = f" if {self.expression(1)}" if self.random.random() < 0.2 else ""
            exit_ = self.pick(["", "", "", "{% if loop.index == 2 %}{% break %}{% endif %}", "{{ loop.last }}", "{{ loop.length }}"])
            otherwise = "{% else %}E" if self.random.random() < 0.2 else ""
            source = self.pick(["l", "words", "mixed", "d", "users", "[]", "missing", "range(3)", "'abc'", self.expression(1)])
            return f"{open_}for {name} in {source}{test}{close}{space}{exit_}{body}{otherwise}{space}{{%{sign()} endfor {sign()}%}}"
        if kind < 0.75:
            otherwise = "{% else %}" + self.statement(depth - 1) if self.random.random() < 0.5 else ""
            return f"{space}{open_}if {self.expression(1)}{close}{space}{body}{otherwise}{open_}endif{close}{space}"
        if kind < 0.82:
            return f"{{% macro m({name}=1) %}}{body}{{{{ {name} }}}}{{% endmacro %}}{{{{ m() }}}}{{{{ m({self.expression(0)}) }}}}"
        if kind < 0.88:
            return f"{{% set {name} %}}{body}{{% endset %}}{{{{ {name} }}}}"
        if kind < 0.93:
            return f"{{% filter {self.pick(['upper', 'trim', 'length', 'tojson'])} %}}{body}{{% endfilter %}}"
        if kind < 0.97:
            return f"{{% with {name} = {self.expression(1)} %}}{body}{{% endwith %}}{{{{ {name} }}}}"
        return f"{{% generation %}}{body}{{% endgeneration %}}"

    def template(self):
        if self.random.random() < 0.6:
            return "{{ " + self.expression(self.random.randint(1, 3)) + " }}"
        return "".join(self.statement(2) for _ in range(self.random.randint(1, 4)))


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    source = Random(seed)
    print(json.dumps({"variables": golden.VARIABLES}))
    while count > 0:
        template = source.template()
        row = {"group": "random", "template": template}
        try:
            row["rendered"] = chat_template_utils._cached_compile_jinja_template(template).render(**copy.deepcopy(golden.VARIABLES))
        except Exception as e:
            # Most random templates fail; only some of those are worth keeping.
            if source.random.random() < 0.7:
                continue
            row["error"] = f"{type(e).__name__}: {e}"
        if "0x" in row.get("rendered", "") or len(row.get("rendered", "")) > 2000:
            continue
        print(json.dumps(row))
        count -= 1


if __name__ == "__main__":
    main()
