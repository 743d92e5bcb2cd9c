"""The tasks of the demo model without tools. A task draws one instance and returns its messages, the last one the answer that counts."""
import json
import re

import about as espalier
import outside as beyond
import smalltalk
from chat import bot, one_of, to_json, user
from material import *
from split import Nothing, Phrases as P, TEST, TRAIN, cap, careless, draw, held


# ---------------------------------------------------------------- names, cities, words
def invented(r, n=None):
    return "".join([r.choice(SYLLABLES) for _ in range(n or r.choice((2, 2, 3)))])


def name(r, split):
    """A first name: real, real with another ending, or invented. The endings show the pieces of held-out names in other names."""
    def make():
        x = r.random()
        if x < .5: return r.choice(FIRST)
        if x < .65: return r.choice(FIRST) + r.choice(ENDINGS)
        return cap(invented(r, 2 if x < .85 else 3))
    return draw(r, split, make, lambda n: ("name", n))


def city(r, split):
    def make():
        x = r.random()
        if x < .6: return r.choice(CITIES)
        if x < .75: return r.choice(CITIES) + r.choice(ENDINGS)
        return cap(invented(r))
    return draw(r, split, make, lambda c: ("city", c))


def word(r, split):
    def make():
        x = r.random()
        if x < .5: return r.choice(WORDS)
        if x < .65: return r.choice(WORDS) + r.choice(ENDINGS)
        if x < .72: return r.choice(WORDS) + r.choice(WORDS)
        if x < .77: return r.choice(FIRST + CITIES).replace(" ", "").lower()
        return invented(r)
    return draw(r, split, make, lambda w: ("word", w))


# ---------------------------------------------------------------- talk
def small_talk(r, split):
    key = r.choice(smalltalk.NAMES) if r.random() < .75 else r.choice(("hello", "how", "thanks", "bye", "able", "introduce"))
    phrases, answers = smalltalk.INTENTS[key]
    return [user(phrases.draw(r, split, "talk " + key)), one_of(r, answers)]


ASK_NAME = P("(What is|What's|Tell me|Please tell me|Can you tell me|May I know|May I ask|Could you tell me|I want to know|Say|Do you know|Remind me of) your name(?|, please?|.)", "Who (are you|am I talking to|am I speaking with|is this)( please| exactly| really| now|)?", "(What should|How should|How may|What can|How can|What do|How do) I call you( please| then|)?",
             "(Hello|Hi|Hey|Good morning|So|Well|Excuse me)(,|!) (who are you|what is your name|who is this|what are you called|who am I talking to)( please|)?", "(Do you have a name|What are you called|How are you called|What name do you have|Your name|Name|What do people call you|Which name do you go by)( please|)?", "(Please |)(say your name|introduce yourself by name|state your name|give me your name)(.|, please.)",
             plain=["Who are you?", "who are you", "What is your name?", "What's your name?", "Tell me your name.", "Your name?", "Who am I talking to?", "Hi, who are you?", "What are you called?", "Hello, who are you?"])
IDENTITY = "I am Espalier, a small demo model that runs on the Espalier server."


def identity(r, split, bot_name=None):
    if bot_name and r.random() < .2:
        return [user(smalltalk.INTENTS["introduce"][0].draw(r, split, "talk introduce")), bot(f"I am {bot_name}, a small chat model.")]
    return [user(ASK_NAME.draw(r, split, "identity")), bot(f"I am {bot_name}, a small chat model." if bot_name else IDENTITY)]


def about(r, split):
    if r.random() < .07:
        x = draw(r, split, lambda: r.choice(espalier.FEATURES), lambda x: ("feature", x))
        return [user(espalier.ASK_FEATURE.draw(r, TRAIN, "feature", x=x)), bot(espalier.LOOK)]
    if r.random() < .03:
        x = draw(r, split, lambda: r.choice(espalier.SOFTWARE), lambda x: ("software", x))
        return [user(espalier.ASK_SOFTWARE.draw(r, TRAIN, "software", x=x)), bot(UNKNOWN)]
    q, a = espalier.about(r, split)
    return [user(q), bot(a)]


def outside(r, split):
    if r.random() < .2: return unknown(r, split)
    q, a = beyond.outside(r, split, word)
    return [user(q), bot(a, lambda s: s == a or kind_free(s))]


def kind_free(s):
    return s in beyond.ALL_ANSWERS or s == UNKNOWN  # any honest refusal counts; nonsense does not


# ---------------------------------------------------------------- facts
ASK_CAPITAL = P("(What is|What's|Tell me|Name|Please tell me|Do you know|Can you tell me|Could you tell me|I need|Say|Give me|Remind me of|What was|I would like to know) the capital( city|) of {x}(?|, please.|.)", "(Which city|What city|Which town|What place) is the capital of {x}?", "{x}(: what is|, what is| has what as) its capital( city|)?", "(Capital|The capital|The capital city) of {x}( please|)?", "(I forgot|I do not know|I want to know|I have to learn) the capital( city|) of {x}. (What is it|Can you tell me|Which city is it|Help me)?",
                "(Hi|Hello|Hey|Quick question|Question|Geography question)(,|:) what is the capital of {x}?", "{x}'s capital( city|)( please| is what|)?", "What is {x}'s capital( city|)?", "Which city is the (seat of government|capital city) of {x}?", plain=["What is the capital of {x}?", "What's the capital of {x}?", "capital of {x}?", "What is the capital city of {x}?", "What is the capital of {x}"], percent=16)
ASK_COUNTRY = P("{x} is the capital of (which|what) country?", "(Which|What) country has {x} as (its|the) capital( city|)?", "(Which|What) country is {x} the capital( city|) of?", "(Tell me|Name|Do you know) the country (whose capital is|with the capital) {x}(.|?)", "Of (which|what) country is {x} the capital?", plain=["{x} is the capital of which country?"], percent=20)
ASK_CONTINENT = P("(Which|What) continent is {x} (in|on|part of|located in)?", "(On|In) (which|what) continent (is|lies|do I find|can I find) {x}?", "(Tell me|Name|Do you know|What is) the continent of {x}(.|?)", "Where (in the world|on the map|on Earth) is {x}?", "(Is|Does) {x} (in|lie in|belong to) Europe, Asia or (somewhere else|another continent|Africa)?", plain=["Which continent is {x} in?", "What continent is {x} in?"], percent=20)
NEXT_ONE = ["And of {x}?", "And {x}?", "What about {x}?", "And the capital of {x}?", "How about {x}?", "Now {x}.", "And for {x}?"]
ONE_WORD = [" Answer in one word.", " Answer with one word.", " One word only.", " Just the name, please.", " Reply with one word.", " Only the answer."]


def slot(r, x):
    """A name as people type it: sometimes in lower case."""
    return x.lower() if r.random() < .07 else x


NO_CAPITAL = """Atlantis Narnia Mordor Gondor Wakanda Texas California Florida Bavaria Mars Venus Jupiter Europe Asia Africa Antarctica Scotland Wales Catalonia Sicily Crete Alaska Ohio Hogwarts Westeros Utopia Elbonia Tatooine Arizona Quebec Ontario Siberia Tibet Hawaii Greenland Bhutan Yemen
Syria Sudan Somalia Chad Niger Gabon Togo Benin Namibia Botswana Malawi Cameroon Haiti Belize Guyana Suriname Bolivia Nicaragua Cyprus Georgia Armenia Moldova Belarus Kosovo Monaco Andorra Singapore Taiwan Myanmar Samoa Tonga Eldorado Oz Neverland Shangri-La Saxony Tuscany Provence Andalusia Brittany Lapland""".split()
ONE_WORD_FIRST = ["Answer in one word: ", "In one word: ", "One word only: ", "Answer with one word: ", "Just the name: "]


def capitals(r, split):
    k = r.random()
    if k < .07:
        x = draw(r, split, lambda: r.choice(NO_CAPITAL) if r.random() < .5 else cap(r.choice(WORDS)) + r.choice(["", "", "ia", "land"]) if r.random() < .3 else cap(invented(r)) + r.choice(["ia", "land", "stan", "", "", "istan", "ania"]), lambda n: ("country", n))
        if x in CAPITALS: raise Nothing
        return [user(ASK_CAPITAL.draw(r, TRAIN, "capital?", x=x)), bot(f"I do not know the capital of {x}.")]
    x = r.choice(COUNTRIES); y = CAPITALS[x]
    if k < .2:
        return [user(ASK_COUNTRY.draw(r, split, "country " + x, x=slot(r, y))), bot(f"{y} is the capital of {x}.")]
    if k < .35:
        return [user(ASK_CONTINENT.draw(r, split, "continent " + x, x=slot(r, x))), bot(f"{cap(x)} is in {CONTINENTS[x]}.")]
    q = ASK_CAPITAL.draw(r, split, "capital " + x, x=slot(r, x))
    if k < .4:
        return [user(q.rstrip("?.") + r.choice("?.") + r.choice(ONE_WORD)), bot(y)]
    if k < .42:
        return [user(r.choice(ONE_WORD_FIRST) + q), bot(y)]
    if k < .48:
        z, ask = draw(r, split, lambda: (r.choice(COUNTRIES), r.choice(["What are the capitals of {x} and {z}?", "What is the capital of {x} and {z}?", "Tell me the capitals of {x} and {z}.", "Name the capitals of {x} and {z}.", "Capitals of {x} and {z}?"])), lambda p: ("two", x) + p)
        return [user(ask.format(x=x, z=z)), bot(f"The capital of {x} is {y}. The capital of {z} is {CAPITALS[z]}.")]
    out = [user(q.upper() if r.random() < .015 else cap(q) if q[0].islower() and r.random() < .5 else q), bot(f"The capital of {x} is {y}.")]
    if k > .88:
        z = draw(r, split, lambda: r.choice(COUNTRIES), lambda z: ("follow", x, z))
        out = [user(ASK_CAPITAL.draw(r, TRAIN, "capital " + x, x=x)), out[1]]
        out += [user(r.choice(NEXT_ONE).format(x=z)), bot(f"The capital of {z} is {CAPITALS[z]}.")]
    return out


