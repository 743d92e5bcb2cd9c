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


ASK_WEATHER = P("(What is|What's|How is|Tell me|Give me|Check|Please check|I want to know|Show me|Do you know) the (weather|weather like|current weather|weather today|forecast) (in|for) {c}(?|.| today?| now?| right now?| please.)", "(Is it|Will it be) (raining|sunny|cold|warm|hot|windy|snowing) in {c}( today| now|)?", "(Weather|The weather|Forecast|Temperature) (in|for) {c}( please|)?", "How (warm|cold|hot) is it in {c}( today| now|)?", "What is the temperature in {c}( today| now|)?", "(Do I need|Should I take|Should I bring) (an umbrella|a coat|a jacket) in {c}( today|)?", "(Is it|Will it be) (nice|good weather|bad weather) in {c}( today|)?", plain=["What is the weather in {c}?", "What's the weather like in {c}?", "What is the weather like in {c} today?", "How is the weather in {c}?"], percent=0)


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


# family -> (names, description, parameters (names, kind), optional ones (names, kind, words), requests, result key and its kind, answer)
MORE = {
    "flight": ("book_flight search_flights find_flight get_flights", "Find a flight", [("origin from departure", "city"), ("destination to arrival", "city")], [("date day", "day", " on {}"), ("passengers people", "small", " for {} people")],
               ["Book a flight from {0} to {1}.", "Find a flight from {0} to {1}.", "I want to fly from {0} to {1}.", "Is there a flight from {0} to {1}?", "I need a flight from {0} to {1}.", "Search flights from {0} to {1}."], ("price", "number"), "The flight from {0} to {1} costs {r} dollars."),
    "price": ("get_stock_price stock_price get_share_price", "Get the stock price of a company", [("symbol ticker company", "ticker")], [], ["What is the stock price of {0}?", "How much is {0} stock?", "Stock price of {0}?", "Get the price of {0}.", "What is {0} trading at?", "Tell me the share price of {0}."], ("price", "number"), "The price of {0} is {r} dollars."),
    "event": ("create_event add_event schedule_meeting", "Add an event to the calendar", [("title name", "word"), ("day date", "day")], [("time hour", "time", " at {}")], ["Add {0} to my calendar on {1}.", "Schedule {0} on {1}.", "Create an event {0} on {1}.", "Put {0} in the calendar for {1}."], ("status", "done"), "I added {0} on {1}."),
    "reminder": ("set_reminder create_reminder remind_me", "Set a reminder", [("text message what", "task")], [("day date", "day", " on {}")], ["Remind me to {0}.", "Set a reminder to {0}.", "Please remind me to {0}.", "Do not let me forget to {0}."], ("status", "done"), "I will remind you to {0}."),
    "light": ("set_light turn_light switch_light control_light", "Turn a light on or off", [("room place", "room"), ("state mode", "onoff")], [], ["Turn {1} the light in the {0}.", "Switch {1} the {0} light.", "Please turn the light in the {0} {1}.", "Turn the {0} light {1}."], ("status", "done"), "The light in the {0} is {1}."),
    "distance": ("get_distance distance route", "Get the distance between two cities", [("origin from start", "city"), ("destination to end", "city")], [], ["How far is it from {0} to {1}?", "What is the distance from {0} to {1}?", "Distance from {0} to {1}?", "How many kilometers from {0} to {1}?"], ("distance", "number"), "It is {r} kilometers from {0} to {1}."),
    "table": ("book_table reserve_table book_restaurant", "Book a table in a restaurant", [("restaurant name place", "name"), ("people guests party_size", "small")], [("day date", "day", " on {}"), ("time hour", "time", " at {}")], ["Book a table for {1} at {0}.", "Reserve a table for {1} people at {0}.", "I need a table for {1} at {0}.", "Get me a table at {0} for {1} people."], ("status", "done"), "Your table for {1} at {0} is booked."),
    "music": ("play_music play_song play", "Play music", [("song title track", "words")], [("volume level", "number", " at volume {}")], ["Play {0}.", "Please play {0}.", "Play the song {0}.", "I want to hear {0}.", "Put on {0}."], ("status", "done"), "Now playing {0}."),
    "order": ("get_order get_order_status track_order", "Get the status of an order", [("order_id id number", "number")], [], ["Where is my order {0}?", "What is the status of order {0}?", "Track order {0}.", "Check order {0} please.", "Has order {0} been sent?"], ("status", "state"), "The status of order {0} is {r}."),
    "user": ("get_user find_user lookup_user", "Get a user by id", [("user_id id", "number")], [], ["Who is user {0}?", "Find user {0}.", "Get the user with id {0}.", "What is the name of user {0}?", "Look up user {0}."], ("name", "name"), "The name of user {0} is {r}."),
    "translate": ("translate translate_text", "Translate a text", [("text", "words"), ("language target target_language", "language")], [], ["Translate {0} into {1}.", "Translate \"{0}\" to {1}.", "How do you say {0} in {1}?", "What is {0} in {1}?"], ("translation", "words"), "In {1} it is: {r}."),
    "temperature": ("set_temperature set_thermostat", "Set the temperature of a room", [("room place", "room"), ("temperature degrees value", "degrees")], [], ["Set the {0} to {1} degrees.", "Make the {0} {1} degrees.", "Heat the {0} to {1} degrees.", "Set the temperature in the {0} to {1}."], ("status", "done"), "The {0} is set to {1} degrees."),
    "recipe": ("get_recipe find_recipe", "Find a recipe for a dish", [("dish food name", "word")], [], ["Find a recipe for {0}.", "How do I make {0}?", "Get me a recipe for {0}.", "I want to cook {0}."], ("result", "words"), "I found this: {r}."),
}
TICKERS = "AAPL GOOG MSFT AMZN TSLA NVDA META IBM ORCL Apple Google Microsoft Amazon Tesla Nvidia Intel Oracle".split()
ROOMS = "kitchen bedroom bathroom living room|office|hall|garage|garden|attic|cellar|dining room".replace(" room", "_room").replace(" ", "|").replace("_", " ").split("|")
CHORES = ["buy milk", "call the doctor", "water the plants", "send the letter", "feed the cat", "pay the rent", "clean the kitchen", "pick up the kids", "book the hotel", "read the report", "wash the car", "charge the phone", "meet {n}", "call {n}", "write to {n}", "thank {n}"]
LANGUAGES = "French German Spanish Italian Japanese Polish Dutch Greek Turkish Latin".split()
KIND_TYPE = {"number": "integer", "small": "integer", "degrees": "integer"}


