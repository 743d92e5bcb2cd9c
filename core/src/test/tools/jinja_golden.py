"""Writes the golden file of GoldenSnippetsTest: what Hugging Face transformers (Python's jinja2) makes of small templates.

    python core/src/test/tools/jinja_golden.py > core/src/test/resources/espalier/jinja/snippets.jsonl

Needs transformers and jinja2 >= 3.1.6. Snippets that print a memory address, or depend on chance, have no place here.
"""
import datetime
import json
import sys

from transformers.utils import chat_template_utils


class Noon(datetime.datetime):
    """The clock of strftime_now."""

    @classmethod
    def now(cls, tz=None):
        return cls(2026, 3, 5, 14, 7, 9, 12345)


chat_template_utils.datetime = Noon

VARIABLES = {
    "s": "Hello, World", "empty": "", "sp": "  padded \t\n", "uni": "na\u00efve \U0001F600 \u4e2d\u6587", "html": "<b>\"x\" & 'y'</b>",
    "lines": "one\ntwo\r\n\nthree", "n": 42, "neg": -7, "zero": 0, "big": 2**70, "f": 3.5, "tiny": 1e-7, "huge": 1e22, "yes": True,
    "no": False, "nil": None, "l": [1, 2, 3, 4, 5], "words": ["banana", "Apple", "cherry"], "mixed": [1, "a", None, True, 2.5],
    "nested": [[1, [2, 3]], [4]], "d": {"a": 1, "b": [1, 2], "c": {"x": "y"}}, "keys": {"items": "shadow", "get": 1, "_p": 2, "1": "one"},
    "users": [{"name": "Bo", "age": 30, "ok": True}, {"name": "al", "age": 25, "ok": False}, {"name": "Cy", "age": 30, "ok": True}],
    "tree": [{"v": 1, "kids": [{"v": 2, "kids": []}, {"v": 3, "kids": [{"v": 4, "kids": []}]}]}],
    "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}],
}

GROUPS = {}


def group(name, text):
    GROUPS[name] = [line for line in text.strip("\n").split("\n") if line.strip()]


def cases(name, *templates):
    GROUPS.setdefault(name, []).extend(templates)


# One expression a line, printed.
EXPRESSIONS = r'''
1 + 2 * 3
(1 + 2) * 3
7 // 2
-7 // 2
7 % -3
-7 % 3
7.5 % 2
-7.5 % 2
7.5 // 2
2 ** 10
2 ** -1
2 ** 3 ** 2
-2 ** 2
2 ** 0.5
(-8) ** 3
10 / 4
10 / 5
1 / 3
1 / 0
1 // 0
1 % 0
1.0 / 0
0 ** 0
0 ** -1
True + True
True * 3
-True
+False
big
big + 1
big * big
big // 7
big % 1000
-big // 7
big / 3
big - big
9223372036854775807 + 1
-9223372036854775808 - 1
9223372036854775807 * 2
big > 1e20
big == 2 ** 70
1 == 1.0
True == 1
1 == "1"
"a" < "b"
"a" < "B"
"Z" < "a"
[1, 2] < [1, 3]
[1, 2] < [1, 2, 0]
(1, 2) == [1, 2]
(1, 2) < (1, 3)
1 < 2 < 3
1 < 3 < 2
1 < 2 > 1
1 < "a"
nil < 1
nil == none
{} == {}
{"a": 1, "b": 2} == {"b": 2, "a": 1}
{"a": 1} < {"b": 2}
1 in l
9 in l
9 not in l
"a" in d
"lo" in s
1 in s
"x" in nil
"x" in missing
missing in l
missing in d
missing == missing2
missing == none
not missing
not not s
not 1 == 2
1 and 2
0 and 2
0 or "x"
"" or none or []
1 or 1/0
0 and 1/0
s if yes else n
s if no else n
s if no
(s if no) is defined
(s if no) ~ "x"
(s if no) + "x"
1 if 2 if 0 else 3 else 4
"a" ~ 1 ~ none ~ true ~ 1.5 ~ [1, "x"] ~ missing
"a" + "b" ~ "c" + "d"
1 + 2 ~ 3
2 * 3 ~ 4 * 5
"a" "b" 'c'
"ab" * 3
3 * "ab"
"ab" * -1
"ab" * 1.5
[1] * 2
(1, 2) * 2
[1] + [2]
(1,) + (2,)
[1] + (2,)
"a" + 1
1 + "a"
n + f
f * 2
f - 0.5
0.1 + 0.2
1e16
1e15
123456789012345680.0
1e-4
1e-5
1.5e300 * 1e10
1e308 * 10
-(1e308 * 10)
5e-324
100.0
-0.0
0.0
1_000
0x1F
0b101
0o17
1_0.5_0
1e3
1E-3
12345678901234567890
huge
tiny
f
[1.0, 1e100, 0.1]
true
True
none
None
false
yes
[true, none, "q", 'it\'s', "say \"hi\"", "both ' and \""]
{"a": 1, 'b': [1, 2], 3: none, none: true, 1.5: 'x', (1, 2): 't'}
{1: "a", 1.0: "b", True: "c"}
{"a": 1, "a": 2}
{[1]: 2}
()
(1,)
(1, 2)
1, 2
[]
{}
[[]]
"\n\t\\ \x41 \u00e9 \U0001F600 \101 \z"
["\n\t\\\r", "\x00\x7f\xa0", "é", "\u200b", "\U0001F600", "\ud7ff"]
"\x4"
"\N{BULLET}"
"\é"
l[0]
l[-1]
l[10]
l[-10]
l[10] is defined
l["0"]
l[1.0]
l[true]
l.0
l.1.real
nested[0][1][0]
nested.0.1.1
d.a
d["a"]
d.b[1]
d.c.x
d.zz
d.zz.y
d["zz"]["y"]
d.zz is defined
missing.x
missing["x"]
missing[0]
missing()
s[0]
s[-1]
s[100]
s[0:5]
s[:5]
s[-5:]
s[::2]
s[::-1]
s[5:0:-1]
s[10:2]
s[::0]
s[1:"a"]
s[none:3]
s[true:]
uni[6]
uni[6:8]
uni[::-1]
uni|length
uni[-2:]
l[1:3]
l[::-1]
l[::2]
l[-2:]
l[:-2]
l[4:1:-2]
l[100:]
(1, 2, 3)[1:]
range(5)[1:3]
range(10)[::3]
range(5)[2]
d[1:2]
n[1:2]
nil[0:1]
missing[1:]
n[0]
n.x
n["x"]
nil.x
nil.x.y
f.is_integer()
(2.0).is_integer()
n.bit_length()
n.real
n.imag
f.real
keys.items
keys["items"]
keys.get("items")
keys._p
keys["_p"]
keys.1
d.__class__
d.__class__.x
d.__nothing__
s.__class__
s.upper
d.items()
d.keys()
d.values()
d.keys()|list
d.items()|list
d.items()|length
d.items()[0]
d.keys() == d.keys()
"a" in d.keys()
("a", 1) in d.items()
1 in d.values()
d.get("a")
d.get("zz")
d.get("zz", 5)
d.get()
d.get("a", 1, 2)
d.get(key="a")
d.copy()
d.pop("a")
d.update({"a": 2})
d.clear()
d.pop
d.setdefault("q", 1)
l.append(1)
l.append
l.pop()
l.sort()
l.count(1)
l.index(3)
l.index(9)
l.copy()
l.insert(0, 1)
l.extend([1])
l.nothing
l.nothing()
(1, 2, 2).count(2)
(1, 2).index(2)
s.nothing()
s()
n()
"abc"()
range(3)
range(3)|list
range(1, 4)|list
range(5, 0, -2)|list
range(0)|list
range(1, 2, 0)
range(1000000)
range(100000)|length
range("a")
range(1.5)
range(3) == range(0, 3)
2 in range(3)
dict(a=1, b=2)
dict({"a": 1}, b=2)
dict([("a", 1), ("b", 2)])
dict([1])
dict.fromkeys([1, 2])
dict.fromkeys([1, 2], 0)
dict()
namespace(a=1)
namespace(a=1).a
namespace({"a": 1}).a
namespace(a=1).b
namespace(a=1).b is defined
namespace(a=1)["a"]
namespace(_a=1)
joiner("|") is callable
s is callable
range is callable
missing is callable
raise_exception("no!")
raise_exception(1)
raise_exception()
strftime_now("%Y-%m-%d %H:%M:%S")
strftime_now("%d %b %Y, %A %B %a %j %U %W %w %u %y %I %p %e|%k|%l %-d %-m %-H %% %f %F %T %D %R %C %G %V %g %h")
strftime_now("%_d %^a %^B %#Z %10Y %-I %P %n%t %q %z%Z. %c | %x | %X | %r")
strftime_now is defined
lipsum is defined
nothing_here is defined
*l
l|
l|length|string
l | length + 1
-1|abs
-5.5|abs
(-1)|abs
- n|abs
n is number and s is string
s is string is defined
1 is not string
not 1 is string
1 + 1 is number
"a" ~ 1 is string
l is sequence
[1, 2, 3] is iterable
5 is divisibleby 5
5 is divisibleby(2)
5 is divisibleby
4 is even
4 is odd
-3 is odd
2.0 is even
"a" is even
true is boolean
1 is boolean
true is number
true is integer
1 is integer
1.0 is integer
1.0 is float
1 is float
"1" is number
none is none
missing is none
missing is defined
missing is undefined
missing is not defined
d.zz is undefined
d is mapping
l is mapping
s is mapping
d is sequence
s is sequence
n is sequence
missing is sequence
missing is iterable
n is iterable
nil is iterable
s is iterable
range(3) is sequence
d.items() is sequence
(l|map("string")) is sequence
(l|map("string")) is iterable
(l|map("string")) is string
true is true
1 is true
false is false
0 is false
s is lower
"abc" is lower
"ABC" is upper
"A1" is upper
"123" is upper
5 is lower
1 is sameas 1
none is sameas none
true is sameas 1
l is sameas l
[] is sameas []
s is sameas s
s is escaped
(s|safe) is escaped
1 is in [1, 2]
3 is in [1, 2]
"H" is in s
1 is in(l)
1 is eq 1
1 is equalto(1)
1 is ne 2
2 is gt 1
2 is greaterthan 1
1 is lt 2
1 is lessthan(0)
1 is le 1
1 is ge 2
1 is == 1
"tojson" is filter
"nope" is filter
"even" is test
"nope" is test
1 is nope
s|nope
s is defined(1)
'''.strip("\n").split("\n")
cases("expressions", *["{{ " + e + " }}" for e in EXPRESSIONS])