ASK_SYMBOL = P("(What is|What's|Tell me|Give me|Do you know|Name) the (chemical symbol|symbol) (for|of) {x}(?|, please.|.)", "(Chemical symbol|The symbol) (for|of) {x}?", "(Which|What) (symbol|chemical symbol) (does {x} have|stands for {x}|is used for {x})?", "How is {x} (written|abbreviated) in chemistry?", plain=["What is the chemical symbol for {x}?", "What is the symbol for {x}?"], percent=18)
ASK_YOUNG = P("(What is|What's) (a baby|a young) {x} called?", "(What do you call|How do you call|What do we call) (a baby|a young) {x}?", "(What is|Tell me|Give me|Do you know) the (name|word) for a (baby|young) {x}(?|.)", "A (baby|young) {x} is called what?", plain=["What is a baby {x} called?", "What do you call a baby {x}?"], percent=18)
ASK_SOUND = P("(What sound|Which sound|What noise) does (a|the) {x} make?", "(What does|How does) (a|the) {x} (sound|say|do when it is loud|sound like)?", "(Tell me|Do you know|Name) the sound of a {x}(.|?)", plain=["What sound does a {x} make?"], percent=18)
ASK_OPPOSITE = P("(What is|What's|Tell me|Give me|Do you know|Name|Say) the opposite of (\"{x}\"|{x}|the word {x})(?|.)", "Opposite of {x}( please|)?", "(Which|What) word (means|is) the opposite of {x}?", "What is the (antonym|contrary) of {x}?", plain=["What is the opposite of {x}?", "What's the opposite of {x}?"], percent=18)
ASK_PLURAL = P("(What is|What's|Tell me|Give me|Do you know|Write) the plural of (\"{x}\"|{x}|the word {x})(?|.)", "Plural of {x}( please|)?", "(How do you say|What is) {x} in the plural?", "One {x}, two (what|...)?", plain=["What is the plural of {x}?"], percent=18)
ASK_PAST = P("(What is|What's|Tell me|Give me|Do you know|Write) the (past tense|simple past|past form) of (\"{x}\"|{x}|the verb {x}|to {x})(?|.)", "Past tense of {x}( please|)?", "(How do you say|What is) {x} in the past( tense|)?", plain=["What is the past tense of {x}?"], percent=18)
ASK_COLOR = P("(What|Which) (color|colour) (is|has) {x}?", "(What is|Tell me|Do you know|Name) the (color|colour) of {x}(?|.)", "{x} (is|has) (what|which) (color|colour)?", plain=["What color is {x}?", "What colour is {x}?"], percent=18)
ASK_FACT = P("(Do you know|Can you tell me|Could you tell me|Tell me|Please tell me|I want to know|I wonder|Say|I would like to know|Quiz:|Help me:|Can you say|I forgot) {i}(?|.)", "(Question|Quick question|Tell me|A question|Quiz question|Hello|Hi|Please answer|Next question)(:|,) {l}?", "{q}(, please|, exactly|, do you know|)?", "{q}? (I forgot.|I need to know.|Please tell me.|My child asked.|Do you know?)", plain=["{q}?"], percent=18)
ASK_AFTER = {"day": P("(Which|What) day (comes|is|follows|is it) (right |)(after|before) {x}?", "(What comes|What is the day|Which is the day|Tell me the day) (right |)(after|before) {x}(?|.)", plain=["What day comes after {x}?", "What day comes before {x}?"], percent=18),
             "month": P("(Which|What) month (comes|is|follows|is it) (right |)(after|before) {x}?", "(What comes|What is the month|Which is the month|Tell me the month) (right |)(after|before) {x}(?|.)", plain=["What month comes after {x}?", "Which month comes before {x}?"], percent=18),
             "letter": P("(Which|What) letter (comes|is|follows) (right |)(after|before) {x}( in the alphabet|)?", "(What is the letter|Which is the letter|Tell me the letter) (right |)(after|before) {x}( in the alphabet|)(?|.)", plain=["What letter comes after {x}?", "Which letter comes before {x}?"], percent=18)}
AFTER = {"day": DAYS, "month": MONTHS, "letter": list("abcdefghijklmnopqrstuvwxyz")}


def article(x):
    return ("an " if x[0] in "aeiou" else "a ") + x


LEGS = {"dog": 4, "cat": 4, "horse": 4, "cow": 4, "pig": 4, "sheep": 4, "lion": 4, "elephant": 4, "mouse": 4, "frog": 4, "table": 4, "chair": 4, "bird": 2, "duck": 2, "chicken": 2, "penguin": 2, "human": 2, "person": 2, "monkey": 2, "ant": 6, "bee": 6, "fly": 6, "beetle": 6, "butterfly": 6, "spider": 8, "scorpion": 8, "crab": 10, "snake": 0, "fish": 0, "worm": 0, "whale": 0}
ASK_LEGS = P("How many legs (does|has) (a|an|one) {x}( have| got|)?", "(Tell me|Do you know|I want to know) how many legs a {x} has(.|?)", "(Count|Name) the legs of a {x}.", plain=["How many legs does a {x} have?"], percent=18)
UNKNOWN = "I do not know that. I am only a small demo model."
ASK_UNKNOWN = P("(Is|Was) (a|the|this|every) {w} (good|bad|red|old|expensive|dangerous|heavy|alive|round|useful|edible|real|rare|fast|ripe|free|safe|toxic)?", "(Are|Were) {w}s (good|bad|red|old|expensive|dangerous|heavy|alive|round|useful|edible|real|rare|fast|safe|toxic)?", "Where (can I|do I|could I|should I) (find|buy|see|keep|put|store|sell|repair|get) (a|the|my|some) {w}?", "(What is|What's) (a|an|the|this) {w}( made of| used for| good for| exactly|)?", "(How does|Why does|When does|Where does) (a|the|my) {w} (work|grow|move|break|stop|help|begin|live|sleep|end|smell)?",
                "How (big|old|heavy|long|tall|deep|wide|expensive|far|fast|strong) is (a|the|this|one) {w}?", "(When|Where|How|Why) (was|is) (a|the|this) {w} (made|used|found|sold|built|invented|painted|washed|opened|named)?", "(What|Which) {w} (is|was) (the biggest|the best|the oldest|yours|mine|missing|the fastest|the cheapest|the nicest)?", "How many {v}s (does|has) (a|the|one) {w}( have|)?", "How many {v}s are (in|on|under|at) (a|the|this) {w}?", "(Who|What) (has|made|found|took|likes|lost|broke|brought|opened) (a|the|my|this) {w}?", "(Can|Should|Must|May|Could) (I|we|you|they|people) (eat|carry|use|paint|touch|open|buy|own|break|sell|share) (a|the|this|my) {w}?",
                "(What happens|What happened) (to|with|in|after|before) (a|the|this) {w}?", "(Do|Does) (all|every|some|most) {w}s? have (a|some|many) {v}s?", "(Why is|Why was) (a|the|my|this) {w} (so |not |)(red|slow|loud|cold|empty|broken|late|wet|small|famous|old)?", "(What is|What's) the (difference between|connection between|relation of) a {w} and a {v}?", "(Which|What) (country|person|animal|year|language) (has|invented|likes|made|uses) (the|a|most) {w}?", "(Is|Was) (the|a) {w} (bigger|older|better|heavier|faster|cheaper) than (the|a) {v}?", "(Who|What) (is|was) {n}?", "(Did|Does|Will|Can) {n} (like|know|see|find|have|marry|visit) (a|the|my) {w}?", "(Where|When|How|Why) (did|does|will) {n} (live|go|work|sleep|leave|arrive|win|die)?", percent=15)


def unknown(r, split):
    w, v = draw(r, split, lambda: (r.choice(WORDS) if r.random() < .8 else invented(r), r.choice(WORDS)), lambda p: ("unknown thing",) + p)
    if w in LEGS or v in ("leg", "letter", "word") or w in ("tokenizer", "prompt", "puppy", "triangle"): raise Nothing
    return [user(ASK_UNKNOWN.draw(r, TRAIN if split == TRAIN or r.random() < .5 else TEST, "unknown", w=w, v=v, n=name(r, split))), bot(UNKNOWN, lambda s: s == UNKNOWN or kind_free(s))]


def facts(r, split):
    if r.random() < .07:
        x = r.choice(list(LEGS)); n = LEGS[x]
        return [user(ASK_LEGS.draw(r, split, x, x=x)), bot(f"{cap(article(x))} has {n or 'no'} legs.")]
    k = r.random()
    if k < .42:
        i, q, a, short = r.choice(FACTS)
        s = ASK_FACT.draw(r, split, q, q=q, l=q[0].lower() + q[1:], i=i)
        if r.random() < .06 and s[-1] in "?.": return [user(s + r.choice(ONE_WORD)), bot(short)]
        return [user(s), bot(a)]
    if k < .45:
        ask, known = r.choice(((ASK_SYMBOL, SYMBOLS), (ASK_YOUNG, YOUNG), (ASK_OPPOSITE, OPPOSITES), (ASK_SOUND, SOUNDS)))
        x = draw(r, split, lambda: r.choice(WORDS) if r.random() < .5 else invented(r), lambda w: ("unknown", w))
        if x in known or x in OPPOSITES.values(): raise Nothing
        return [user(ask.draw(r, TRAIN, "unknown", x=x)), bot("I do not know that one.")]
    if k < .5:
        x = r.choice(list(SYMBOLS)); return [user(ASK_SYMBOL.draw(r, split, x, x=x)), bot(f"The chemical symbol for {x} is {SYMBOLS[x]}.")]
    if k < .58:
        x = r.choice(list(YOUNG)); return [user(ASK_YOUNG.draw(r, split, x, x=x)), bot(f"A baby {x} is called {article(YOUNG[x])}.")]
    if k < .64:
        x = r.choice(list(SOUNDS)); return [user(ASK_SOUND.draw(r, split, x, x=x)), bot(f"{cap(article(x))} {SOUNDS[x]}.")]
    if k < .73:
        x = r.choice(list(OPPOSITES)); y = OPPOSITES[x]
        if r.random() < .4: x, y = y, x
        return [user(ASK_OPPOSITE.draw(r, split, x, x=x)), bot(f"The opposite of {x} is {y}.")]
    if k < .8:
        x = r.choice(list(PLURALS)); return [user(ASK_PLURAL.draw(r, split, x, x=x)), bot(f"The plural of {x} is {PLURALS[x]}.")]
    if k < .87:
        x = r.choice(list(PASTS)); return [user(ASK_PAST.draw(r, split, x, x=x)), bot(f"The past tense of {x} is {PASTS[x]}.")]
    if k < .92:
        x = r.choice(list(COLOR_OF)); q = ASK_COLOR.draw(r, split, x, x=x); return [user(cap(q)), bot(f"{cap(x)} is {COLOR_OF[x]}.")]
    kind = r.choice(list(AFTER)); xs = AFTER[kind]; i = r.randrange(len(xs))
    q = ASK_AFTER[kind].draw(r, split, kind + str(i), x=xs[i])
    back = "before" in q or "efore" in q
    j = i - 1 if back else i + 1
    if kind == "letter" and not 0 <= j < 26: raise Nothing
    y = xs[j % len(xs)]
    return [user(q), bot(f"{y} comes {'before' if back else 'after'} {xs[i]}.")]


