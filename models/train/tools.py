"""Tool use: definitions as clients write them (names, descriptions and parameters vary), requests, calls, results and final answers.

A tool is a value of one conversation: `definition` goes into the prompt, `use(r, split)` draws a request. Arguments are held out by CRC.
"""
from dataclasses import dataclass
from typing import Callable

from chat import bot, calls, to_json, tool_result, user
from material import COLORS, COUNTRIES, DAYS, FRUIT
from split import Phrases as P, cap, careless, draw
from tasks import city, invented, name, number, word


@dataclass
class Use:
    arguments: dict
    question: str
    result: str
    answer: str


@dataclass
class Tool:
    family: str
    definition: dict
    use: Callable

    @property
    def name(self):
        return self.definition["function"]["name"]


def define(r, name, description, required, optional=()):
    """required, optional: (name, type, description) or (name, [choices], description) each."""
    described = r.random() < .5
    props = {}
    for n, t, d in list(required) + list(optional):
        p = {"type": "string", "enum": t} if isinstance(t, list) else {"type": t}
        if described: p["description"] = d
        props[n] = p
    parameters = {"type": "object", "properties": props, "required": [n for n, _, _ in required]}
    if r.random() < .1: parameters["additionalProperties"] = False
    f = {"name": name}
    if r.random() < .9: f["description"] = description + (r.choice([".", ""]))
    f["parameters"] = parameters
    if r.random() < .05: f["strict"] = True
    return {"type": "function", "function": f}


SKY = "sunny cloudy rainy snowy windy foggy stormy clear".split()
CURRENCIES = "dollars euros pounds yen francs".split()


def place(r, split):
    """A city, sometimes with its country or state."""
    c = city(r, split); k = r.random()
    return c + ", " + r.choice(COUNTRIES) if k < .07 else c + ", " + r.choice(["CA", "NY", "TX", "WA", "MA", "UK", "FL", "IL", "CO", "OR"]) if k < .13 else c


def unique(r, split, tool, make):
    return draw(r, split, make, lambda a: (tool,) + (a if isinstance(a, tuple) else (a,)))


ASK_WEATHER = P("(What is|What's|How is|Tell me|Give me|Check|Please check|I want to know|Show me|Do you know) the (weather|weather like|current weather|weather today|forecast) (in|for) {c}(?|.| today?| now?| right now?| please.)", "(Is it|Will it be) (raining|sunny|cold|warm|hot|windy|snowing) in {c}( today| now|)?", "(Weather|The weather|Forecast|Temperature) (in|for) {c}( please|)?", "How (warm|cold|hot) is it in {c}( today| now|)?", "What is the temperature in {c}( today| now|)?", plain=["What is the weather in {c}?", "What's the weather like in {c}?", "What is the weather like in {c} today?", "How is the weather in {c}?"], percent=0)


def weather(r):
    tool = r.choice(["get_weather", "get_weather", "get_current_weather", "weather", "fetch_weather"]); key = r.choice(["city", "location", "city", "place"])
    with_unit = r.random() < .3
    d = define(r, tool, r.choice(["Get the weather in a city", "Get the current weather for a location", "Returns the weather of a place", "Get current temperature and conditions"]), [(key, "string", r.choice(["The city", "Name of the city", "City and country", "The city to look up"]))],
               [("unit", ["celsius", "fahrenheit"], "Unit of the temperature")] if with_unit else [])

    def use(r, split):
        c = unique(r, split, "weather", lambda: place(r, split)); w = r.choice(SKY); t = r.randint(-9, 39); args = {key: c}; q = ASK_WEATHER.sample(r).format(c=c)
        if with_unit and r.random() < .45:
            u = r.choice(["celsius", "fahrenheit"]); args["unit"] = u; q = q.rstrip("?. ") + r.choice([" in ", ", in ", " in degrees "]) + r.choice([u, cap(u)]) + r.choice("?.")
        q = careless(r, q)
        k = r.random()
        if k < .45: return Use(args, q, to_json({"weather": w, "temperature": t}), f"It is {w} and {t} degrees in {c}.")
        if k < .6: return Use(args, q, to_json({"temperature": t, "condition": w}), f"It is {w} and {t} degrees in {c}.")
        if k < .7: return Use(args, q, to_json({"city": c, "temp": t, "description": w}), f"It is {w} and {t} degrees in {c}.")
        if k < .8: return Use(args, q, to_json({"temperature": t}), f"It is {t} degrees in {c}.")
        s = r.choice([f"{w}, {t} degrees", f"{t} C, {w}", f"{t} degrees and {w}", w, f"{t}°C"])
        return Use(args, q, s, f"The weather in {c}: {s}.")
    return Tool("weather", d, use)