FILTERS = r'''
n|abs
"x"|abs
d|attr("a")
d|attr("items") is callable
s|attr("upper") is callable
l|batch(2)|list
l|batch(2, "x")|list
l|batch(3, none)|list
[]|batch(2)|list
l|batch(0)|list
s|capitalize
"ABC def"|capitalize
"éa"|capitalize
""|capitalize
5|capitalize
none|capitalize
s|center(20) ~ "|"
s|center(21) ~ "|"
s|center(3)
s|center|length
l|count
s|default("x")
missing|default("x")
missing|default
missing|d("y")
nil|default("x")
nil|default("x", true)
""|default("x", boolean=true)
0|default(default_value=5, boolean=True)
d|dictsort
{"b": 1, "A": 2, "c": 0}|dictsort
{"b": 1, "A": 2, "c": 0}|dictsort(true)
{"b": 1, "A": 2, "c": 0}|dictsort(false, "value")
{"b": 1, "A": 2}|dictsort(reverse=true)
{"b": 1}|dictsort(by="x")
{1: 1, "a": 2}|dictsort
l|dictsort
html|e
html|escape
html|escape|escape
html|safe|escape
html|forceescape
html|e|forceescape
5|e
1000|filesizeformat
1|filesizeformat
500|filesizeformat
1500000|filesizeformat
1500000|filesizeformat(true)
1e30|filesizeformat
"2048"|filesizeformat(binary=true)
-5|filesizeformat
"x"|filesizeformat
l|first
""|first
[]|first is defined
[]|first
d|first
n|first
"abc"|first
l|last
[]|last
"abc"|last
d|last
missing|first
missing|last
"3.14"|float
"abc"|float
"abc"|float(1.5)
" 2 "|float
"1e5"|float
"inf"|float
"nan"|float
"1_0"|float
true|float
none|float
none|float(2)
n|float
missing|float
"%s - %d"|format("a", 5)
"%(a)s"|format(a=1)
"%s"|format
"%s %s"|format("a")
"%s"|format("a", "b")
"%d"|format("x")
"%5.2f|%-8s|%08.3f|%+d|% d|%x|%X|%o|%e|%g|%%|%c|%r"|format(3.14159, "ab", 2.5, 5, 5, 255, 255, 8, 12345.678, 0.00001, 65, "q")
"%s and %s" % ("a", "b")
"%s" % "x"
"%s" % [1, 2]
"%d%%" % 50
"%5s|%-5s|%.2s" % ("ab", "ab", "abcdef")
"%(x)s %(y)05d" % {"x": 1, "y": 42}
"%(z)s" % {"x": 1}
"abc" % []
"abc" % 1
"abc" % {}
"%s" % missing
"%d" % 3.99
"%d" % true
"%i" % -3
"%*d" % (5, 42)
"%.3d" % 5
"%#x %#o" % (255, 8)
"%q" % 1
"%" % 1
"%s" % none
"%r" % "it's"
"%a" % "é"
"%5%" % ()
"%5%" % 1
"%a|%a" % ("é\n😀", "it's")
"%.0f" % 0.5
"%.0f" % 1.5
"%.1f" % 0.25
"%g" % 100000
"%g" % 1000000
"%g" % 1e-5
"%G" % 1e-10
"%.3g" % 1234.5
"%#.3g" % 1.0
"%E" % 0
"%f" % 1e300|length
users|groupby("age")
users|groupby("age")|map(attribute="list")|map("length")|list
users|groupby("name")|map(attribute="grouper")|list
users|groupby("zz", default="q")|list|length
users|groupby(attribute="ok")|map("first")|list
[{"c": "CA"}, {"c": "ny"}, {"c": "ca"}]|groupby("c")
[{"c": "CA"}, {"c": "ny"}, {"c": "ca"}]|groupby("c", case_sensitive=true)
lines|indent
lines|indent(2)
lines|indent(2, true)
lines|indent(2, true, true)
lines|indent("> ", first=true)
lines|indent(width=3, blank=true)
""|indent
"a"|indent(4, true)
5|indent
"a\n"|indent
"42"|int
"42.9"|int
"abc"|int
"abc"|int(7)
"0x1A"|int(base=16)
"1A"|int(0, 16)
"0b11"|int(0, 2)
"0o17"|int(base=8)
"0x1A"|int(base=0)
"z"|int(base=36)
" 12 "|int
"1_000"|int
"-5"|int
"+5"|int
"1e3"|int
3.99|int
-3.99|int
true|int
none|int
none|int(3)
[]|int(4)
1e300|int
"1e400"|int
missing|int
d|items|list
missing|items|list
l|items|list
l|join
l|join(", ")
words|join("-")
users|join(", ", attribute="name")
mixed|join("|")
s|join(",")
d|join
missing|join(",")
n|join
l|join(1)
[html|safe, html]|join(" ")
l|length
d|length
s|length
n|length
none|length
missing|length
(l|map("string"))|length
range(7)|length
"abc"|list
d|list
l|list
n|list
missing|list
s|lower
"ÀÉ"|lower
"İ"|lower|length
5|lower
"ΑΣ"|lower
users|map(attribute="name")|list
users|map(attribute="zz")|list
users|map(attribute="zz", default="-")|list
users|map(attribute="name.0")|list
words|map("upper")|list
words|map("replace", "a", "_")|list
words|map("nope")|list
words|map|list
words|map("nope") is defined
l|map("string")|join
[[1, 2], [3]]|map("first")|list
[[1, 2], [3]]|map(attribute=0)|list
users|map(attribute="name", x=1)|list
l|max
l|min
words|max
words|min
words|min(true)
words|max(case_sensitive=true)
[]|max
[]|max is defined
users|max(attribute="age")
users|min(attribute="name")
mixed|max
[1, 2.5]|max
l|random in l
[]|random is defined
users|rejectattr("ok")|map(attribute="name")|list
users|rejectattr("age", "eq", 30)|map(attribute="name")|list
l|reject("odd")|list
l|reject("gt", 2)|list
mixed|reject("none")|list
mixed|reject|list
s|replace("l", "L")
s|replace("l", "L", 1)
s|replace("", "-")
s|replace("", "-", 3)
s|replace("l", "")
s|replace("zz", "y")
5|replace(5, 6)
s|replace(old="H", new="J")
s|replace("l")
html|safe|replace("<", "[")
"aaa"|replace("a", "b", count=2)
"aaa"|replace("a", "b", 0)
l|reverse|list
s|reverse
(1, 2)|reverse|list
d|reverse|list
range(3)|reverse|list
l|reverse|first
n|reverse
(l|map("string"))|reverse
42.55|round
42.55|round(1)
42.55|round(1, "floor")
42.55|round(1, "ceil")
42.55|round(method="ceil")
2.5|round
3.5|round
-2.5|round
5|round
5|round(1)
1234|round(-2)
1250|round(-2)
1234.5|round(-2)
2.675|round(2)
1e20|round
42|round(0, "floor")
true|round
42.5|round(0, "up")
"x"|round
html|safe
html|safe ~ "<"
(html|safe) + "<i>"
"<i>" + (html|safe)
(html|safe) + 5
(html|safe) * 2
(html|safe)[0:3]
(html|safe)[0] + "<"
(html|safe).upper() + "<"
(html|safe)|upper + "<"
(html|safe)|lower + "&"
(html|safe)|trim + "&"
(html|safe)|title
(html|safe)|capitalize + "<"
(html|safe) % 1
("<%s>"|safe) % "<"
("<%s>"|safe) % ("<",)
("<%(a)s>"|safe) % {"a": "&"}
("<{}>"|safe).format("<")
("<{}>"|safe).format("<"|safe)
("<"|safe).join(["<", ">"|safe])
("a<b<c"|safe).split("<")
("a<b"|safe).replace("a", "<")
("a<b"|safe).partition("<")
[html|safe]
"<"|safe == "<"
("<"|safe)|tojson
("<"|safe)|string + "<"
("<"|safe) in "a<b"
{"<"|safe: 1}["<"]
("x"|safe)|length
("a b"|safe)|wordcount
("x"|safe)|indent(2, true)
("x"|safe)|join("<")
("x"|safe)|list
("x"|safe)|reverse + "<"
("x"|safe)|first + "<"
("ab"|safe).center(6, "<")
("ab"|safe).zfill(4)
l|select("odd")|list
l|select("divisibleby", 2)|list
mixed|select|list
mixed|select("string")|list
l|select("nope")|list
l|select("in", [1, 2])|list
l|select(">", 3)|list
missing|select|list
[]|select("nope")|list
users|selectattr("ok")|map(attribute="name")|list
users|selectattr("age", ">", 26)|map(attribute="name")|list
users|selectattr("name", "equalto", "Bo")|list|length
users|selectattr("zz", "defined")|list
users|selectattr|list
users|selectattr("age", "in", [25])|map(attribute="name")|first
l|slice(2)|list
l|slice(2, "x")|list
l|slice(3)|list
l|slice(0)|list
[]|slice(2)|list
l|sort(reverse=true)
words|sort
words|sort(case_sensitive=true)
words|sort(reverse=true)
users|sort(attribute="age")|map(attribute="name")|list
users|sort(attribute="age,name")|map(attribute="name")|list
users|sort(true, attribute="age")|map(attribute="name")|list
mixed|sort
d|sort
"cab"|sort
[[2, 1], [1, 2]]|sort
[true, 0, 2]|sort
5|string + "x"
none|string
l|string
missing|string
html|striptags
"<p>a  b\n c</p><!-- x -->&amp;&#39;"|striptags
"a < b"|striptags
l|sum
users|sum(attribute="age")
[]|sum
l|sum(start=10)
[1.5, 2]|sum
[0.1, 0.2, 0.3]|sum
["a"]|sum
["a"]|sum(start="")
[[1], [2]]|sum(start=[])
"hello world-foo bar(baz) [x] {y} <z>"|title
"it's o'clock"|title
"ÀB éC"|title
5|title
d|tojson
d|tojson(indent=2)
mixed|tojson
nested|tojson(indent=4)
uni|tojson
uni|tojson(ensure_ascii=true)
html|tojson
"a\"b\\c\n\t\r\b\f\u0001\u2028"|tojson
"\x7f"|tojson
"\x7f"|tojson(ensure_ascii=true)
{"b": 1, "a": 2}|tojson(sort_keys=true)
{"b": 1, "a": 2}|tojson(separators=(",", ":"))
{"b": [1, 2], "a": {}}|tojson(indent=2, separators=(" ,", " : "))
{"b": [], "a": {}}|tojson(indent=2)
{1: 2, none: 3, true: 4, 1.5: 5}|tojson
{(1, 2): 3}|tojson
{1: 2, "a": 3}|tojson(sort_keys=true)
[1.0, 1e16, 1e-7, 0.1, -0.0]|tojson
(1e308 * 10)|tojson
(1, 2)|tojson
missing|tojson
[missing]|tojson
none|tojson
true|tojson
"x"|tojson
range(3)|tojson
d.items()|tojson
(l|map("string"))|tojson
big|tojson
l|tojson(indent=0)
l|tojson(indent="--")
l|tojson(indent=none)
l|tojson(true)
l|tojson(false, 2)
l|tojson(x=1)
l|tojson(indent=-1)
users|groupby("age")|tojson
namespace(a=1)|tojson
sp|trim ~ "|"
"xxaxx"|trim("x")
"abcba"|trim("ab")
"xa"|trim(chars="x")
"\u00a0a\u2003"|trim
5|trim
none|trim
"foo bar baz qux"|truncate(9)
"foo bar baz qux"|truncate(9, true)
"foo bar baz qux"|truncate(11)
"foo bar baz qux"|truncate(11, false, "...", 0)
"foo bar baz qux"|truncate(5, end="")
"foo bar baz qux"|truncate(2)
"foobarbazqux"|truncate(6, leeway=0)
"x"|truncate
[1, 2, 1, 3, 2]|unique|list
["a", "A", "b"]|unique|list
["a", "A", "b"]|unique(true)|list
users|unique(attribute="age")|map(attribute="name")|list
[1, 1.0, true]|unique|list
[[1], [1]]|unique|list
"AbA"|unique|join
s|upper
"straße ŉ"|upper
5|upper
"a b/c?d=é&f"|urlencode
{"a b": "c/d", "e": 1}|urlencode
[("a", 1)]|urlencode
5|urlencode
[1]|urlencode
"Hello, big-bad world_x 5"|wordcount
""|wordcount
"The quick brown fox jumps over the lazy dog"|wordwrap(15)
"abcdefghijklmnop qrs"|wordwrap(5)
"abcdefghijklmnop qrs"|wordwrap(5, false)
"well-known self-contained x-y"|wordwrap(8)
"well-known self-contained x-y"|wordwrap(8, break_on_hyphens=false)
"a b c d"|wordwrap(3, wrapstring="|")
"a\n\nb"|wordwrap(10)
"a b"|wordwrap(0)
"ms': 'shadow', 'get': -- a--b---c"|wordwrap(5)
{"a": "x<y", "b": none, "c": 5, "d": missing}|xmlattr
{"a": 1}|xmlattr(false)
{"a b": 1}|xmlattr
{}|xmlattr
d|pprint
words|pprint
s|from_json
d|map(attribute="x")|list
l|map("pprint")|list
'''.strip("\n").split("\n")
cases("filters", *["{{ " + e + " }}" for e in FILTERS])