def value(r, split, kind):
    return {"city": lambda: city(r, split), "name": lambda: name(r, split), "day": lambda: r.choice(DAYS + ["tomorrow", "today"]), "number": lambda: number(r, 999), "small": lambda: r.randint(2, 12), "degrees": lambda: r.randint(5, 40), "word": lambda: word(r, split),
            "words": lambda: " ".join(word(r, split) for _ in range(r.choice((1, 2, 3)))), "ticker": lambda: r.choice(TICKERS) if r.random() < .5 else invented(r, 1).upper() if r.random() < .5 else cap(invented(r, 2)), "time": lambda: f"{r.randint(1, 12)} {r.choice(['am', 'pm'])}",
            "room": lambda: r.choice(ROOMS), "onoff": lambda: r.choice(["on", "off"]), "task": lambda: r.choice(CHORES).format(n=name(r, split)), "language": lambda: r.choice(LANGUAGES), "state": lambda: r.choice(["shipped", "delivered", "open", "cancelled", "packed", "late"]), "done": lambda: r.choice(["ok", "done", "success"])}[kind]()


def described_tool(family):
    """A tool of the table above."""
    names, description, params, options, requests, (result_key, result_kind), answer = MORE[family]

    def make(r):
        keys = [r.choice(n.split()) for n, _ in params]
        extra = [(r.choice(n.split()), k, w) for n, k, w in options if r.random() < .5]
        typed = lambda k, kind: (k, ["on", "off"] if kind == "onoff" else KIND_TYPE.get(kind, "string"), "The " + k.replace("_", " "))
        d = define(r, r.choice(names.split()), description, [typed(k, kind) for k, (_, kind) in zip(keys, params)], [typed(k, kind) for k, kind, _ in extra if k not in keys])

        def use(r, split):
            vs = unique(r, split, family, lambda: tuple(value(r, split, kind) for _, kind in params))
            args = dict(zip(keys, vs)); q = r.choice(requests).format(*vs)
            for k, kind, w in extra:
                if k not in keys and r.random() < .45:
                    args[k] = value(r, split, kind); end = q[-1]; q = q[:-1] + w.format(args[k]) + end
            x = value(r, split, result_kind); plainly = lambda s: s.replace(" on today", " today").replace(" on tomorrow", " tomorrow")
            k = r.random()
            if k < .12 and result_kind != "done": return Use(args, careless(r, plainly(q)), to_json({"status": r.choice(["ok", "success", "done"])}), "Done: the request was successful.")
            if k < .22:
                other = r.choice(["number", "code", "result", "note", "confirmation", "reference", "answer", "message"]); y = number(r, 9999) if r.random() < .5 else word(r, split)
                return Use(args, careless(r, plainly(q)), to_json({other: y}), f"The {other} is {y}.")
            return Use(args, careless(r, plainly(q)), to_json({result_key: x}) if r.random() < .75 else str(x), plainly(answer.format(*vs, r=x)))
        return Tool(family, d, use)
    return make


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