def clock(r):
    tool = r.choice(["get_time", "get_current_time", "current_time"]); key = r.choice(["city", "location", "timezone"])
    d = define(r, tool, "Get the current time in a " + key, [(key, "string", "The " + key)])

    def use(r, split):
        c = unique(r, split, "time", lambda: place(r, split)); t = f"{r.randint(0, 23):02d}:{r.randint(0, 59):02d}"
        q = r.choice(["What time is it in {}?", "What is the time in {}?", "Tell me the time in {}.", "Current time in {}?", "What time is it now in {}?", "How late is it in {}?", "Can you tell me the time in {}?"]).format(c)
        return Use({key: c}, careless(r, q), to_json({"time": t}) if r.random() < .8 else t, f"It is {t} in {c}.")
    return Tool("clock", d, use)


def calculator(r):
    tool = r.choice(["calculator", "calculate", "evaluate", "calc"])
    if r.random() < .6:
        d = define(r, tool, "Calculate an expression", [("expression", "string", "The expression")])

        def use(r, split):
            a, b = unique(r, split, "calc", lambda: (number(r, 9999), number(r, 9999))); o = r.choice("+-*"); e = f"{a} {o} {b}"; v = {"+": a + b, "-": a - b, "*": a * b}[o]
            said = e if r.random() < .5 else f"{a} {r.choice({'+': ['plus'], '-': ['minus'], '*': ['times', 'multiplied by']}[o])} {b}"
            q = r.choice(["What is {}?", "Calculate {}.", "How much is {}?", "Use the calculator for {}.", "Compute {}.", "Please calculate {}.", "{}"]).format(said)
            return Use({"expression": e}, q, to_json({"result": v}) if r.random() < .7 else str(v), f"{e} = {v}")
        return Tool("calculator", d, use)
    word_of = r.choice([("add", "plus", "sum"), ("multiply", "times", "product")]); k1, k2 = r.choice([("a", "b"), ("x", "y")])
    d = define(r, word_of[0] + r.choice(["", "_numbers"]), cap(word_of[0]) + " two numbers", [(k1, r.choice(["integer", "number"]), "First number"), (k2, "integer", "Second number")])

    def use_two(r, split):
        a, b = unique(r, split, "calc2", lambda: (number(r, 9999), number(r, 9999))); v = a + b if word_of[0] == "add" else a * b; s = "+" if word_of[0] == "add" else "*"
        q = r.choice([f"What is {a} {word_of[1]} {b}?", f"What is {a} {s} {b}?", f"{cap(word_of[0])} {a} and {b}.", f"What is the {word_of[2]} of {a} and {b}?", f"Please {word_of[0]} {a} and {b}."])
        return Use({k1: a, k2: b}, q, to_json({"result": v}) if r.random() < .6 else str(v), f"{a} {s} {b} = {v}")
    return Tool("calculator", d, use_two)


def contact(r):
    tool = r.choice(["find_contact", "lookup_contact", "get_phone_number"]); key = r.choice(["name", "person"])
    d = define(r, tool, "Find the phone number of a person", [(key, "string", "Name of the person")])

    def use(r, split):
        n = unique(r, split, "contact", lambda: name(r, split)); p = f"555-{r.randint(1000, 9999)}"
        q = r.choice(["What is {}'s phone number?", "Find the phone number of {}.", "How can I call {}?", "Look up {} in my contacts.", "I need the number of {}.", "Give me the phone number of {}, please."]).format(n)
        return Use({key: n}, q, to_json({"phone": p}) if r.random() < .8 else p, f"The phone number of {n} is {p}.")
    return Tool("contact", d, use)


def timer(r):
    tool = r.choice(["set_timer", "start_timer", "create_timer"]); key = r.choice(["minutes", "duration"])
    d = define(r, tool, "Set a timer", [(key, "integer", "Minutes until it rings")])

    def use(r, split):
        m = unique(r, split, "timer", lambda: number(r, 99) or 1)
        q = r.choice(["Set a timer for {} minutes.", "Start a {} minute timer.", "Remind me in {} minutes.", "Timer for {} minutes, please.", "Please set a timer to {} minutes.", "I need a timer for {} minutes."]).format(m)
        return Use({key: m}, careless(r, q), to_json({"status": "ok"}) if r.random() < .7 else "ok", f"The timer is set for {m} minutes.")
    return Tool("timer", d, use)


TEXT = ["I am late", "see you soon", "call me back", "happy birthday", "dinner is ready", "the train is late", "good luck", "thank you", "where are you", "I am at home", "bring some bread", "the meeting is over", "the door is open", "I miss you"]