METHODS = r'''
s.upper()
s.lower()
s.title()
"it's a dog's".title()
"ab1cd e2".title()
"ǆ ﬁx".title()
s.capitalize()
"éÀ".capitalize()
s.swapcase()
"ß".upper()
"Straße".casefold()
s.strip("Hd")
sp.strip() ~ "|"
sp.lstrip() ~ "|"
sp.rstrip() ~ "|"
"xxaxx".lstrip("x")
"xxaxx".rstrip("x")
"xyaxy".strip("yx")
"a".strip(none)
"a".strip(1)
"a".strip("a", "b")
s.split()
s.split(",")
s.split(", ")
s.split("l", 1)
s.split("l", maxsplit=1)
s.split(sep="o")
s.split(none, 1)
s.split("")
s.split("zz")
"".split()
"".split(",")
" a  b c ".split()
" a  b c ".split(none, 1)
" a  b c ".split(none, 0)
" a  b c ".rsplit(none, 1)
"a,b,c".rsplit(",", 1)
"a,b,c".rsplit(",")
"a,b,c".rsplit(",", 0)
"aaa".split("aa")
"aaa".rsplit("aa")
"</think>x</think>y".split("</think>")[-1]
"</think>x</think>y".split("</think>")|last
s.split(5)
s.splitlines()
lines.splitlines()
lines.splitlines(true)
lines.splitlines(keepends=True)
"".splitlines()
"a\x0bb\x0cc\x1cd\x85e\u2028f".splitlines()
"a\n".splitlines()
s.partition(", ")
s.partition("zz")
s.rpartition("l")
s.rpartition("zz")
s.partition("")
s.startswith("He")
s.startswith("he")
s.startswith(("x", "H"))
s.startswith(["H"])
s.startswith("llo", 2)
s.startswith("He", 0, 1)
s.startswith("", 100)
s.startswith("")
s.startswith(5)
s.startswith()
s.endswith("ld")
s.endswith(("x", "d"))
s.endswith("lo", 0, 5)
s.find("o")
s.find("o", 5)
s.find("zz")
s.find("o", -3)
s.find("", 100)
s.find("")
s.rfind("o")
s.rfind("o", 0, 5)
s.index("o")
s.index("zz")
s.rindex("l")
uni.find("中")
uni.index("中")
uni.find("文", 8)
s.count("l")
s.count("l", 3)
s.count("")
"aaaa".count("aa")
s.count("l", 3, 5)
s.replace("l", "L")
s.replace("l", "L", 2)
s.replace("", "-")
s.replace("l")
s.replace("l", 1)
s.replace("l", "L", -1)
s.join(["a", "b"])
", ".join(words)
", ".join(l)
"".join([])
"-".join("abc")
"-".join(d)
"-".join(n)
s.isalpha()
"abc".isalpha()
"".isalpha()
"abc1".isalnum()
"123".isdigit()
"12.3".isdigit()
"²".isdigit()
"²".isdecimal()
"½".isnumeric()
"½".isdigit()
"٣".isdigit()
" \t".isspace()
"".isspace()
"abc".islower()
"ABC".isupper()
"aB1".islower()
"Abc Def".istitle()
"Abc def".istitle()
"abc".isidentifier()
"1a".isidentifier()
"abc".isascii()
"é".isascii()
"a\n".isprintable()
"ab".ljust(5) ~ "|"
"ab".rjust(5, ".")
"ab".center(5, "*")
"abc".center(6, "*")
"ab".center(1)
"ab".center(7)
"ab".center(7, "xx")
"42".zfill(5)
"-42".zfill(5)
"+4".zfill(4)
"ab".zfill(1)
"a\tb".expandtabs()
"a\tb".expandtabs(4)
"a\tb".expandtabs(0)
"prefix-x".removeprefix("prefix-")
"x".removeprefix("y")
"x.txt".removesuffix(".txt")
"{} {}".format(1, "a")
"{0} {1} {0}".format(1, 2)
"{a} {b[0]} {c.x}".format(a=1, b=l, c=d.c)
"{:>5}|{:<5}|{:^5}|{:*^7}".format("a", "b", "c", "d")
"{:5d}|{:05d}|{:+d}|{:,}|{:x}|{:#x}|{:b}|{:o}|{:X}".format(1, 2, 3, 1234567, 255, 255, 5, 8, 255)
"{:.2f}|{:10.3f}|{:e}|{:g}|{:%}|{:.1%}|{:,.2f}|{:_}".format(3.14159, 2.5, 12345.678, 0.0001, 0.25, 0.256, 1234567.891, 1234567)
"{!r} {!s}".format("a", "b")
"{{}} {}".format(1)
"{".format()
"}".format()
"{}".format()
"{a}".format()
"{0} {}".format(1, 2)
"{:{}}".format("a", 5) ~ "|"
"{:{w}.{p}f}".format(3.14159, w=8, p=2)
"{.x}".format(d.c)
"{[a]}".format(d)
"{[zz]}".format(d) ~ "|"
"{:d}".format("a")
"{:s}".format(1)
"{:5}".format(none)
"{}".format(none)
"{}".format([1, "a"])
"{:>10}".format([1])
"{:.3}".format("abcdef")
"{:.3}".format(3.14159)
"{:.3}".format(1234.5)
"{:.1}".format(1234.5)
"{:.2}".format(1.0)
"{}".format(1.0)
"{:g}".format(1.0)
"{:g}".format(1e20)
"{:n}".format(1234)
"{:c}".format(65)
"{:=+8d}".format(42)
"{:<08}".format(42)
"{:08.2f}".format(-3.14159)
"{:010,}|{:012,}|{:08,}|{:05,}|{:010_x}|{:#012_x}|{:012,.2f}".format(1234, 1234567, -1234, 12, 255, 1234, 1234.5)
"{:0=10,}|{:0>10,}|{:=10,}".format(1234, 1234, 1234)
"{:5}|{:<5}".format(true, true)
"{:d}".format(true)
"{!x}".format(1)
"{!a}".format("é")
"{:z}".format(1)
"{a.__class__}".format(a=1)
"{:,}".format(1234.5)
"{:10}".format(1.5)
"{:+.1f} {: .1f} {:-.1f}".format(1.25, 1.25, 1.25)
"{:e}".format(0)
"{:.0f}".format(2.5)
"{:#.0f}".format(2.5)
"{x}".format_map({"x": 1})
s.format_map(5)
"a".join(["x"], ["y"])
s.lower(1)
s.upper(x=1)
"%s".__mod__(1)
d.keys()|sort
d.items()|sort(attribute=0)
d.values()|list|length
d.items()|first
d.items()|last
d.items()|map("first")|list
d.items()|map(attribute=1)|list|length
l.__len__()
d.fromkeys(["a"], 1)
n.__add__(1)
s.isalpha
'''.strip("\n").split("\n")
cases("methods", *["{{ " + e + " }}" for e in METHODS])