ASK_YES = {
    "short": P("(Is|Do you think) {y} (is |)the capital( city|) of {x}? (Answer yes or no.|Yes or no?|Answer only yes or no.|Just say yes or no.|Reply with yes or no.)", "(Yes or no|Answer yes or no|Quick, yes or no|Only yes or no)(: is|, is) {y} the capital( city|) of {x}?", "{y} is the capital( city|) of {x}(, yes or no?|. Yes or no?|, is it? Answer yes or no.)", "Is it (true|right|correct) that {y} is the capital of {x}? (Answer yes or no.|Yes or no?)",
               plain=["Is {y} the capital of {x}? Answer yes or no.", "Yes or no: is {y} the capital of {x}?"]),
    "truth": P("(True or false?|True or false:|Is this true or false?|Answer true or false:|Decide whether true or false:) {y} is the capital( city|) of {x}.", plain=["True or false? {y} is the capital of {x}."]),
    "long": P("Is {y} (really |)the capital( city|) of {x}?", "Is it (true|right|correct) that {y} is the capital of {x}?", "{y} is the capital of {x}, (right|correct|is it not|isn't it)?", "Is the capital of {x} {y}?", plain=["Is {y} the capital of {x}?"]),
    "place short": P("Is {x} in {z}? (Answer yes or no.|Yes or no?|Answer only yes or no.)", "(Yes or no|Answer yes or no)(: is|, is) {x} (in|part of) {z}?", plain=["Is {x} in {z}? Answer yes or no.", "Yes or no: is {x} in {z}?"]),
    "place": P("Is {x} (in|part of|located in|a country in) {z}?", "(Does|Do you know if) {x} (lie in|belong to|belongs to) {z}?", plain=["Is {x} in {z}?"]),
}


ASK_PRIME = P("(Is|Do you know if|Can you tell me if|Tell me if|Check if) {a} (is |)(a prime|a prime number|prime)(?|, please?)", "{a}(: prime or not|, is it prime|: is that a prime number)?", plain=["Is {a} a prime number?", "Is {a} prime?"], percent=18)


def yes_no(r, split):
    """Closed questions, also good with a choice or a regular expression as constraint."""
    k = r.random()
    if k < .6:
        form = r.choice(("short", "short", "truth", "long", "long", "place short", "place"))
        x = r.choice(COUNTRIES); right = r.random() < .5
        y = CAPITALS[x] if right else CAPITALS[r.choice(COUNTRIES)]; z = CONTINENTS[x] if right else r.choice(sorted(set(CONTINENTS.values())))
        q = ASK_YES[form].draw(r, split, f"{form} {x}", x=x, y=y, z=z)
        right = (z == CONTINENTS[x]) if "place" in form else (y == CAPITALS[x])
        if form == "truth": return [user(q), bot("True" if right else "False")]
        if "short" in form: return [user(q), bot("Yes" if right else "No")]
        if form == "place": return [user(q), bot(f"{'Yes' if right else 'No'}, {x} is in {CONTINENTS[x]}.")]
        return [user(q), bot(f"Yes, {y} is the capital of {x}." if right else f"No, the capital of {x} is {CAPITALS[x]}.")]
    a, b = draw(r, split, lambda: (number(r), number(r)), lambda p: ("yes",) + p)
    if k < .66 and a != b:
        q = r.choice(["Is {a} larger than {b}?", "Is {a} bigger than {b}?", "Is {a} greater than {b}?", "Is {a} more than {b}?", "Is the number {a} larger than {b}?"])
        return [user(q.format(a=a, b=b)), bot(f"Yes, {a} is larger than {b}." if a > b else f"No, {a} is smaller than {b}.")]
    if k < .7:
        n = r.randint(2, 99)
        return [user(ASK_PRIME.draw(r, split, n, a=n)), bot(f"{n} is a prime number." if all(n % d for d in range(2, int(n ** .5) + 1)) else f"{n} is not a prime number.")]
    if k < .77:
        q = r.choice(["Is {a} larger than {b}? Answer yes or no.", "Yes or no: is {a} bigger than {b}?", "Is {a} greater than {b}, yes or no?", "Answer yes or no: is {a} more than {b}?"])
        return [user(q.format(a=a, b=b)), bot("Yes" if a > b else "No")]
    if k < .88:
        q = r.choice(["Is {a} even or odd?", "Even or odd: {a}?", "Tell me whether {a} is even or odd.", "Is the number {a} odd or even?"])
        return [user(q.format(a=a)), bot(f"{a} is {'odd' if a % 2 else 'even'}.")]
    if a == b: b += 1
    q = r.choice(["Which is larger, {a} or {b}?", "Which number is bigger: {a} or {b}?", "What is larger: {a} or {b}?", "Is {a} or {b} the larger number?"])
    return [user(q.format(a=a, b=b)), bot(f"{max(a, b)} is larger than {min(a, b)}.")]


def retry():
    raise Nothing


NUMBER_WORDS = "one two three four five six seven".split()
ASK_LIST = P("(Name|List|Give me|Tell me|Write|Say|I need|Please name|Please list|Can you name|Can you list|Show me) {n} {x}(.|, please.)", "(What are|Do you know) {n} {x}?", plain=["Name {n} {x}.", "List {n} {x}.", "Give me {n} {x}."], percent=20)


SINGULAR = {x: {"countries": "country", "cities": "city", "days of the week": "day of the week"}.get(x, x[:-1]) for x in LISTS}
ASK_ONE = P("(Name|Give me|Tell me|Say|I need|Please name|Can you name|Show me|Think of|Pick|Choose) (a|one|some|any) {x}(.|, please.)", "(What is|Do you know) (a|one) {x}?", plain=["Name a {x}.", "Give me a {x}."], percent=20)
ASK_CHOICE = ["Pick one: {a} or {b}?", "Choose: {a} or {b}?", "{a} or {b}?", "Which one do you choose, {a} or {b}?", "What do you take: {a} or {b}?", "Choose between {a} and {b}.", "Pick a {k}: {a} or {b}?", "Pick one of these: {a}, {b}", "Select {a} or {b}.", "Would you take {a} or {b}?"]
ASK_NUMBER = ["Give me a number between {a} and {b}.", "Pick a number between {a} and {b}.", "Choose a number from {a} to {b}.", "Say a number between {a} and {b}.", "Think of a number between {a} and {b}.", "Tell me a random number between {a} and {b}.", "A number from {a} to {b}, please.", "Random number from {a} to {b}."]


def lists(r, split):
    k = r.random()
    if k < .12:
        x = r.choice(list(LISTS))
        return [user(ASK_ONE.draw(r, split, x, x=SINGULAR[x])), bot(LISTS[x][0])]
    if k < .27:
        a, b = draw(r, split, lambda: (word(r, split), word(r, split)) if r.random() < .5 else tuple(r.sample(r.choice((COLORS, FOODS, PETS, FRUIT, CITIES, DAYS)), 2)), lambda p: ("choice",) + p)
        return [user(r.choice(ASK_CHOICE).format(a=a, b=b, k=r.choice(["color", "food", "word", "name", "city", "thing", "pet"]))), bot(f"I choose {a}.", {f"I choose {a}.", f"I choose {b}."}.__contains__)]
    if k < .35:
        a, n = draw(r, split, lambda: (r.choice((0, 1, 1, 1, 10, r.randint(1, 60))), r.choice((9, 10, 99, 100, r.randint(3, 40)))), lambda p: ("any number",) + p); b = a + n
        return [user(r.choice(ASK_NUMBER).format(a=a, b=b)), bot(str(r.randint(a, b)), lambda s: s.isdigit() and a <= int(s) <= b)]
    x = r.choice(list(LISTS)); xs = LISTS[x]; n = r.randint(2, min(len(xs), 7))
    q = ASK_LIST.draw(r, split, f"{x} {n}", x=x, n=str(n) if r.random() < .4 else NUMBER_WORDS[n - 1])
    return [user(q), bot(", ".join(xs[:n]))]


# ---------------------------------------------------------------- numbers
def number(r, top=99):
    """One-digit numbers are few, so they are drawn more often than an even draw would."""
    x = r.random()
    return r.randint(0, 9) if x < .22 else r.randint(1, 20) if x < .35 else r.randint(1, top)


HOW_MUCH = "(What is|What's|How much is|Calculate|Compute|Tell me|Can you tell me|Please calculate|Work out|Solve|Could you compute|I need|Find|Quickly, what is|Hi, what is|Please, what is|And what is) "
ASK_ADD = P(HOW_MUCH + "{a} (+|plus|added to|and) {b}(?|.|, please.)", "{a} (+|plus) {b}( =| = ?|=|=?| equals|?|)", "{a}+{b}(=|=?|?|)", "(Add|Sum|Sum up|Please add|Can you add|Add up) {a} (and|to|plus) {b}(.|?|, please.)", "What (is the sum of|do you get if you add|do I get when I add|is the total of) {a} and {b}?", plain=["What is {a} + {b}?", "{a} + {b}", "What is {a} plus {b}?", "{a}+{b}"], percent=0)
ASK_SUB = P(HOW_MUCH + "{a} (-|minus|less|take away) {b}(?|.|, please.)", "{a} (-|minus) {b}( =| = ?|=|=?| equals|?|)", "{a}-{b}(=|=?|?|)", "(Subtract|Take|Please subtract|Can you subtract|Take away) {b} from {a}(.|?|, please.)", "What (is the difference between|is the difference of) {a} and {b}?", plain=["What is {a} - {b}?", "{a} - {b}", "What is {a} minus {b}?", "{a}-{b}"], percent=0)
ASK_MUL = P(HOW_MUCH + "{a} (*|times|x|multiplied by) {b}(?|.|, please.)", "{a} (*|times|x) {b}( =| = ?|=|=?| equals|?|)", "{a}*{b}(=|=?|?|)", "(Multiply|Please multiply|Can you multiply) {a} (by|and|with) {b}(.|?|, please.)", "What is the product of {a} and {b}?", plain=["What is {a} * {b}?", "{a} * {b}", "What is {a} times {b}?", "{a}*{b}"], percent=16)
ASK_DIV = P(HOW_MUCH + "{a} (/|divided by|over) {b}(?|.|, please.)", "{a} (/|divided by) {b}( =| = ?|=|=?| equals|?|)", "{a}/{b}(=|=?|?|)", "(Divide|Please divide|Can you divide) {a} by {b}(.|?|, please.)", "What is the quotient of {a} and {b}?", plain=["What is {a} / {b}?", "{a} / {b}", "What is {a} divided by {b}?", "{a}/{b}"], percent=16)


def fill(r, phrases, **slots):
    return careless(r, phrases.sample(r).format(**slots))


def add(r, split):
    x = r.random()
    if x < .1:
        a, b, c = draw(r, split, lambda: (number(r), number(r), number(r)), lambda p: ("add",) + p)
        q = r.choice(["What is {a} + {b} + {c}?", "{a} + {b} + {c}", "Add {a}, {b} and {c}.", "What is {a} plus {b} plus {c}?", "{a}+{b}+{c}", "Calculate {a} + {b} + {c}.", "How much is {a} + {b} + {c}?", "What is the sum of {a}, {b} and {c}?"])
        return [user(careless(r, q.format(a=a, b=b, c=c))), bot(f"{a} + {b} + {c} = {a + b + c}")]
    top = 9999 if x < .15 else 999 if x < .36 else 99
    a, b = draw(r, split, lambda: (number(r, top), number(r, top)), lambda p: ("add",) + p)
    return [user(fill(r, ASK_ADD, a=a, b=b)), bot(f"{a} + {b} = {a + b}")]


def sub(r, split):
    top = 999 if r.random() < .25 else 99

    def make():
        a, b = number(r, top), number(r, top)
        if r.random() < .2: b = max(0, a - r.randint(0, 9))   # small results are rare in an even draw
        return (max(a, b), min(a, b)) if r.random() < .93 else (a, b)
    a, b = draw(r, split, make, lambda p: ("sub",) + p)
    return [user(fill(r, ASK_SUB, a=a, b=b)), bot(f"{a} - {b} = {a - b}")]


