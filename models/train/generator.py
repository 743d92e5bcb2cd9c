"""Writes the training conversations: a system prompt, tools, and one or several tasks in a row. `python generator.py SEED N` prints N of them."""
import random
import sys

import tasks
import tools as toolbox
from chat import END_OF_TEXT, bot, segments, user
from material import *
from split import Nothing, TRAIN, cap, draw

NAMES = list(tasks.TASKS)
WEIGHTS = [tasks.WEIGHTS[n] for n in NAMES]
ARITHMETIC = {"add", "sub", "mul", "div", "wordproblem"}
TEST_TASKS = NAMES + ["longmemory", "tool_call", "tool_answer", "notool", "missing_tool", "plain"]

SYSTEM = ["You are a helpful assistant."] * 6 + ["You are a helpful assistant. Be brief.", "Answer briefly.", "You are a helpful AI assistant.", "You are a friendly assistant.", "Be concise.", "You are a helpful, honest and harmless assistant.", "You are a chatbot.", "Answer the questions of the user.", "You are an expert.",
          "You are a polite assistant. Answer in one sentence.", "You are the assistant of a small company. Help the customers.", "Help the user.", "You are a helpful assistant that answers in English.", "Today is a nice day. You are a helpful assistant.", "You are a helpful assistant with access to functions.", "You answer in plain text.", "You are an assistant. Do not make things up."]
NAMED = ["You are {b}, a helpful assistant.", "You are {b}.", "Your name is {b}. You are a small chat model.", "You are a chatbot named {b}.", "You are an assistant called {b}.", "Your name is {b}.", "You are {b}, a friendly assistant. Be brief."]
BOTS = "Tiny Nova Pixel Robo Echo Luna Orbit Spark Atlas Sage Willow Maple Cleo Max Ada Zed Iris Otto Milo Juno".split()


def rules(r):
    """A long system prompt, as applications have: they are read and change nothing."""
    xs = ["Always be polite.", "Never share private data.", "Answer in English.", "Do not use slang.", "Keep answers short.", "The office is open from 9 to 5.", "Customers can return goods within 30 days.", "Do not talk about competitors.", "Be precise with numbers.", "Ask when something is unclear.", "Use simple words.",
          "The shop sells books and lamps.", "Delivery takes three days.", "Do not invent facts.", "Call tools when they help.", "Never write code.", "Write whole sentences.", "The user is a customer.", "Our company was founded in a garage.", "Thank the user for the patience."]
    return "You are a helpful assistant. " + " ".join(r.sample(xs, r.randint(3, 14)))


def system_prompt(r, split, identity):
    """-> (system prompt or None, the name it gives the assistant or None)"""
    k = r.random()
    if k < (.55 if identity else .1):
        b = draw(r, split, lambda: r.choice(BOTS) if r.random() < .3 else r.choice(FIRST) if r.random() < .2 else cap(tasks.invented(r, 2)), lambda b: ("bot", b))
        return r.choice(NAMED).format(b=b), b
    if k < .48: return r.choice(SYSTEM), None
    if k < .53: return rules(r), None
    return None, None


def fill_up(r, chars, avoid=("memory", "identity")):
    """Exchanges of other tasks, about so many characters of text."""
    out, n = [], 0
    while n < chars:
        try:
            t = r.choices(NAMES, WEIGHTS)[0]
            if t in avoid: continue
            part = tasks.reading(r, TRAIN, r.randint(10, 40)) if r.random() < .06 else tasks.TASKS[t](r, TRAIN)
        except Nothing:
            continue
        out += part
        n += sum(len(m["content"]) for m in part) + 20 * len(part)
    return out


def long_memory(r, split, chars=None):
    """Something told at the beginning (sometimes in the system prompt's company), much talk, then the question."""
    between = fill_up(r, chars or r.choice((1500, 3000, 5500, 6500, 8000)))
    told, reply, asked, answer = tasks.memory_pair(r, split)
    before = fill_up(r, r.choice((0, 0, 0, 400)) or 1) if r.random() < .25 else []
    return before + [user(told), bot(reply)] + between + [user(asked), bot(answer)]


def conversation(r, split=TRAIN, task=None, chars=None):
    """-> dict(messages, tools, text, task). A plain text has `text` = (beginning, continuation) instead of messages.

    Training conversations chain up to five tasks; a test conversation is one task in the same surroundings.
    """
    while True:
        try:
            return _conversation(r, split, task, chars)
        except Nothing:
            pass


def _conversation(r, split, task, chars):
    if task == "plain" or task is None and r.random() < .06:
        return dict(text=tasks.plain_text(r, split), messages=None, tools=None, task="plain")
    system, bot_name = system_prompt(r, split, task == "identity")
    wants_tools = task in ("tool_call", "tool_answer", "notool") or task == "missing_tool" and r.random() < .6 or task is None and r.random() < .24
    tools = toolbox.toolbox(r, split) if wants_tools else []
    families = {t.family for t in tools}

    def run(t):
        if t in ("tool_call", "tool_answer"): return toolbox.use_tool(r, split, tools)
        if t == "missing_tool": return toolbox.missing_tool(r, split, tools)
        if t == "longmemory": return long_memory(r, split, chars)
        if t == "identity": return tasks.identity(r, split, bot_name)
        if bot_name and t == "smalltalk" or tools and t in ("smalltalk", "outside"): return talk_without(tools_block=bool(tools))
        return tasks.TASKS[t](r, split)

    def talk_without(tools_block):
        """Small talk about itself would contradict a given name; with tools, requests that a tool could serve are left out."""
        for _ in range(50):
            m = tasks.small_talk(r, split) if not (tools_block and r.random() < .3) else tasks.outside(r, split)
            q, a = m[0]["content"].lower(), m[1]["content"]
            if bot_name and ("spalier" in a or "spalier" in q): continue
            if tools_block and any(w in q for w in ("weather", "time", "rain", "search", "look up", "user", "flight", "price", "play", "light", "table", "remind", "translat", "recipe", "how do you say", "how do i say", "how far", "make", "cook", "message", "email", "call", "find", "order", "book", "calculate", "timer", "clock")) : continue
            return m
        raise Nothing

    if task == "notool": plan = [r.choice([n for n in NAMES if n not in ARITHMETIC or "calculator" not in families])]
    elif task: plan = [task]
    else:
        plan = []
        for _ in range(r.choice((1, 1, 2, 2, 3, 4, 5))):
            if tools and r.random() < .62: t = "tool_call"
            elif r.random() < .03: t = "missing_tool"
            elif r.random() < .015: t = "longmemory"
            else: t = r.choices(NAMES, WEIGHTS)[0]
            if t in ARITHMETIC and "calculator" in families or t == "memory" and plan: continue
            plan.append(t)
    messages = [{"role": "system", "content": system}] if system is not None else []
    for t in plan: messages += run(t)
    if not plan: raise Nothing
    if bot_name and any("spalier" in m["content"] for m in messages if m["role"] == "assistant") and "about" not in plan: raise Nothing
    return dict(messages=messages, tools=[t.definition for t in tools] or None, text=None, task=task or "+".join(plan))


def document(c):
    """A conversation as the training sees it: [(text, learned)]."""
    if c["text"]:
        return [(c["text"][0], True), (c["text"][1], True), (END_OF_TEXT, True)]
    return segments(c["messages"], c["tools"])


if __name__ == "__main__":
    r = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 3):
        print("".join(t for t, _ in document(conversation(r))), end="\n" + "-" * 60 + "\n")