cases(
    "loops",
    "{% for x in l %}{{ x }},{% endfor %}",
    "{% for x in [] %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in l %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in missing %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in nil %}{{ x }}{% endfor %}",
    "{% for x in n %}{{ x }}{% endfor %}",
    "{% for x in 'abc' %}{{ x }}-{% endfor %}",
    "{% for x in d %}{{ x }}{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in d|dictsort(reverse=true) %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in l %}{{ k }}{% endfor %}",
    "{% for a, (b, c) in [[1, [2, 3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for (a, b), c in [[[1, 2], 3]] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for a, b in [[1, 2, 3]] %}{% endfor %}",
    "{% for a, b in [[1]] %}{% endfor %}",
    "{% for a, in [[1], [2]] %}{{ a }}{% endfor %}",
    "{% set a, = [7] %}{{ a }}",
    "{% for x in l, recursive %}{{ x }}{% endfor %}",
    "{% for x in l if x is odd %}{{ x }}{{ loop.index }}/{{ loop.length }}{{ loop.last }};{% endfor %}",
    "{% for x in l if x > 10 %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in l if loop.index > 1 %}{{ x }}{% endfor %}",
    "{% for x in l if y is defined %}{{ x }}{% endfor %}",
    "{% set y = 2 %}{% for x in l if x > y %}{{ x }}{% set y = 4 %}{% endfor %}",
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}",
    "{% for x in l %}{{ loop.previtem }}-{{ x }}-{{ loop.nextitem }};{% endfor %}",
    "{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }};{% endfor %}",
    "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in l %}{{ loop.cycle() }}{% endfor %}",
    "{% for x in [1, 1, 2, 2, 1] %}{{ loop.changed(x) }}{% endfor %}",
    "{% for x in [1, 1, 2] %}{{ loop.changed(x, 1) }}{% endfor %}",
    "{% for x in l|map('string') %}{{ loop.length }}{{ loop.last }}{{ x }};{% endfor %}",
    "{% for x in l|map('string') %}{{ loop.nextitem }}{{ loop.revindex }};{% endfor %}",
    "{% for x in l %}{% if x == 3 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in l %}{% if x == 3 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in l %}{% continue %}{% else %}E{% endfor %}",
    "{% for x in l %}{% break %}{% else %}E{% endfor %}",
    "{% for x in l %}{% if x == 2 %}{% break %}{% endif %}{% else %}E{% endfor %}",
    "{% break %}",
    "{% for x in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}",
    "{% for x in l %}{{ x }}{% filter upper %}a{% if x == 2 %}{% break %}{% endif %}{% endfilter %}{% endfor %}",
    "{% for x in l %}{% set t %}a{% continue %}{% endset %}{{ t }}{% endfor %}",
    "{% for x in l %}{% for y in l %}{% if y == 2 %}{% break %}{% endif %}{{ x }}{{ y }};{% endfor %}{% endfor %}",
    "{% for x in l %}{% set outer = loop %}{% for y in [1, 2] %}{{ outer.index }}{{ loop.index }};{% endfor %}{% endfor %}",
    "{% for t in tree recursive %}{{ t.v }}[{{ loop.depth }}{% if t.kids %}{{ loop(t.kids) }}{% endif %}]{% endfor %}",
    "{% for t in tree recursive %}{{ t.v }}{{ loop(t.kids) }}{% else %}.{% endfor %}",
    "{% for t in tree recursive %}{{ loop.index }}{% for k in t.kids %}{{ k.v }}{% endfor %}{{ loop(t.kids) }}{% endfor %}",
    "{% for t in l %}{{ loop(t) }}{% endfor %}",
    "{% for x in l %}{{ loop.nothing is defined }}{% endfor %}",
    "{% for x in l %}{{ loop.nothing }}{% endfor %}",
    "{% for x in l %}{{ loop }}{% endfor %}",
    "{% for loop in l %}{{ loop }}{% endfor %}",
    "{% for x in l %}{% set loop = 1 %}{% endfor %}",
    "{{ loop is defined }}",
    "{{ loop.index }}",
    "{% for x in range(3) %}{{ x }}{% endfor %}{{ x is defined }}",
    "{% for x in l recursive %}{{ x }}{% endfor %}",
    "{% for x in l[1:3] %}{{ x }}{% endfor %}",
    "{% for x in l + [6] if x % 2 == 0 %}{{ x }}{% endfor %}",
    "{% for x in 1, 2, 3 %}{{ x }}{% endfor %}",
    "{% for x in l if x else 2 %}{{ x }}{% endfor %}",
    "{% for x in (l if yes else []) %}{{ x }}{% endfor %}",
    "{% for x in (1 if yes else 2), 3 %}{{ x }}{% endfor %}",
    "{% for ns.x in l %}{% endfor %}",
    "{% for m in messages[::-1] %}{{ loop.index }}{{ m.role }}{% endfor %}",
    "{% for m in messages %}{{ m['content'] if m.role == 'user' else m.content|upper }}{% endfor %}",
    "{% for g in users|groupby('age') %}{{ g.grouper }}:{{ g.list|map(attribute='name')|join(',') }};{% endfor %}",
    "{% for a, b in users|groupby('ok') %}{{ a }}:{{ b|length }};{% endfor %}",
    "{% for x in l|batch(2) %}{{ x }}{% endfor %}",
    "{% for x in l %}{{ 'odd' if loop.index is odd else 'even' }}{% if not loop.last %},{% endif %}{% endfor %}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.next() }}",
    "{% set j = joiner('|') %}{{ j() }}a{{ j() }}b{{ j() }}c",
    "{% set j = joiner() %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}",
    "{{ cycler() }}",
    "{% for x in [0, 1] %}{% for y in [] %}{% else %}{{ loop.index }}{% endfor %}{% endfor %}",
    "{% for u in users if u.ok %}{{ u.name }}{% if loop.nextitem is defined %}, {{ loop.nextitem.name }}{% endif %};{% endfor %}",
)