def message(r):
    tool = r.choice(["send_message", "send_email", "send_sms"]); to, text = r.choice([("to", "text"), ("recipient", "message"), ("to", "body")])
    d = define(r, tool, "Send a message to a person", [(to, "string", "Who gets it"), (text, "string", "The text")])

    def use(r, split):
        n, s = unique(r, split, "message", lambda: (name(r, split), r.choice(TEXT) + r.choice(["", "", " today", " tonight", " my friend"]) if r.random() < .8 else " ".join(word(r, split) for _ in range(3))))
        q = r.choice(["Send a message to {n}: {s}", "Tell {n}: {s}", "Message {n} the text \"{s}\".", "Send {n} this message: {s}", "Write to {n}: {s}", "Please text {n}: {s}"]).format(n=n, s=s)
        return Use({to: n, text: s}, q, to_json({"status": "sent"}) if r.random() < .7 else "sent", f"I sent your message to {n}.")
    return Tool("message", d, use)


def currency(r):
    d = define(r, r.choice(["convert_currency", "exchange"]), "Convert an amount of money", [("amount", r.choice(["integer", "number"]), "How much"), ("source", "string", "From this currency"), ("target", "string", "To this currency")])

    def use(r, split):
        a, x, y = unique(r, split, "currency", lambda: (number(r, 999) or 2, *r.sample(CURRENCIES, 2))); v = r.randint(2, 1999)
        q = r.choice(["Convert {a} {x} to {y}.", "How much is {a} {x} in {y}?", "What are {a} {x} worth in {y}?", "Change {a} {x} into {y}, please.", "{a} {x} in {y}?"]).format(a=a, x=x, y=y)
        return Use({"amount": a, "source": x, "target": y}, q, to_json({"result": v}) if r.random() < .8 else str(v), f"{a} {x} is {v} {y}.")
    return Tool("currency", d, use)


def stock(r):
    key = r.choice(["item", "product"])
    d = define(r, r.choice(["get_stock", "check_stock", "count_items"]), "Get the stock level of an item", [(key, "string", "The item")])

    def use(r, split):
        def make():
            k = r.random()
            return r.choice(FRUIT) if k < .4 else r.choice(COLORS) + " " + r.choice(FRUIT) if k < .8 else word(r, split) + "s"
        o = unique(r, split, "stock", make); v = r.randint(2, 99)
        q = r.choice(["How many {} are in stock?", "Do we have {} in stock?", "Check the stock of {}.", "Are there {} in the store?", "How many {} do we have?"]).format(o)
        return Use({key: o}, q, to_json({"count": v}) if r.random() < .8 else str(v), f"There are {v} {o} in stock.")
    return Tool("stock", d, use)


def search(r):
    key = r.choice(["query", "q", "keywords"])
    d = define(r, r.choice(["search", "web_search", "search_web", "lookup"]), r.choice(["Search the web", "Search for information", "Look something up"]), [(key, "string", "What to look for")])

    def use(r, split):
        x = unique(r, split, "search", lambda: " ".join(word(r, split) for _ in range(r.choice((1, 2, 2, 3)))) if r.random() < .7 else name(r, split) + " " + word(r, split))
        found = " ".join(word(r, split) for _ in range(r.choice((1, 2, 3))))
        q = r.choice(["Search for {}.", "Search the web for {}.", "Look up {}.", "Please search for {}.", "Find information about {}.", "Can you look up {}?"]).format(x)
        return Use({key: x}, q, to_json({"result": found}) if r.random() < .6 else found, f"I found this: {found}.")
    return Tool("search", d, use)


VERBS = "book order open close start stop rent clean paint check move lock water feed find delete create update cancel repair sell buy count print".split()
NOUNS = "room taxi door engine garden plant table ticket bike boat oven lamp robot window light file user account house car order invoice song alarm event task note camera printer".split()
KEYS = {"number": "i", "size": "i", "id": "i", "count": "i", "price": "i", "level": "i", "owner": "n", "name": "n", "user": "n", "color": "c", "place": "p", "destination": "p", "day": "d", "label": "w", "title": "w", "code": "w", "category": "w", "express": "b", "urgent": "b"}
TYPE = {"i": "integer", "n": "string", "c": "string", "p": "string", "d": "string", "w": "string", "b": "boolean"}