def mul(r, split):
    a, b = (r.randint(0, 12), r.randint(0, 12)) if r.random() < .3 else (r.randint(2, 12), r.randint(2, 12))
    if r.random() < .12: a, b = r.choice(((a, 10), (10 * a, b), (a, 100), (r.randint(1, 99), 10)))
    return [user(ASK_MUL.draw(r, split, f"{a}*{b}", a=a, b=b)), bot(f"{a} * {b} = {a * b}")]


def div(r, split):
    a, b = r.randint(0, 12), r.randint(1, 12)
    if r.random() < .06:
        return [user(ASK_DIV.draw(r, split, f"{a}/0", a=a, b=0)), bot("I cannot divide by 0.")]
    if r.random() < .35:
        n, b = r.randint(1, 144), r.randint(2, 12)
        return [user(ASK_DIV.draw(r, split, f"{n}/{b}", a=n, b=b)), bot(f"{n} / {b} = {n // b}" + (f" remainder {n % b}" if n % b else ""))]
    return [user(ASK_DIV.draw(r, split, f"{a * b}/{b}", a=a * b, b=b)), bot(f"{a * b} / {b} = {a}")]


ASK_MORE = ["{n} has {a} {o} and buys {b} more. How many {o} does {n} have now?", "{n} has {a} {o}. A friend gives {n} {b} more. How many {o} is that?", "{n} finds {a} {o} in the morning and {b} in the evening. How many {o} are there in all?", "There are {a} {o} in the box and {n} puts in {b} more. How many {o} are in the box?",
            "{n} has {a} {o} and gets {b} {o} from a friend. How many {o} does {n} have?", "If {n} has {a} {o} and I give {n} {b} more, how many {o} does {n} have?", "{n} had {a} {o} and then got {b} more. How many {o} does {n} have?"]
ASK_LESS = ["{n} has {a} {o} and gives away {b}. How many {o} are left?", "{n} had {a} {o} but lost {b}. How many {o} does {n} have now?", "{n} has {a} {o} and sells {b} of them. How many {o} are left?", "There were {a} {o} on the table and {n} took {b}. How many {o} are left?", "If {n} has {a} {o} and loses {b}, how many {o} does {n} have?", "{n} buys {a} {o} and gives {b} to a friend. How many {o} remain?"]
ASK_EACH = ["{n} has {a} boxes with {b} {o} each. How many {o} is that?", "{n} buys {a} bags of {b} {o}. How many {o} does {n} have?", "There are {a} rows with {b} {o} in each row. {n} counts them. How many {o} are there?"]


I_MORE = ["I have {a} {o} and buy {b} more. How many {o} do I have?", "I have {a} {o} and get {b} more. How many do I have now?", "I had {a} {o} and found {b} more. How many {o} do I have?", "If I have {a} {o} and you give me {b} more, how many {o} do I have?", "You have {a} {o} and get {b} more. How many {o} do you have?", "There are {a} {o} and {b} more arrive. How many {o} are there?", "If I have {a} {o} and buy {b} more, how many {o} do I have?", "I buy {a} {o} today and {b} tomorrow. How many {o} do I buy?"]
I_LESS = ["I have {a} {o} and give away {b}. How many are left?", "I have {a} {o} and eat {b}. How many are left?", "I had {a} {o} and lost {b}. How many {o} do I have?", "If I have {a} {o} and lose {b}, how many {o} are left?", "You have {a} {o} and sell {b}. How many {o} do you have left?", "There are {a} {o} and {b} are taken away. How many are left?", "If I have {a} {o} and eat {b}, how many {o} do I have left?", "I had {a} {o} and gave {b} to a friend. How many {o} do I have left?"]


def spoken(r, n):
    return NUMBER_WORDS[n - 1] if 0 < n < 8 and r.random() < .3 else str(n)


def word_problem(r, split):
    if r.random() < .25:
        a, b, o = draw(r, split, lambda: (max(1, number(r)), max(1, number(r)), r.choice(FRUIT)), lambda p: ("mine",) + p)
        if r.random() < .5: return [user(r.choice(I_MORE).format(a=spoken(r, a), b=spoken(r, b), o=o)), bot(f"{a} + {b} = {a + b}, so there are {a + b} {o}.")]
        if a < b: raise Nothing
        return [user(r.choice(I_LESS).format(a=spoken(r, a), b=spoken(r, b), o=o)), bot(f"{a} - {b} = {a - b}, so there are {a - b} {o}.")]
    n = name(r, split); o = r.choice(FRUIT); k = r.random()
    if k < .12:
        a, b = draw(r, split, lambda: (r.randint(2, 12), r.randint(2, 12)), lambda p: ("each",) + p)
        return [user(r.choice(ASK_EACH).format(n=n, a=a, b=b, o=o)), bot(f"{a} * {b} = {a * b}, so there are {a * b} {o}.")]
    a, b = draw(r, split, lambda: (max(1, number(r)), max(1, number(r))), lambda p: ("problem",) + p)
    if k < .56:
        return [user(r.choice(ASK_MORE).format(n=n, a=a, b=b, o=o)), bot(f"{a} + {b} = {a + b}, so there are {a + b} {o}.")]
    a, b = max(a, b), min(a, b)
    if r.random() < .15: b = max(1, a - r.randint(0, 9))   # small results
    if held("problem", a, b) != (split == TEST): raise Nothing
    return [user(r.choice(ASK_LESS).format(n=n, a=a, b=b, o=o)), bot(f"{a} - {b} = {a - b}, so there are {a - b} {o}.")]


UNITS = [("kilometers", "meters", 1000, 99), ("meters", "centimeters", 100, 99), ("centimeters", "millimeters", 10, 99), ("kilograms", "grams", 1000, 99), ("liters", "milliliters", 1000, 99), ("tons", "kilograms", 1000, 99), ("kilobytes", "bytes", 1000, 99), ("euros", "cents", 100, 99), ("centuries", "years", 100, 60),
         ("hours", "minutes", 60, 12), ("minutes", "seconds", 60, 12), ("days", "hours", 24, 10), ("weeks", "days", 7, 20), ("years", "months", 12, 12), ("feet", "inches", 12, 12), ("yards", "feet", 3, 30), ("dozens", "items", 12, 12), ("bytes", "bits", 8, 16), ("decades", "years", 10, 30)]
ASK_UNIT = P("(How many|Tell me how many|Do you know how many|Can you tell me how many) {v} (are in|are there in|make|is|are) {n} {u}?", "(Convert|Please convert|Can you convert|Change|Express|Turn|Write) {n} {u} (to|into|in) {v}(.|, please.|?)", "(What is|What's|How much is|What are|Tell me) {n} {u} in {v}(?|.)", "{n} {u} (in|to|into|as) {v}(?|, please.|)", "{n} {u} (is|are|makes) how many {v}?", plain=["How many {v} are in {n} {u}?", "Convert {n} {u} to {v}.", "What is {n} {u} in {v}?"], percent=16)


def units(r, split):
    u, v, f, top = r.choice(UNITS)
    single = {"feet": "foot", "centuries": "century"}.get(u, u[:-1])
    if f in (10, 100, 1000):
        n = 1 if split == TRAIN and r.random() < .06 else draw(r, split, lambda: r.randint(2, 9) if r.random() < .25 else r.randint(2, top), lambda n: ("unit", u, n))
        w = single if n == 1 else u
        q = fill(r, ASK_UNIT, n=n, u=w, v=v)
    else:
        n = r.randint(1, top); w = single if n == 1 else u
        q = ASK_UNIT.draw(r, split, f"{n} {u}", n=n, u=w, v=v)
    return [user(cap(q)), bot(f"{n} {w} = {n * f} {v}.")]


ASK_UP = P("(Sort|Order|Arrange|Put in order|Please sort|Can you sort|Could you sort|Sort for me|Please order|Sort the numbers|Order the numbers|Sort the list|Put these numbers in order:|Sort these numbers:|Sort this list:|Sort these:|Arrange these numbers:|Order these numbers:) {x}(|.)", "(Sort|Order|Arrange|Put|Please sort) {x} (from smallest to largest|in ascending order|from low to high|in increasing order|from small to big)(.|, please.)",
           "(Sort these numbers|Order these numbers|Put these|Sort these|Arrange these|Sort the numbers|Sort the list) (from smallest to largest|in ascending order|from low to high|in increasing order|ascending): {x}", "(Ascending order|Sort ascending|Smallest first): {x}", plain=["Sort these numbers: {x}", "Sort: {x}", "Sort {x}"], percent=0)
ASK_DOWN = P("(Sort|Order|Arrange|Put|Please sort) {x} (from largest to smallest|in descending order|from high to low|in decreasing order|from big to small)(.|, please.)", "(Sort these numbers|Order these numbers|Put these|Sort these|Arrange these|Sort the numbers|Sort the list) (from largest to smallest|in descending order|from high to low|in decreasing order|descending): {x}", "(Descending order|Sort descending|Largest first): {x}", percent=0)


def numbers(r, k):
    xs = set()
    while len(xs) < k:
        xs.add(number(r))
    xs = list(xs); r.shuffle(xs)
    return tuple(xs)


def sort(r, split):
    k = r.choice((2, 3, 3, 4, 4, 5, 5, 6)); down = r.random() < .4
    ask = ASK_DOWN if down else ASK_UP
    if r.random() < .2:
        xs = draw(r, split, lambda: tuple(r.sample(WORDS, min(k, 5))), lambda x: ("sort",) + x)
        q = ask.sample(r).replace("numbers", "words").replace("from smallest to largest", "from a to z").replace("from largest to smallest", "from z to a").replace("low to high", "a to z").replace("high to low", "z to a").replace("small to big", "a to z").replace("big to small", "z to a").replace("Smallest", "From a").replace("Largest", "From z")
        q = q.replace("in increasing", "in alphabetical").replace("in decreasing", "in reverse alphabetical").replace("From a first", "Alphabetical order").replace("From z first", "Reverse alphabetical order")
        return [user(q.format(x=", ".join(xs))), bot(", ".join(sorted(xs, reverse=down)))]
    xs = draw(r, split, lambda: numbers(r, k), lambda x: ("sort",) + x)
    return [user(fill(r, ask, x=r.choice((", ", ", ", ", ", " ")).join(map(str, xs)))), bot(", ".join(map(str, sorted(xs, reverse=down))))]


ASK_MAX = P("(What is|What's|Tell me|Find|Give me|Which is|Name) the (largest|biggest|greatest|highest|maximum) (number of|of|number in|number among|in) {x}(?|.)", "Which (number|one|of these) is the (largest|biggest|greatest|highest): {x}?", "(Largest|Biggest|Maximum|Max)( number|) of {x}?", plain=["What is the largest of {x}?", "Which number is the largest: {x}?"], percent=0)
ASK_MIN = P("(What is|What's|Tell me|Find|Give me|Which is|Name) the (smallest|lowest|least|minimum) (number of|of|number in|number among|in) {x}(?|.)", "Which (number|one|of these) is the (smallest|lowest|least): {x}?", "(Smallest|Lowest|Minimum|Min)( number|) of {x}?", plain=["What is the smallest of {x}?", "Which number is the smallest: {x}?"], percent=0)