cases(
    "scopes",
    "{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}",
    "{% for i in [1, 2] %}{% set y = i %}{% endfor %}{{ y is defined }}",
    "{% for i in [1, 2] %}{{ y is defined }}{% set y = i %}{% endfor %}",
    "{% set ns = namespace(x=0) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }}{{ ns }}",
    "{% set ns.x = 1 %}",
    "{% set d.x = 1 %}",
    "{% set ns = namespace() %}{% set ns._x = 1 %}",
    "{% if yes %}{% set x = 1 %}{% endif %}{{ x }}",
    "{% if no %}{% set x = 1 %}{% endif %}{{ x is defined }}",
    "{% if no %}{% set n = 1 %}{% endif %}{{ n }}",
    "{% if no %}{% set x = 1 %}{% elif yes %}{% set x = 2 %}{% else %}{% set x = 3 %}{% endif %}{{ x }}",
    "{% if x is defined %}a{% endif %}{% set x = 1 %}{% if x is defined %}b{% endif %}",
    "{{ n }}{% set n = 1 %}{{ n }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set a, b = b, a %}{{ a }}",
    "{% set a = 1, 2 %}{{ a }}",
    "{% set (a, b), c = [[1, 2], 3] %}{{ a }}{{ b }}{{ c }}",
    "{% set a, b = [1] %}",
    "{% set a, b = 5 %}",
    "{% set true = 1 %}",
    "{% set 5 = 1 %}",
    "{% set x %}a{{ n }}b{% endset %}{{ x }}",
    "{% set x | upper %}abc{% endset %}{{ x }}",
    "{% set x | replace('a', 'b') | upper %}abca{% endset %}{{ x }}",
    "{% set x %}{% set y = 1 %}{{ y }}{% endset %}{{ x }}{{ y is defined }}",
    "{% set ns = namespace() %}{% set ns.x %}abc{% endset %}{{ ns.x }}",
    "{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(b=5, a=4) }}",
    "{% macro m(a) %}{{ a }}{{ a is defined }}{% endmacro %}{{ m() }}",
    "{% macro m(a) %}{{ a.x }}{% endmacro %}{{ m() }}",
    "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}",
    "{% macro m(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}",
    "{% macro m() %}{{ varargs|length }}{% endmacro %}{{ m(x=1) }}",
    "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}",
    "{% macro m(a=b, b=1) %}{{ a }}{{ b }}{% endmacro %}{{ m() }}",
    "{% macro m(a=1, b) %}{% endmacro %}",
    "{% macro m(a, a) %}{% endmacro %}",
    "{% macro m() %}{{ n }}{% endmacro %}{{ m() }}",
    "{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}",
    "{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}",
    "{% macro m() %}{{ x }}{% endmacro %}{% for x in [1, 2] %}{{ m() }}{% endfor %}",
    "{% for x in [1, 2] %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% macro m() %}{% set x = 1 %}{{ x }}{% endmacro %}{{ m() }}{{ x is defined }}",
    "{% set x = 5 %}{% macro m() %}{% set x = x + 1 %}{{ x }}{% endmacro %}{{ m() }}{{ m() }}{{ x }}",
    "{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}",
    "{{ m }}{% macro m() %}{% endmacro %}",
    "{% macro m() %}{% endmacro %}{{ m }}",
    "{% macro m(a, b) %}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.catch_varargs }}{{ m.caller }}",
    "{% if no %}{% macro m() %}x{% endmacro %}{% endif %}{{ m is defined }}",
    "{% if yes %}{% macro m() %}x{% endmacro %}{% endif %}{{ m() }}",
    "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}body{% endcall %}",
    "{% macro m() %}<{{ caller(1, b=2) }}>{% endmacro %}{% call(a, b) m() %}{{ a }}{{ b }}{% endcall %}",
    "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}",
    "{% macro m() %}x{% endmacro %}{% call m() %}body{% endcall %}",
    "{% macro m(caller=none) %}{{ caller }}{% endmacro %}{{ m() }}",
    "{% macro m(caller) %}{{ caller() }}{% endmacro %}",
    "{% macro m(x) %}{{ x }}{{ caller() }}{% endmacro %}{% for i in [1, 2] %}{% call m(i) %}{{ i * 10 }}{% endcall %};{% endfor %}",
    "{% call n %}{% endcall %}",
    "{% call raise_exception('x') %}{% endcall %}",
    "{% call s.upper() %}{% endcall %}",
    "{% filter upper %}a{{ s }}b{% endfilter %}",
    "{% filter replace('a', 'b') | upper %}aXa{% endfilter %}",
    "{% filter trim %}  {% set x = 1 %}{{ x }}  {% endfilter %}{{ x is defined }}",
    "{% filter nope %}{% endfilter %}",
    "{% filter length %}abc{% endfilter %}",
    "{% filter safe %}<{% endfilter %}",
    "{% call n.bit_length() %}{% endcall %}",
    "{% with %}{% set x = 1 %}{{ x }}{% endwith %}{{ x is defined }}",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}",
    "{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "{% with a, b = (1, 2) %}{{ a }}{{ b }}{% endwith %}",
    "{% block x %}{{ n }}{% endblock %}",
    "{% set y = 1 %}{% block x %}{{ y }}{% endblock %}",
    "{% for y in l %}{% block x %}{{ y }}{% endblock %}{% endfor %}",
    "{% for y in l %}{% block x scoped %}{{ y }}{{ loop.index }}{% endblock %}{% endfor %}",
    "{% block x %}a{% endblock %}{{ self.x() }}{% block x2 %}{{ super() }}{% endblock %}",
    "{% block x %}a{% endblock %}{{ self.x() }}{{ self.y is defined }}",
    "{% block x %}{% set z = 1 %}{{ z }}{% endblock %}{{ z is defined }}",
    "{% block x %}{% endblock %}{% block x %}{% endblock %}",
    "{% block x %}a{% endblock x %}",
    "{% block x required %}{% endblock %}",
    "{% include 'x' %}",
    "{% if no %}{% include 'x' %}{% endif %}ok",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% autoescape false %}{{ html }}{% endautoescape %}",
    "{% generation %}a{{ n }}{% endgeneration %}b",
    "{% generation %}{% set q = 1 %}{% endgeneration %}{{ q is defined }}",
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}",
    "{% print 1, 2 %}",
    "{% raw %}{{ x }}{% endraw %}",
    "{% if n %}a{% elif s %}b{% else %}c{% endif %}",
    "{% if zero %}a{% elif s %}b{% else %}c{% endif %}",
    "{% if zero %}a{% elif empty %}b{% else %}c{% endif %}",
    "{% if missing %}a{% endif %}b",
    "{% if missing.x %}a{% endif %}b",
    "{% if n, 0 %}a{% endif %}",
    "{% if n if 0 else 1 %}a{% endif %}",
    "{% if l|length > 3 and 'a' in d %}y{% endif %}",
    "{% if no %}{{ s|nope }}{% endif %}ok",
    "{% if yes %}{{ s|nope }}{% endif %}ok",
    "{% if no %}{{ s is nope }}{% endif %}ok",
    "{{ (s|nope) if no else 'ok' }}",
    "{% if no %}{% for x in l %}{{ x|nope }}{% endfor %}{% endif %}ok",
    "{% macro m() %}{{ 1|nope }}{% endmacro %}ok",
    "{% set f = s.upper %}{{ f() }}",
    "{% set m = d.get %}{{ m('a') }}",
    "{{ dict(**d).a }}{{ dict(a=1, **{'b': 2}) }}",
    "{{ dict(a=1, **{'a': 2}) }}",
    "{{ range(*[1, 4])|list }}",
    "{{ '%s %s'|format(*[1, 2]) }}",
    "{{ dict(a=1, a=2) }}",
    "{{ range(1, stop=3) }}",
    "{{ range(*l, **d) }}",
)

