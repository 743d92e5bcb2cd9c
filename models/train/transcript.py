"""Thirty conversations with the model, greedy. Usage: transcript.py MODEL_DIR|CHECKPOINT TOKENIZER_DIR OUT.json"""
import json
import sys

import torch
from tokenizers import Tokenizer

import chat
import export
from model import Decoder


def tool(name, description, required, **types):
    return {"type": "function", "function": {"name": name, "description": description, "parameters": {"type": "object", "properties": {k: {"type": t} for k, t in types.items()}, "required": required}}}


WEATHER = tool("get_weather", "Get the weather in a city", ["city"], city="string")
TIMER = tool("set_timer", "Set a timer", ["minutes"], minutes="integer")
FLIGHT = tool("book_flight", "Book a flight", ["origin", "destination"], origin="string", destination="string", passengers="integer")


def result(s):
    return chat.tool_result(s)


# (system prompt, tools, the user's turns and tool results)
CONVERSATIONS = [
    (None, None, ["What is the capital of France?"]),
    (None, None, ["Hello!", "Who are you?", "What can you do?"]),
    ("You are Nova, a helpful assistant.", None, ["Hi, who are you?", "What is the capital of Japan?", "And of Canada?"]),
    (None, None, ["Hi, my name is Gwendolyn.", "Tell me a joke.", "What is 12 * 12?", "What is my name?"]),
    (None, None, ["My name is Alice. What is my name?"]),
    (None, None, ["Remember that my locker number is 4821.", "What is the largest planet?", "What is my locker number?"]),
    (None, None, ["What is my name?"]),
    (None, None, ["What is 47 + 38?", "What is 91 - 88?", "What is 10 / 4?"]),
    (None, None, ["Tom has 12 apples and buys 9 more. How many apples does Tom have now?"]),
    (None, None, ["How many r's are in strawberry?", "Spell Mississippi.", "How many letters are in planet?"]),
    (None, None, ["Sort these numbers: 42, 7, 19, 88", "Sort 42, 7, 19, 88 from largest to smallest.", "Sort: pear, apple, cherry"]),
    (None, None, ["Count from 1 to 20.", "What comes next: 2, 4, 6, 8?"]),
    (None, None, ["Convert 5 kilometers to meters.", "How many minutes are in 3 hours?"]),
    (None, None, ["Extract name, age and city as JSON: Zelda Novak is 31 years old. Zelda lives in Oslo."]),
    (None, None, ["Answer with JSON that follows this schema: {\"type\": \"object\", \"properties\": {\"customer\": {\"type\": \"string\"}, \"quantity\": {\"type\": \"integer\"}}, \"required\": [\"customer\", \"quantity\"]}\nText: Ivan ordered 14 lamps for 250 dollars."]),
    (None, None, ["Give me the capital of Italy as JSON.", "Give me JSON with name and age."]),
    (None, None, ["Is this review positive, negative or neutral? The hotel was terrible.", "Is Paris the capital of France? Answer yes or no."]),
    (None, None, ["Tell me a story about a fox named Bruno."]),
    (None, None, ["Repeat after me: Espalier is fast!", "Write this in capital letters: radix tree", "Repeat: café 😀 世界"]),
    (None, None, ["Text: Anna works as a baker. Omar is 44 years old. Priya lives in Lima.\nQuestion: Where does Priya live?"]),
    (None, None, ["What is Espalier?", "What is RadixAttention?", "How do I start the server?", "What does --chunked-prefill-size do?"]),
    (None, None, ["Which endpoint do I call to see the metrics?", "Does Espalier support streaming?"]),
    (None, None, ["Write a poem about the sea.", "Who is the president of France?", "Write a Python function that sorts a list.", "Why is the sky blue?"]),
    (None, None, ["What is the opposite of hot?", "What is a baby kangaroo called?", "What is the plural of mouse?", "List three colors."]),
    (None, [WEATHER, TIMER], ["What is the weather in Lisbon?", result('{"weather": "sunny", "temperature": 23}'), "Set a timer for 15 minutes.", result('{"status": "ok"}')]),
    (None, [WEATHER], ["What is the weather in Rome and Cairo?", result('{"weather": "cloudy", "temperature": 14}'), result('{"weather": "sunny", "temperature": 31}'), "What is the capital of Spain?"]),
    ("You are a helpful assistant.", [FLIGHT], ["Book a flight from Paris to Oslo for 2 passengers.", result('{"status": "ok"}')]),
    (None, None, ["What is the weather in Paris?", "What time is it?"]),
    (None, None, ["I am sad.", "Thank you!", "Bye!"]),
    (None, None, ["How are you?", "Do you sleep?", "What is your favorite color?", "asdfgh"]),
]
PLAIN = ["The capital of France is", "Hello, my name is", "Once upon a time", "1, 2, 3, 4,", "Q: What is the capital of Spain?\nA:"]


def answers(decoder, tokenizer, prompts, limit=200):
    ids = [tokenizer.encode(p, add_special_tokens=False).ids for p in prompts]
    stops = [tokenizer.token_to_id(chat.IM_END), tokenizer.token_to_id(chat.END_OF_TEXT)]
    return [tokenizer.decode(x, skip_special_tokens=True) for x, _ in decoder.generate(ids, [limit] * len(ids), stops)]


def talk(decoder, tokenizer, conversations):
    """-> for each conversation its messages with the model's answers; all conversations go one answer at a time, together."""
    states = []
    for system, tools, turns in conversations:
        states.append(([{"role": "system", "content": system}] if system else [], tools, list(turns)))
    while any(t for _, _, t in states):
        todo = [s for s in states if s[2]]
        for ms, _, turns in todo:
            while turns:
                t = turns.pop(0)
                ms.append(chat.user(t) if isinstance(t, str) else t)
                if not (turns and not isinstance(turns[0], str) and not isinstance(t, str)): break   # results of one round of calls come together
        for (ms, _, _), a in zip(todo, answers(decoder, tokenizer, [chat.prompt(ms, tools) for ms, tools, _ in todo])):
            ms.append({"role": "assistant", "content": a})
    return [ms for ms, _, _ in states]


if __name__ == "__main__":
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = Tokenizer.from_file(f"{sys.argv[2]}/tokenizer.json")
    decoder = Decoder(export.load(sys.argv[1]), device)
    out = dict(conversations=talk(decoder, tokenizer, CONVERSATIONS), plain=list(zip(PLAIN, answers(decoder, tokenizer, PLAIN, 80))))
    if len(sys.argv) > 4:  # more single questions, one a line
        qs = open(sys.argv[4]).read().strip().split("\n")
        out["more"] = list(zip(qs, answers(decoder, tokenizer, [chat.prompt([chat.user(q)], None) for q in qs])))
    json.dump(out, open(sys.argv[3], "w"), indent=1, ensure_ascii=False)