def invented_tool(r, split):
    """A tool that exists in this conversation only: its name and parameters must be read from the prompt."""
    v, n = draw(r, split, lambda: (r.choice(VERBS) if r.random() < .8 else invented(r, 2), r.choice(NOUNS) if r.random() < .8 else word(r, split)), lambda x: ("invented",) + x)
    keys = r.sample(list(KEYS), r.choice((1, 1, 2, 2, 3)))
    tool = v + r.choice(["_" + n, "_" + n, "_" + n, cap(n), "_the_" + n])
    d = define(r, tool, cap(v) + " the " + n, [(k, TYPE[KEYS[k]], "The " + k) for k in keys])

    def use(r, split):
        def value(kind):
            return {"i": lambda: number(r, 999), "n": lambda: name(r, split), "c": lambda: r.choice(COLORS), "p": lambda: city(r, split), "d": lambda: r.choice(DAYS), "w": lambda: word(r, split), "b": lambda: r.random() < .5}[kind]()
        args = {k: value(KEYS[k]) for k in keys}
        flags = [k for k in keys if KEYS[k] == "b"]; said = [f"{k} {args[k]}" for k in keys if KEYS[k] != "b"]
        with_ = " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)
        q = r.choice(["Please {v} the {n} with {w}.", "{V} the {n} with {w}.", "Can you {v} the {n} with {w}?", "{V} the {n}: {w}.", "I want to {v} the {n} with {w}."]).format(v=v, V=cap(v), n=n, w=with_) if said else r.choice(["Please {v} the {n}.", "{V} the {n}."]).format(v=v, V=cap(v), n=n)
        for k in flags: q += f" It is {'' if args[k] else 'not '}{k}."
        k = r.random()
        if k < .4: return Use(args, q, to_json({"status": "ok"}), f"Done: {v} the {n}.")
        if k < .5: return Use(args, q, "ok", f"Done: {v} the {n}.")
        out = r.choice(["price", "number", "result", "count", "owner", "place", "code", "state"]); x = number(r, 999) if out in ("price", "number", "count") else word(r, split) if out != "owner" else name(r, split)
        return Use(args, q, to_json({out: x}), f"The {out} is {x}.")
    return Tool("invented", d, use)


FAMILIES = dict(weather=weather, clock=clock, calculator=calculator, contact=contact, timer=timer, message=message, currency=currency, stock=stock, search=search)
NO_TOOL = "I am sorry, I have no tool for that here."


def toolbox(r, split):
    """One to four tools, seldom more; a third of the boxes hold an invented one."""
    k = r.choice((1, 1, 1, 2, 2, 3, 3, 4, 6))
    tools = [FAMILIES[f](r) for f in r.sample(list(FAMILIES), k)]
    if r.random() < .4:
        t = invented_tool(r, split)
        tools = [t] if r.random() < .35 else tools[:-1] + [t] if k > 3 else tools + [t]
    r.shuffle(tools)
    return tools


def use_tool(r, split, tools):
    """Request, call, result, answer. Sometimes two calls at once, an error, or only an answer that no tool fits."""
    t = r.choice(tools); u = t.use(r, split); k = r.random()
    if k < .1 and t.family in ("weather", "clock", "contact", "stock"):
        w = t.use(r, split)
        if len(u.arguments) == 1 == len(w.arguments) and u.arguments != w.arguments:
            a, b = (list(x.arguments.values())[0] for x in (u, w))
            q = {"weather": ["What is the weather in {a} and {b}?", "Compare the weather in {a} and {b}.", "How is the weather in {a} and in {b}?", "Weather in {a} and {b}?"], "clock": ["What time is it in {a} and {b}?", "Tell me the time in {a} and in {b}."], "contact": ["Find the phone numbers of {a} and {b}.", "I need the numbers of {a} and {b}."], "stock": ["How many {a} and {b} are in stock?", "Check the stock of {a} and {b}."]}[t.family]
            return [user(r.choice(q).format(a=a, b=b)), calls((t.name, u.arguments), (t.name, w.arguments)), tool_result(u.result), tool_result(w.result), bot(u.answer + " " + w.answer)]
    if k < .16:
        e = r.choice(["not available", "timeout", "not found", "access denied", "no connection", "bad request"]); s = r.choice([to_json({"error": e}), "error: " + e, to_json({"status": "error", "message": e})])
        return [user(u.question), calls((t.name, u.arguments)), tool_result(s), bot(f"Sorry, the tool reported an error: {e}.")]
    return [user(u.question), calls((t.name, u.arguments)), tool_result(u.result), bot(u.answer)]


def missing_tool(r, split, tools):
    """A request for which the needed tool is not in the box (or there is none at all)."""
    have = {t.family for t in tools}
    f = r.choice([f for f in FAMILIES if f not in have and f not in ("calculator", "search")])
    u = FAMILIES[f](r).use(r, split)
    return [user(u.question), bot(NO_TOOL)]