FAMILIES = {f: described_tool(f) for f in MORE} | dict(weather=weather, clock=clock, calculator=calculator, contact=contact, timer=timer, message=message, currency=currency, stock=stock, search=search)
NO_TOOL = "I am sorry, I have no tool for that here."


def toolbox(r, split):
    """One to four tools, seldom more; a third of the boxes hold an invented one."""
    k = r.choice((1, 1, 1, 2, 2, 3, 3, 4, 6))
    tools = [FAMILIES[f](r) for f in r.sample(list(FAMILIES) + ["weather", "weather", "calculator", "search"], k)]
    tools = list({t.family: t for t in tools}.values())
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
            q = {"weather": ["What is the weather in {a} and {b}?", "What's the weather in {a} and {b}?", "Compare the weather in {a} and {b}.", "How is the weather in {a} and in {b}?", "Weather in {a} and {b}?"], "clock": ["What time is it in {a} and {b}?", "Tell me the time in {a} and in {b}."], "contact": ["Find the phone numbers of {a} and {b}.", "I need the numbers of {a} and {b}."], "stock": ["How many {a} and {b} are in stock?", "Check the stock of {a} and {b}."]}[t.family]
            return [user(r.choice(q).format(a=a, b=b)), calls((t.name, u.arguments), (t.name, w.arguments)), tool_result(u.result), tool_result(w.result), bot(u.answer + " " + w.answer)]
    if k < .16:
        e = r.choice(["not available", "timeout", "not found", "access denied", "no connection", "bad request"]); s = r.choice([to_json({"error": e}), "error: " + e, to_json({"status": "error", "message": e})])
        return [user(u.question), calls((t.name, u.arguments)), tool_result(s), bot(f"Sorry, the tool reported an error: {e}.")]
    return [user(u.question), calls((t.name, u.arguments)), tool_result(u.result), bot(u.answer)]


def missing_tool(r, split, tools):
    """A request for which the needed tool is not in the box (or there is none at all)."""
    have = {t.family for t in tools}
    f = r.choice([f for f in FAMILIES if f not in have and f not in ("calculator", "search", "translate", "recipe", "music", "reminder", "light", "temperature", "table", "user", "event")])
    u = FAMILIES[f](r).use(r, split)
    return [user(u.question), bot(NO_TOOL)]