def min_max(r, split):
    xs = draw(r, split, lambda: numbers(r, r.choice((2, 3, 4, 5))), lambda x: ("mm",) + x)
    l = ", ".join(map(str, xs))
    if r.random() < .5: return [user(fill(r, ASK_MAX, x=l)), bot(f"The largest number is {max(xs)}.")]
    return [user(fill(r, ASK_MIN, x=l)), bot(f"The smallest number is {min(xs)}.")]


ASK_COUNT = P("(Count|Please count|Can you count|Count for me|Count up|Count down|Count backwards|Write the numbers|Say the numbers|List the numbers|Give me the numbers) from {a} to {b}(.|, please.)", "(Numbers|All numbers|The numbers) from {a} to {b}(.|, please.)", plain=["Count from {a} to {b}.", "Count to {b} from {a}."], percent=0)


COUNT_WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()


def count(r, split):
    if r.random() < .2:
        a, d, n = draw(r, split, lambda: (r.randint(0, 60), r.choice((1, 1, 2, 2, 3, 5, 10)), r.randint(3, 6)), lambda p: ("next",) + p)
        xs = ", ".join(str(a + d * i) for i in range(n))
        q = r.choice(["What comes next: {}?", "What comes next? {}", "What is the next number: {}?", "Continue: {}", "Which number comes next: {}?", "Next number: {}, ...", "What number follows {}?"])
        return [user(q.format(xs)), bot(f"{a + d * n} comes next.")]
    def make():
        a = r.choice((1, 1, r.randint(0, 90))); x = r.random(); n = r.randint(2, 15) if x < .8 else r.randint(10, 40) if x < .94 else r.randint(30, 99)
        return (a, a + n) if r.random() < .7 else (a + n, a)
    a, b = draw(r, split, make, lambda p: ("count",) + p)
    if a == 1 and r.random() < .4: q = r.choice(["Count to {b}.", "Can you count to {b}?", "Please count to {b}.", "Count up to {b}."]).format(b=b if b > 20 or r.random() < .6 else COUNT_WORDS[b - 1])
    else:
        q = ASK_COUNT.sample(r)
        if a > b: q = q.replace("Count up", "Count down")
        else: q = q.replace("Count down", "Count up").replace(" backwards", "")
        q = q.format(a=a, b=b)
    step = 1 if a < b else -1
    return [user(q), bot(", ".join(map(str, range(a, b + step, step))))]


# ---------------------------------------------------------------- memory
MY_NAME = P("(My name is|Hi, my name is|Hello, my name is|Hello! My name is|I am|Hi, I am|Hello, I am|I'm|Hi, I'm|Please call me|You can call me|Call me|My friends call me|People call me|My first name is|The name is|Hey, I'm|Good morning, I am|By the way, my name is|Let me introduce myself: I am|Note that my name is|Remember: my name is) {n}(.|!|)", plain=["My name is {n}.", "Hi, my name is {n}.", "I am {n}.", "Hello, my name is {n}."], percent=0)
WHATS_MY_NAME = P("(What is|What's|What was|Tell me|Can you tell me|Do you remember|Do you know|Can you recall|Do you still know|Please tell me|Say|Could you tell me|Do you still remember|Repeat|Remind me of|Can you remember) my name( again| now|)(?|.)", "(Who am I|What did I say my name was|What am I called|How am I called|What name did I give you|What did I tell you my name was|Which name did I tell you|How do people call me|What do you call me)( again| now|)?", "(And|So|Now|Okay|Now tell me|Well)(,) (what is my name|who am I|do you remember my name|what was my name)( again|)?", plain=["What is my name?", "What's my name?", "Do you remember my name?", "Who am I?", "what is my name", "Do you know my name?"], percent=20)
NUMBERS_OF_MINE = "code|lucky number|room number|PIN|locker number|ticket number|door code|order number|seat number|secret number|house number|password|customer number|bus number|flight number".split("|")
MINE = P("(My|Remember that my|Please remember: my|Note that my|Please note: my|Remember this: my|I want you to remember that my|For later: my|Keep in mind that my|Just so you know, my|By the way, my|Do not forget: my) {w} is {n}(.|!|)", plain=["My {w} is {n}.", "Remember that my {w} is {n}."], percent=0)
WHATS_MINE = P("(What is|What's|What was|Tell me|Can you tell me|Do you remember|Do you know|Can you recall|Please tell me|Repeat|Remind me of|Do you still know) my {w}( again| now|)(?|.)", "(And|So|Now|Okay)(,) (what is|what was) my {w}( again|)?", plain=["What is my {w}?", "Do you remember my {w}?"], percent=20)
KIN_NAMED = P("(My|Remember: my|By the way, my) {w} (is called|is named|has the name) {n}(.|!)", "(My|Remember: my) {w}'s name is {n}(.|!)", "I have a {w} (named|called|whose name is) {n}(.|!)", plain=["My {w} is called {n}.", "I have a {w} named {n}."], percent=0)
KIN_NAME = P("(What is|What's|Tell me|Do you remember|Do you know|Can you tell me|Remind me of|Please tell me) the name of my {w}(?|.)", "(What is|What's|How is|Do you remember how) my {w} (called|named)?", "(What is|What's|Tell me|Do you know|Do you remember) my {w}'s name(?|.)", plain=["What is the name of my {w}?", "What is my {w} called?"], percent=20)
ABOUT_ME = ["I am {n} from {ct} and I like {c}.", "My name is {n}, I live in {ct} and my favorite color is {c}.", "I'm {n}. I live in {ct} and I love the color {c}.", "Hi! I am {n}, I come from {ct}, and {c} is my favorite color.", "Hello, {n} here. I live in {ct} and my favorite color is {c}."]
LIKES = ["I like {f}.", "I love {f}.", "My favorite food is {f}.", "I really like {f}.", "My favorite food is {f}, you know."]
JOB = ["I am {j}.", "I work as {j}.", "My job is {j}.", "I'm {j}."]


def memory_pair(r, split):
    """(what the user tells, the reply, what is asked later, the answer)"""
    k = r.random()
    if k < .4:
        n = name(r, split)
        return MY_NAME.sample(r).format(n=n), f"Nice to meet you, {n}!", WHATS_MY_NAME.draw(r, split, "my name"), f"Your name is {n}."
    if k < .58:
        w = r.choice(NUMBERS_OF_MINE); n = draw(r, split, lambda: r.randint(2, 9) if r.random() < .1 else r.randint(10, 9999), lambda n: ("remember", n))
        if w == "password" and r.random() < .6: n = word(r, split) + (str(r.randint(1, 99)) if r.random() < .5 else "")
        return MINE.sample(r).format(w=w, n=n), f"Okay, I will remember that your {w} is {n}.", WHATS_MINE.draw(r, split, w, w=w), f"Your {w} is {n}."
    if k < .76:
        n = name(r, split); w = r.choice(KIN + PETS)
        return KIN_NAMED.sample(r).format(w=w, n=n), f"{n} is a nice name!", KIN_NAME.draw(r, split, w, w=w), f"Your {w} is called {n}."
    if k < .84:
        f = r.choice(FOODS); q = draw(r, split, lambda: (r.choice(LIKES), r.choice(["What is my favorite food?", "What food do I like?", "Which food do I like?", "What do I like to eat?", "Do you remember my favorite food?"])), lambda p: ("likes", f) + p)
        return q[0].format(f=f), f"Good to know that you like {f}!", q[1], f"You like {f}."
    if k < .9:
        j = r.choice(JOBS); q = draw(r, split, lambda: (r.choice(JOB), r.choice(["What is my job?", "What do I do for a living?", "What is my profession?", "Do you remember my job?", "What do I work as?"])), lambda p: ("job", j) + p)
        return q[0].format(j=article(j)), f"It must be interesting to be {article(j)}!", q[1], f"You are {article(j)}."
    if k < .93:
        a, form, q = draw(r, split, lambda: (r.randint(3, 99), r.choice(["I am {} years old.", "I'm {} years old.", "My age is {}.", "I turned {} this year.", "I am {}."]), r.choice(["How old am I?", "What is my age?", "Do you know how old I am?", "Tell me my age.", "Do you remember my age?"])), lambda p: ("age",) + p)
        return form.format(a), f"Good to know that you are {a} years old!", q, f"You are {a} years old."
    c = r.choice(COLORS); n = name(r, split); ct = city(r, split)
    q, a = r.choice([("What is my favorite color?", f"Your favorite color is {c}."), ("Which color do I like?", f"Your favorite color is {c}."), ("Where do I live?", f"You live in {ct}."), ("What is my name?", f"Your name is {n}."), ("Which city am I from?", f"You live in {ct}."), ("Where am I from?", f"You live in {ct}.")])
    return r.choice(ABOUT_ME).format(n=n, ct=ct, c=c), f"Nice to meet you, {n}!", q, a


FORGOTTEN = [("my name", lambda r, s: WHATS_MY_NAME.draw(r, s, "no name"), "I do not know your name yet. What is it?"), ("mine", lambda r, s: (lambda w: WHATS_MINE.draw(r, s, "no " + w, w=w))(r.choice(NUMBERS_OF_MINE)), "You have not told me yet."),
             ("kin", lambda r, s: (lambda w: KIN_NAME.draw(r, s, "no " + w, w=w))(r.choice(KIN + PETS)), "You have not told me yet."), ("color", lambda r, s: r.choice(["What is my favorite color?", "Which color do I like?", "What is my favorite food?", "What is my job?"]) if s == TRAIN else retry(), "You have not told me yet."),
             ("live", lambda r, s: r.choice(["Where do I live?", "Where am I from?", "Which city am I from?", "How old am I?"]) if s == TRAIN else retry(), "You have not told me yet.")]


def memory(r, split, between=None):
    """A thing told, up to three other exchanges, and the question. Sometimes nothing was told, or the name was corrected."""
    k = r.random()
    if between is None:
        between = [m for _ in range(r.choice((0, 0, 1, 1, 2, 3))) for m in r.choice((small_talk, add, capitals, facts, about, outside, spell, sort))(r, TRAIN)]
    if k < .12:
        _, q, a = r.choice(FORGOTTEN)
        return between + [user(q(r, split)), bot(a)]
    if k < .18:
        n, m = name(r, split), name(r, split)
        fix = r.choice(["Sorry, my name is {m}, not {n}.", "Actually, my name is {m}.", "I was joking, my name is {m}.", "Correction: my name is {m}.", "No, call me {m}, please."]).format(n=n, m=m)
        return [user(MY_NAME.sample(r).format(n=n)), bot(f"Nice to meet you, {n}!"), user(fix), bot(f"Nice to meet you, {m}!")] + between + [user(WHATS_MY_NAME.draw(r, split, "my name")), bot(f"Your name is {m}.")]
    told, reply, asked, answer = memory_pair(r, split)
    if k < .27:
        asked = cap(asked)
        return [user(told + ("" if told[-1] in ".!" else ".") + r.choice([" ", " ", "\n"]) + asked), bot(answer)]
    return [user(told), bot(reply)] + between + [user(asked), bot(answer)]