cases(
    "whitespace",
    "a\n{% if yes %}\nb\n{% endif %}\nc\n",
    "a\n  {% if yes %}\n  b\n  {% endif %}\n  c",
    "a\n  {%- if yes %}\n  b\n  {%- endif %}\n  c",
    "a\n  {% if yes -%}\n  b\n  {% endif -%}\n  c",
    "a\n  {%+ if yes %}\n  b\n  {%+ endif %}\n  c",
    "a\n  {% if yes +%}\n  b\n  {% endif +%}\n  c",
    "a {% if yes %} b {% endif %} c",
    "a {%- if yes -%} b {%- endif -%} c",
    "a\n  {{ n }}\n  b",
    "a\n  {{- n -}}\n  b",
    "a  {{- n }}  b  {{ n -}}  c",
    "{{ -1 }}{{-1}}{{ 1 -1 }}{{- 1 }}",
    "a\n  {# c #}\n  b",
    "a\n  {#- c -#}\n  b",
    "a\n  {#+ c +#}\n  b",
    "a {# c #} b",
    "{#\n multi\n line #}\n\nx",
    "{# a {{ b }} {% c %} #}x",
    "{#-#}x",
    "{##}x",
    "{# unclosed",
    "{% raw %}{{ a }}{% endraw %}",
    "{% raw -%}\n  {{ a }}\n{%- endraw %}",
    "  {% raw %}\n  {{ a }}\n  {% endraw %}\n b",
    "{%- raw %} {% if %} {% endraw -%}\n x",
    "{% raw %}{% endraw",
    "{% raw %}{% raw %}{% endraw %}",
    "{%raw%}x{%endraw%}\ny",
    "\n\n{% set x = 1 %}\n\n{{ x }}\n\n",
    "x\n",
    "x\n\n",
    "\nx",
    "a\r\nb\rc\n",
    "a\r\n{% if yes %}\r\nb{% endif %}",
    "{{ 'a\r\nb' }}",
    "\t{% if yes %}x{% endif %}\t\n\ty",
    "a\n\t \u00a0{% if yes %}x{% endif %}",
    "{% for x in l %}\n  {{ x }}\n{% endfor %}\n",
    "{%- for x in l %}\n  {{- x }}\n{%- endfor %}\n",
    "{% for x in l -%}\n  {{ x }}\n{%- endfor %}",
    "{% set x %}\n  a\n{% endset %}\n[{{ x }}]",
    "{% macro m() %}\n  a\n{% endmacro %}\n[{{ m() }}]",
    "{{ n }}\n{{ n }}\n",
    "{{ n }}{% if yes %}\n\n{{ n }}{% endif %}",
    "{{n}}{{s}}",
    "{{ }}",
    "{{",
    "{{ n",
    "{% if",
    "{% if yes",
    "{% if yes %}",
    "{% endif %}",
    "{% if yes %}{% endfor %}",
    "{% for x in l %}{% endif %}",
    "{% else %}",
    "{% nope %}",
    "{% %}",
    "{% 5 %}",
    "{{ 'a }}",
    "{{ a' }}",
    "{{ (1 }}",
    "{{ 1) }}",
    "{{ [1) }}",
    "{{ {'a': {'b': 1}} }}",
    "{{ {'a': {'b': 1}}}}",
    "{{ '}}' }}",
    "{% set x = '%}' %}{{ x }}",
    "{ { n } }",
    "{n}",
    "}} %} #}",
    "{{ n }}}",
    "{{{ n }}}",
    "{{ a.b. }}",
    "{{ a b }}",
    "{{ 1 2 }}",
    "{{ a..b }}",
    "{{ $ }}",
    "{{ a ? b : c }}",
    "{{ a && b }}",
    "{{ !a }}",
    "{{ a = 1 }}",
    "{{ l[1, 2] }}",
    "{{ l[] }}",
    "{{ l[1:2, 3] }}",
    "{{ n if }}",
    "{{ if n }}",
    "{{ not }}",
    "{{ n is }}",
    "{{ n is not }}",
    "{{ n | }}",
    "{{ n |upper() |lower }}",
    "{{ n.upper }}",
    "{{ f(a=1, 2) }}",
    "{{ f(**a, b) }}",
    "{{ f(*a, *b) }}",
    "{{ dict(a=1,) }}",
    "{{ [1, 2,] }}{{ (1,) }}{{ {'a': 1,} }}",
    "{{ [,] }}",
    "{{ 1,}}",
    "{% if yes: %}x{% endif %}",
    "{% for x in l: %}{{ x }}{% endfor %}",
    "{% set x = 1; %}",
    "{% set %}",
    "{% set x %}",
    "{% for %}",
    "{% for x %}{% endfor %}",
    "{% for x in %}{% endfor %}",
    "{% macro %}{% endmacro %}",
    "{% macro m %}{% endmacro %}",
    "{% block 5 %}{% endblock %}",
    "{{ 'abc' 'def' ~ 'x' }}",
    "{{ caf\u00e9 }}",
    "{% set caf\u00e9 = 1 %}{{ caf\u00e9 }}",
    "{{ 1.e5 }}",
    "{{ .5 }}",
    "{{ 5. }}",
    "{{ 01 }}",
    "{{ 00 }}",
    "{{ 1__0 }}",
    "{{ 0xg }}",
    "{{ 1.5.real }}",
    "{{ 1.real }}",
    "{{ l.0.real }}",
    "{{ nested.0.1.0 }}",
    "{{ n }}\u2028{% if yes %}\u2028x{% endif %}",
    "a\u2028  {%- if yes %}x{% endif %}",
    "{{ 'a' if yes else 'b' }}-{{ 'a' if no else 'b' if no else 'c' }}",
    "{{ (1, 2)[0] }}{{ [1, 2][1] }}{{ {'a': 1}.a }}{{ 'abc'[1] }}",
    "{{ messages[0].role }}{{ messages[0]['content'] }}{{ messages[-1].content[0] }}",
    "{{ messages|map(attribute='content')|join(' ') }}",
    "{%- for m in messages -%}\n<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}\n{%- if add_generation_prompt -%}\n<|assistant|>\n{%- endif -%}",
)


def main():
    print(json.dumps({"variables": VARIABLES}))
    for name, templates in GROUPS.items():
        for template in templates:
            row = {"group": name, "template": template}
            try:
                row["rendered"] = chat_template_utils._cached_compile_jinja_template(template).render(**VARIABLES)
            except Exception as e:
                row["error"] = f"{type(e).__name__}: {e}"
            if " at 0x" in row.get("rendered", ""):
                row = {**row, "rendered": ""}
                print("prints an address: " + template, file=sys.stderr)
                continue
            print(json.dumps(row, ensure_ascii=True))


if __name__ == "__main__":
    main()