# ---------------------------------------------------------------- letters and words
def times(n):
    return "1 time" if n == 1 else f"{n} times"


ASK_LETTERS = P("How (many times|often) does (the letter |){c} (appear|occur|come up|show up|stand) in (the word |){w}?", "How (many times|often) (is|can you find) (the letter |){c} in (the word |){w}?", "How many (letters {c}|{c}'s|{c}s|letter {c}|times the letter {c}) (are|are there) in (the word |){w}?", "(Count|Please count|Can you count|Tell me how often you see) (the letter|the letters|all letters|every) {c} in (the word |){w}(.|, please.)",
                plain=["How many times does the letter {c} appear in {w}?", "How many {c}'s are in {w}?", "How many letters {c} are in {w}?", "How many {c}s are in {w}?", "How many {c}'s are in the word {w}?"], percent=0)


def quoted(r, w):
    return f'"{w}"' if r.random() < .25 else w


def letters(r, split):
    w = word(r, split); c = r.choice(w) if r.random() < .88 else r.choice("abcdefghijklmnopqrstuvwxyz")
    out, n = [], 0
    for x in w:
        n += x == c
        out.append(f"{x}({n})" if x == c else x)
    return [user(fill(r, ASK_LETTERS, c=c, w=quoted(r, w))), bot(f"{' '.join(out)}: the letter {c} appears {times(n)}.")]


ASK_SPELL = P("(Spell|Please spell|Can you spell|Could you spell|How do you spell|How is it spelled:|Spell out|Spell for me:|Spell this:|How do I spell|Letter by letter:|How to spell|I want you to spell) (the word |){w}(.|?|)", "(What is|Tell me) the spelling of (the word |){w}(?|.)", plain=["Spell {w}.", "How do you spell {w}?", "Spell the word {w}.", "Spell {w}"], percent=0)
ASK_LENGTH = P("How many letters (are in|are there in|does|has) (the word |){w}( have|)?", "(Count|Please count|Can you count) the letters (in|of) (the word |){w}(.|, please.)", "How long is (the word |){w}?", "(What is|Tell me) the (length|number of letters) of (the word |){w}(?|.)", plain=["How many letters are in {w}?", "How many letters does {w} have?", "Count the letters in {w}."], percent=0)


ASK_BACK = P("(Spell|Say|Write|Please spell|Can you spell) (the word |){w} (backwards|in reverse|from the end)(.|, please.|)", "(Reverse|Reverse the letters of|Turn around|Invert) (the word |){w}(.|, please.|)", plain=["Reverse the word {w}.", "Spell {w} backwards."], percent=0)


def spell(r, split):
    if r.random() < .12:
        w = word(r, split)
        return [user(fill(r, ASK_BACK, w=quoted(r, w))), bot(" ".join(w[::-1]))]
    if r.random() < .6:
        w = name(r, split) if r.random() < .2 else word(r, split)
        return [user(fill(r, ASK_SPELL, w=quoted(r, w))), bot(" ".join(w))]
    w = word(r, split)
    return [user(fill(r, ASK_LENGTH, w=quoted(r, w))), bot(" ".join(f"{c} {i + 1}" for i, c in enumerate(w)) + f". It has {len(w)} letters.")]


NOUN_S = "the cat|the dog|my friend|a bird|the old man|the teacher|our neighbour|the little girl|a tall boy|the farmer|the queen|a young sailor|the baker|my aunt|the robot".split("|")
VERB_S = "sees|likes|finds|paints|carries|wants|draws|holds|needs|buys|sells|cleans|hides|brings".split("|")
OBJ_S = "a red ball|the big house|some fresh bread|a small boat|the green door|three books|a warm coat|an old clock|the blue car|two apples|a golden ring|the heavy box|a quiet song|many flowers".split("|")
TAIL_S = "|today|in the garden|near the river|every morning|after lunch|with a smile|on Monday|at the station|in the winter|before the storm".split("|")


def sentence(r):
    return " ".join([x for x in (r.choice(NOUN_S), r.choice(VERB_S), r.choice(OBJ_S), r.choice(TAIL_S)) if x])


def words(r, split):
    s = draw(r, split, lambda: sentence(r) if r.random() < .6 else " ".join(r.choice(WORDS) for _ in range(r.randint(2, 9))), lambda s: ("sentence", s)); ws = s.split()
    q = r.choice(["How many words are in: {s}", "How many words are in the sentence \"{s}\"?", "Count the words: {s}", "Count the words in \"{s}\".", "How many words are in this sentence: {s}", "How many words does \"{s}\" have?", "Please count the words in this sentence: {s}"]).format(s=s)
    return [user(q), bot(" ".join(f"{w} {i + 1}" for i, w in enumerate(ws)) + f". There are {len(ws)} words.")]


def repeat(r, split):
    n = r.choice((1, 1, 2, 2, 3, 4, 5, 6)); k = r.random()
    xs = [word(r, split) for _ in range(n)]
    if k < .5:
        if k < .07: xs = draw(r, split, lambda: [r.choice(ACCENTED + EMOJI) if r.random() < .6 else r.choice(WORDS) for _ in range(n)], lambda x: ("accent", *x))
        elif k < .12: xs = draw(r, split, lambda: [str(r.randint(0, 99999)) if r.random() < .6 else r.choice(WORDS) for _ in range(n)], lambda x: ("digits", *x))
        elif k < .2: xs = [cap(x) if r.random() < .5 else x for x in xs]
        elif k < .24: xs = [x.upper() if r.random() < .5 else x for x in xs]
        elif k < .3: xs = draw(r, split, lambda: (r.choice(("Espalier is", "I am", "Java is", "This is", "We are", "You are", "The sea is", "My dog is", "It is")) + " " + r.choice(("great", "fast", "here", "ready", "small", "happy", "open", "nice", "good", "new", "a test", "my friend", "the best")) + r.choice((".", "!", "", "")) if r.random() < .4 else cap(sentence(r)) + r.choice((".", "!", "?", ""))).split(" "), lambda x: ("say", *x))
        s = " ".join(xs)
        if r.random() < .12: s = cap(s) + r.choice(".!?")
        q = r.choice(["Repeat after me: {}", "Say this: {}", "Repeat: {}", "Repeat this: {}", "Please repeat: {}", "Say: {}", "Echo: {}", "Write this: {}", "Copy this text: {}", "Please say this: {}", "Repeat the following: {}", "Say \"{}\""])
        return [user(q.format(s)), bot(s)]
    s = " ".join(xs)
    if k < .53:
        n = name(r, split)
        return [user(r.choice(["Say hello to {}.", "Greet {}.", "Say hi to {}.", "Please say hello to {}.", "Say good morning to {}."]).format(n)), bot(f"Hello, {n}!")]
    if k < .68: return [user(r.choice(["Write this in capital letters: {}", "Make this upper case: {}", "Convert to upper case: {}", "Uppercase: {}", "Put this in capitals: {}", "Write \"{}\" in capital letters."]).format(s)), bot(s.upper())]
    if k < .76: return [user(r.choice(["Write this in small letters: {}", "Make this lower case: {}", "Convert to lower case: {}", "Lowercase: {}"]).format(s.upper() if r.random() < .5 else " ".join(map(cap, xs)))), bot(s)]
    if k < .9: return [user(r.choice(["Reverse the order of these words: {}", "Say these words in reverse order: {}", "Reverse these words: {}", "Write these words backwards, last word first: {}"]).format(s)), bot(" ".join(xs[::-1]))]
    if k < .95: return [user(r.choice(["What is the first word of: {}", "Say the first word: {}", "First word of \"{}\"?"]).format(s)), bot(xs[0])]
    return [user(r.choice(["What is the last word of: {}", "Say the last word: {}", "Last word of \"{}\"?"]).format(s)), bot(xs[-1])]


# ---------------------------------------------------------------- JSON
ASK_JSON = ["Extract {f} as JSON: {s}", "Give me {f} as JSON. Text: {s}", "Extract {f} from this text as JSON: {s}", "Return JSON with {f}: {s}", "{s} Extract {f} as JSON.", "Read this and answer as JSON with {f}: {s}", "Text: {s}\nReturn {f} as a JSON object.", "Turn this into JSON with the keys {f}: {s}", "Make a JSON object with {f} from: {s}",
            "{s}\nWrite {f} as JSON.", "Please extract {f} in JSON format: {s}", "Answer only with JSON. Keys: {f}. Text: {s}", "Extract the information as JSON with the keys {f}. {s}", "Convert to JSON ({f}): {s}"]
ASK_SCHEMA = ["Answer with JSON that follows this schema: {j}\nText: {s}", "Extract the data as JSON. Schema: {j}\n{s}", "{s}\nReturn JSON for this schema: {j}", "Use this JSON schema: {j}\nText: {s}", "Fill this schema from the text. {j} Text: {s}"]
ASK_SHAPE = ["Answer in this form: {j}. Text: {s}", "Extract from the text. Format: {j}\nText: {s}", "{s}\nFill in: {j}"]


def listing(xs):
    return xs[0] if len(xs) == 1 else ", ".join(xs[:-1]) + " and " + xs[-1]


def person_record(r, split):
    """A person, told in short sentences, with three to seven fields to extract."""
    n = name(r, split); full = n + " " + r.choice(LAST) if r.random() < .6 else n
    last = full.split()[-1]
    age = r.randint(1, 99); ct = city(r, split); job = r.choice(JOBS); color = r.choice(COLORS); food = r.choice(FOODS); country = r.choice(COUNTRIES)
    mail = f"{n.lower()}{r.choice(['', '.' + last.lower()])}@{invented(r)}.{r.choice(['com', 'org', 'net'])}"
    phone = f"555-{r.randint(1000, 9999)}"; pet = r.choice(PETS); petname = name(r, split); hobbies = r.sample(HOBBIES, r.randint(1, 3)); yes = r.random() < .5
    fields = {
        "age": (age, ["{p} is {} years old.", "{p} is {}.", "{p} is aged {}."], "integer"), "city": (ct, ["{p} lives in {}.", "{p} comes from {}.", "The home of {p} is {}."], "string"),
        "job": (job, ["{p} works as a {}.", "{p} is a {}.", "The job of {p} is {}."], "string"), "email": (mail, ["The email of {p} is {}.", "Write to {p} at {}."], "string"), "phone": (phone, ["Call {p} at {}.", "The phone number of {p} is {}."], "string"),
        r.choice(["color", "favorite_color"]): (color, ["{p} likes the color {}.", "The favorite color of {p} is {}."], "string"), r.choice(["food", "favorite_food"]): (food, ["{p} likes to eat {}.", "{p} loves {}."], "string"),
        "country": (country, ["{p} was born in {}.", "{p} is from {}."], "string"), "pet": (petname, ["The %s of {p} is called {}." % pet, "{p} has a %s named {}." % pet], "string"),
        "hobbies": (hobbies, ["{p} enjoys {}.", "The hobbies of {p} are {}."], "array"), "student": (yes, ["{p} is a student." if yes else "{p} is not a student."], "boolean"), "married": (yes, ["{p} is married." if yes else "{p} is not married."], "boolean"),
    }
    keys = r.sample(list(fields), r.choice((1, 2, 2, 3, 3, 4, 5)))
    if "student" in keys and "married" in keys: keys.remove("married")
    told = list(keys); r.shuffle(told)
    intro = r.choice(["{p}", "{p}", "This is {p}.", "Meet {p}."]).format(p=full)
    sentences = []
    for i, k in enumerate(told):
        v, forms, _ = fields[k]
        shown = listing(v) if isinstance(v, list) else v
        sentences.append(cap(r.choice(forms).format(shown, p=full if i == 0 and not intro.endswith(".") else n if r.random() < .7 else full)))
    text = " ".join(([intro] if intro.endswith(".") else []) + sentences)
    order = ["name"] + keys
    record = {"name": full, **{k: fields[k][0] for k in keys}}
    schema = {"type": "object", "properties": {"name": {"type": "string"}, **{k: {"type": fields[k][2]} if fields[k][2] != "array" else {"type": "array", "items": {"type": "string"}} for k in keys}}, "required": order}
    return order, record, schema, text


def order_record(r, split):
    n = name(r, split); o = r.choice(FRUIT); a = r.randint(2, 99); p = r.randint(2, 999)
    text = r.choice(["{n} ordered {a} {o} for {p} dollars.", "{n} bought {a} {o} and paid {p} dollars.", "An order of {a} {o} by {n} cost {p} dollars.", "{n} pays {p} dollars for {a} {o}.", "We sold {a} {o} to {n} for {p} dollars."]).format(n=n, a=a, o=o, p=p)
    full = {"customer": n, "item": o, "quantity": a, "price": p}
    keys = list(full) if r.random() < .6 else [k for k in full if r.random() < .6] or ["item"]
    return keys, {k: full[k] for k in keys}, {"type": "object", "properties": {k: {"type": "string" if isinstance(full[k], str) else "integer"} for k in keys}, "required": keys}, text


def meeting_record(r, split):
    n = name(r, split); d = r.choice(DAYS); t = f"{r.randint(1, 12)}:{r.choice(['00', '15', '30', '45'])} {r.choice(['am', 'pm'])}"; ct = city(r, split)
    text = r.choice(["Meet {n} on {d} at {t} in {c}.", "The meeting with {n} is on {d} at {t} in {c}.", "On {d} at {t} I have a call with {n} from {c}.", "{n} comes to {c} on {d} at {t}.", "Lunch with {n} in {c}, {d}, {t}."]).format(n=n, d=d, t=t, c=ct)
    full = {"person": n, "day": d, "time": t, "place": ct}
    keys = ["person", "day", "time"] if r.random() < .5 else [k for k in full if r.random() < .7] or ["day"]
    return keys, {k: full[k] for k in keys}, {"type": "object", "properties": {k: {"type": "string"} for k in keys}, "required": keys}, text


def sample_value(v):
    return "..." if isinstance(v, str) else 0 if isinstance(v, int) and not isinstance(v, bool) else True if isinstance(v, bool) else ["..."]


ASK_CAPITAL_JSON = ["Give me the capital of {x} as JSON.", "Give me JSON with the country and capital of {x}.", "Return a JSON object with country and capital for {x}.", "Answer in JSON: what is the capital of {x}?", "What is the capital of {x}? Answer as JSON.", "Give me information about the capital of {x} in JSON format.", "JSON with country and capital: {x}", "Write the capital of {x} as a JSON object."]


MADE_UP = {"name": lambda r: r.choice(FIRST), "age": lambda r: r.randint(18, 80), "city": lambda r: r.choice(CITIES), "job": lambda r: r.choice(JOBS), "color": lambda r: r.choice(COLORS), "country": lambda r: r.choice(COUNTRIES), "food": lambda r: r.choice(FOODS),
           "price": lambda r: r.randint(2, 99), "id": lambda r: r.randint(100, 999), "hobbies": lambda r: r.sample(HOBBIES, 2), "active": lambda r: r.random() < .5, "title": lambda r: cap(r.choice(WORDS)), "count": lambda r: r.randint(1, 50), "email": lambda r: r.choice(FIRST).lower() + "@example.com"}
ASK_MADE_UP = ["Write a JSON object with the keys {f}.", "Give me an example JSON object with {f}.", "Make up a JSON object with {f}.", "Generate a JSON object with the keys {f}.", "Create some JSON with {f}.", "Invent a person as JSON with {f}.", "Give me JSON with {f}.", "Give me a JSON example with the keys {f}.", "Describe a person in JSON with {f}.", "Output a JSON object with {f}, please."]


def made_up(r, split):
    """A JSON object with given keys and any values of the right kinds."""
    keys, q = draw(r, split, lambda: (tuple(r.sample(list(MADE_UP), r.choice((1, 2, 2, 3, 3, 4)))), r.choice(ASK_MADE_UP)), lambda p: ("made up", *p[0], p[1]))
    record = {k: MADE_UP[k](r) for k in keys}

    def ok(s):
        try: got = json.loads(s)
        except ValueError: return False
        return isinstance(got, dict) and list(got) == list(keys) and all(type(got[k]) is type(record[k]) for k in keys)
    if r.random() < .25:
        kind = {str: {"type": "string"}, int: {"type": "integer"}, bool: {"type": "boolean"}, list: {"type": "array", "items": {"type": "string"}}}
        schema = {"type": "object", "properties": {k: kind[type(v)] for k, v in record.items()}, "required": list(keys)}
        q = r.choice(["Write an example for this JSON schema: {j}", "Make up JSON for this schema: {j}", "Generate JSON that follows this schema: {j}"]).replace("{j}", to_json(schema))
        return [user(q), bot(to_json(record), ok)]
    return [user(q.format(f=listing(keys))), bot(to_json(record), ok)]


def json_task(r, split):
    k = r.random()
    if k < .1:
        x, q = draw(r, split, lambda: (r.choice(COUNTRIES), r.choice(ASK_CAPITAL_JSON)), lambda p: ("json capital",) + p)
        return [user(q.format(x=x)), bot(to_json({"country": x, "capital": CAPITALS[x]}))]
    if k < .16:
        xs = draw(r, split, lambda: numbers(r, r.randint(2, 6)) if r.random() < .5 else tuple(r.sample(WORDS, r.randint(2, 5))), lambda x: ("array",) + x)
        q = r.choice(["Write this as a JSON array: {}", "Make a JSON array of {}", "Turn this list into a JSON array: {}", "JSON array: {}", "Return these as a JSON list: {}", "Return the list {} as a JSON array.", "Return {} as a JSON array.", "Give me a JSON array with {}.", "Return the list of words {} as a JSON array."]).replace("words", "words" if isinstance(xs[0], str) else "numbers")
        return [user(q.format(", ".join(map(str, xs)) if r.random() < .6 else listing(list(map(str, xs))))), bot(to_json(list(xs)))]
    if k < .17:
        x = r.choice(list(LISTS)); n = r.randint(2, 5); q = draw(r, split, lambda: r.choice(["Return a JSON array of {n} {x}.", "Give me {n} {x} as a JSON array.", "List {n} {x} in JSON.", "Name {n} {x} as JSON.", "JSON array of {n} {x}, please.", "Write {n} {x} as a JSON list."]), lambda q: ("listed", x, n, q))
        return [user(q.format(n=r.choice((n, NUMBER_WORDS[n - 1])), x=x)), bot(to_json(LISTS[x][:n]))]
    if k < .2:
        return made_up(r, split)
    keys, record, schema, text = (person_record if k < .72 else order_record if k < .86 else meeting_record)(r, split)
    x = r.random()
    if x < .68: q = r.choice(ASK_JSON).format(f=listing(keys) if r.random() < .8 else ", ".join(keys), s=text)
    elif x < .9:
        if r.random() < .3: schema = {**schema, "additionalProperties": False}
        q = r.choice(ASK_SCHEMA).format(j=to_json(schema), s=text)
    else: q = r.choice(ASK_SHAPE).format(j=to_json({k: sample_value(v) for k, v in record.items()}), s=text)
    return [user(q), bot(to_json(record))]


# ---------------------------------------------------------------- texts
POSITIVE = "great wonderful excellent fantastic delicious friendly amazing lovely perfect brilliant superb good beautiful nice outstanding delightful".split()
NEGATIVE = "terrible awful horrible bad rude disappointing broken boring dirty useless poor ugly disgusting dreadful annoying worthless".split()
NEUTRAL = "average okay ordinary standard acceptable typical mediocre usual".split()
THING = "food movie hotel service book phone room coffee staff game song car teacher concert lamp restaurant product show pizza laptop trip train play soup bed view museum app chair camera".split()
REVIEW = ["The {t} was {a}.", "I think the {t} is {a}.", "What a {a} {t}!", "The {t} was really {a} and I told everyone.", "Honestly, the {t} was {a}.", "We found the {t} {a}.", "My {t} turned out to be {a}.", "This {t} is {a}.", "The {t} is {a}!", "A {a} {t}, I must say.", "The {t} we got was {a}.", "Everyone said the {t} was {a}."]
STRONG = {"positive": ["I love this {t}!", "I really enjoyed the {t}.", "I would buy this {t} again.", "Best {t} ever!", "I can recommend the {t}.", "The {t} made me happy."], "negative": ["I hate this {t}.", "I did not enjoy the {t}.", "I want my money back for this {t}.", "Worst {t} ever!", "I cannot recommend the {t}.", "The {t} made me angry."]}
ASK_SENTIMENT = ["Classify the sentiment: {s}", "Is this review positive, negative or neutral? {s}", "What is the sentiment of this text? {s}", "Sentiment: {s}", "Classify this review as positive, negative or neutral: {s}", "{s} Is this positive, negative or neutral?", "What is the sentiment? {s}", "Label the sentiment of this review: {s}", "Positive, negative or neutral? {s}", "Tell me the sentiment: {s}", "Review: {s}\nSentiment:"]


def sentiment(r, split):
    label = r.choice(("positive", "negative", "neutral")); k = r.random()
    if label != "neutral" and k < .25:
        t, f = draw(r, split, lambda: (r.choice(THING), r.choice(STRONG[label])), lambda x: ("strong",) + x)
        s = f.format(t=t)
    else:
        adjectives = {"positive": POSITIVE, "negative": NEGATIVE, "neutral": NEUTRAL}[label]
        t, a, f = draw(r, split, lambda: (r.choice(THING), r.choice(adjectives), r.choice(REVIEW)), lambda x: ("review",) + x)
        if k < .4 and label != "neutral" and "hat a" not in f and not f.startswith("A "):
            a = "not " + a; label = "negative" if label == "positive" else "positive"
        s = f.format(t=t, a=a)
    return [user(r.choice(ASK_SENTIMENT).format(s=s)), bot(label)]


def reading(r, split, long=None):
    """Short statements about people and one question about them; `long` asks for many statements."""
    n = long or r.choice((2, 3, 3, 4, 5, 6, 8, 12, 20))
    people = []
    while len(people) < n:
        x = name(r, split if not people else TRAIN) if r.random() < .5 else name(r, TRAIN)
        if x not in people: people.append(x)
    kinds = {"lives": ("{p} lives in {v}.", "Where does {p} live?", "{p} lives in {v}.", lambda: city(r, TRAIN)), "color": ("{p} likes the color {v}.", "Which color does {p} like?", "{p} likes {v}.", lambda: r.choice(COLORS)), "age": ("{p} is {v} years old.", "How old is {p}?", "{p} is {v} years old.", lambda: r.randint(2, 99)),
             "job": ("{p} works as a {v}.", "What is the job of {p}?", "{p} works as a {v}.", lambda: r.choice(JOBS)), "code": ("The code of {p} is {v}.", "What is the code of {p}?", "The code of {p} is {v}.", lambda: r.randint(100, 9999)), "eats": ("{p} likes to eat {v}.", "What does {p} like to eat?", "{p} likes to eat {v}.", lambda: r.choice(FOODS))}
    lines, known = [], []
    for p in people:
        k = r.choice(list(kinds)); v = kinds[k][3]()
        lines.append(kinds[k][0].format(p=p, v=v)); known.append((p, k, v))
    p, k, v = draw(r, split, lambda: r.choice(known), lambda t: ("reading",) + t) if any(held("reading", *t) == (split == TEST) for t in known) else retry()
    x = r.random(); text = " ".join(lines)
    ask = kinds[k][1].format(p=p); answer = kinds[k][2].format(p=p, v=v)
    if x < .1:
        p = name(r, split)
        if p in people: raise Nothing
        ask, answer = kinds[k][1].format(p=p), "The text does not say."
    q = r.choice(["{t} {q}", "Text: {t}\nQuestion: {q}", "Read this: {t} {q}", "{q} Text: {t}", "Answer the question from the text. {t} {q}", "{t}\n\n{q}", "Here is a text: {t} Now tell me: {q}", "Context: {t}\n{q}"]).format(t=text, q=ask)
    return [user(q), bot(answer)]


ANIMALS = "fox rabbit bear mouse owl cat dog frog turtle duck horse lion wolf hedgehog squirrel penguin robot dragon elephant bird".split()
PLACES = "forest village garden valley castle harbour meadow island town farm".split()
OBJECTS = "key lantern drum kite map bell ring coin compass book".split()
STORY = [
    ["Once upon a time, a {an} named {n} lived in a {pl}.", "Long ago, in a quiet {pl}, there lived a {an} called {n}.", "In a small {pl} there was a {an} with the name {n}.", "There once was a little {an} named {n} who lived in a {pl}."],
    ["One day, {n} found a golden {ob} under a tree.", "One morning, {n} discovered an old {ob} near the path.", "One night, {n} saw a shining {ob} in the grass.", "On a rainy day, {n} dug up a strange {ob} from the ground."],
    ["{n} wondered who had lost the {ob}.", "{n} had never seen such a beautiful {ob} before.", "The {ob} was heavy, but {n} carried it home.", "{n} asked everyone about the {ob}, but nobody knew it."],
    ["{n} shared it with a friend, and they laughed all day.", "{n} used it to help a lost traveller find the way home.", "{n} gave it to the oldest {an} in the {pl}, who smiled.", "In the end {n} gave the {ob} back, and everybody cheered."],
    ["From then on, everyone in the {pl} loved {n}. The end.", "And {n} slept happily that night. The end.", "{n} never forgot that day. The end.", "And so {n} became the hero of the {pl}. The end."]]
_NAMED = {"an": "(?P<an>%s)" % "|".join(ANIMALS), "n": "(?P<n>[A-Z][a-z]+)", "pl": "(?P<pl>%s)" % "|".join(PLACES), "ob": "(?P<ob>%s)" % "|".join(OBJECTS)}
_SEEN = {}


def story_pattern(opening, finding):
    out = re.escape(opening).replace(r"\{an\}", _NAMED["an"]).replace(r"\{n\}", _NAMED["n"], 1).replace(r"\{pl\}", _NAMED["pl"])
    for i, part in enumerate(STORY[1:]):
        forms = "|".join(re.escape(finding if i == 0 else x) for x in ([finding] if i == 0 else part))
        for k in ("an", "n", "pl"): forms = forms.replace(r"\{%s\}" % k, f"(?P={k})")
        forms = forms.replace(r"\{ob\}", _NAMED["ob"] if i == 0 else "(?P=ob)")
        out += " (?:" + forms + ")"
    return re.compile(out + "$")


def story_ok(an, n):
    def ok(s):
        if not _SEEN:
            _SEEN["all"] = [story_pattern(a, b) for a in STORY[0] for b in STORY[1]]
        for p in _SEEN["all"]:
            m = p.match(s)
            if m: return (an is None or m["an"] == an) and (n is None or m["n"] == n)
        return False
    return ok


ASK_STORY = P("(Tell me|Write|Can you tell me|Please tell me|I want to hear|I would like|Make up|Tell us|Could you write|Please write|Read me|Invent) (a story|a short story|a little story|a fairy tale|a bedtime story|a tale|a nice story) about {x}(.|, please.|)", plain=["Tell me a story about {x}.", "Write a short story about {x}."], percent=0)
ASK_ANY_STORY = P("(Tell me|Write|Can you tell me|Please tell me|I want to hear|I would like|Make up|Tell us|Could you write|Please write|Read me|Invent) (a story|a short story|a little story|a fairy tale|a bedtime story|a tale|a nice story|another story)(.|, please.|)", "(Story|A story|Story time|Another story)(!|, please.| please|.)", plain=["Tell me a story.", "Tell me a story", "Tell me a short story.", "Write a story.", "Write a short story."], percent=16)


def tell(r, an, n):
    pl = r.choice(PLACES); ob = r.choice(OBJECTS)
    return " ".join([r.choice(x).format(an=an, n=n, pl=pl, ob=ob) for x in STORY])


def story(r, split):
    k = r.random(); an = r.choice(ANIMALS)
    if k < .6:
        n = name(r, split)
        x = r.choice(["a {an} named {n}", "a {an} called {n}", "{n} the {an}", "a little {an} named {n}", "a {an} whose name is {n}"]).format(an=an, n=n)
        return [user(fill(r, ASK_STORY, x=x)), bot(tell(r, an, n), story_ok(an, n))]
    n = name(r, TRAIN)
    if k < .8:
        x, q = draw(r, split, lambda: (r.choice([article(an), "a little " + an, "the " + an]), ASK_STORY.sample(r)), lambda p: ("story",) + p)
        return [user(careless(r, q.format(x=x))), bot(tell(r, an, n), story_ok(an, None))]
    return [user(ASK_ANY_STORY.draw(r, split, "any story")), bot(tell(r, an, n), story_ok(None, None))]


# ---------------------------------------------------------------- plain text, without the chat format
def plain_text(r, split):
    """-> (beginning, continuation) for /v1/completions and /generate: facts in prose, questions and answers, counting, stories."""
    def fact():
        x = r.choice(COUNTRIES); k = r.randrange(6)
        if k < 3: return f"The capital of {x} is", f" {CAPITALS[x]}."
        if k == 3: return f"{cap(x)} is in", f" {CONTINENTS[x]}."
        if k == 4:
            x = r.choice(list(OPPOSITES)); return f"The opposite of {x} is", f" {OPPOSITES[x]}."
        x = r.choice(list(YOUNG)); return f"A baby {x} is called", f" {article(YOUNG[x])}."
    k = r.random()
    if k < .5:  # held out: the pair of the fact and the one before it
        before, last = draw(r, split, lambda: (fact(), fact()), lambda p: ("plain", p[0][0], p[1][0]))
        n = r.choice((0, 1, 1, 2, 3)) if split == TRAIN else r.choice((1, 2, 3))
        head = "".join(a + b + " " for a, b in [fact() for _ in range(n - 1)] + ([before] if n else []))
        return head + last[0], last[1]
    if k < .7:
        shots = []
        for _ in range(r.choice((1, 2, 3, 3))):
            x = r.choice(COUNTRIES); shots.append((f"What is the capital of {x}?", CAPITALS[x])) if r.random() < .6 else shots.append((lambda a, b: (f"What is {a} + {b}?", str(a + b)))(number(r), number(r)))
        if len(shots) > 1 and held("shots", shots[-2], shots[-1]) != (split == TEST): raise Nothing
        if len(shots) == 1 and split == TEST: raise Nothing
        return "".join(f"Q: {q}\nA: {a}\n\n" for q, a in shots[:-1]) + f"Q: {shots[-1][0]}\nA:", f" {shots[-1][1]}"
    if k < .85:
        a, n = draw(r, split, lambda: (r.randint(0, 90), r.randint(3, 6)), lambda p: ("plain count",) + p)
        if not 1 <= (a + n) % 10 <= 8: raise Nothing
        return ", ".join(map(str, range(a, a + n))) + ",", " " + ", ".join(map(str, range(a + n, (a + n) // 10 * 10 + 11)))
    if split == TEST: raise Nothing
    k = r.random(); n = name(r, split)
    if k < .3:
        s = "Once upon a time, " + STORY[0][0].split(", ", 1)[1] + " " + " ".join(r.choice(x) for x in STORY[1:])
        return "Once upon a time", s.format(an=r.choice(ANIMALS), n=n, pl=r.choice(PLACES), ob=r.choice(OBJECTS)).replace("Once upon a time", "", 1)
    if k < .6:
        return r.choice(["Hello, my name is", "My name is", "Hi, I am"]), f" {n}. I am {r.randint(5, 95)} years old and I live in {city(r, split)}. I work as {article(r.choice(JOBS))} and I like {r.choice(FOODS)}. My favorite color is {r.choice(COLORS)}."
    if k < .8:
        s = " ".join(r.choice([a for _, a in espalier.ABOUT.values()]) for _ in range(r.randint(1, 4)))
        return s.split(" ")[0], s[len(s.split(" ")[0]):]
    s = " ".join(cap(sentence(r)) + "." for _ in range(r.randint(2, 8)))
    return s.split(" ")[0], s[len(s.split(" ")[0]):]


TASKS = dict(smalltalk=small_talk, identity=identity, about=about, outside=outside, capitals=capitals, facts=facts, yesno=yes_no, lists=lists, add=add, sub=sub, mul=mul, div=div, wordproblem=word_problem, units=units, sort=sort, minmax=min_max,
             count=count, memory=memory, letters=letters, spell=spell, words=words, repeat=repeat, json=json_task, sentiment=sentiment, reading=reading, story=story)
WEIGHTS = dict(smalltalk=9, identity=2.5, about=6, outside=9, capitals=8, facts=7, yesno=5, lists=2, add=7, sub=8, mul=4, div=2.5, wordproblem=6, units=5, sort=8, minmax=2.5, count=2, memory=8, letters=9, spell=8, words=3, repeat=10, json=10, sentiment=3, reading=4, story=3.5)
