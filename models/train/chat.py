"""Messages, and how a conversation becomes text. `segments` (for training) and TEMPLATE (Jinja, for servers) write the same text; check_hf.py compares them."""
import json

IM_START, IM_END, END_OF_TEXT = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
SPECIAL = [END_OF_TEXT, IM_START, IM_END]                                   # ids 0, 1, 2; control tokens, skipped when decoding
MARKERS = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<tools>", "</tools>"]  # ids 3..8; single tokens, but part of the text

TOOL_INTRO = ("You can call these functions. To call one, answer with its name and arguments as JSON, like this:\n"
              "<tool_call>\n{\"name\": \"function\", \"arguments\": {\"key\": \"value\"}}\n</tool_call>\n<tools>\n")

TEMPLATE = r"""{%- set has_system = messages and messages[0].role == 'system' -%}
{%- if tools -%}
  {{- '<|im_start|>system\n' -}}
  {%- if has_system -%}{{- messages[0].content + '\n\n' -}}{%- endif -%}
  {{- 'You can call these functions. To call one, answer with its name and arguments as JSON, like this:\n<tool_call>\n{"name": "function", "arguments": {"key": "value"}}\n</tool_call>\n<tools>\n' -}}
  {%- for tool in tools -%}{{- tool | tojson + '\n' -}}{%- endfor -%}
  {{- '</tools><|im_end|>\n' -}}
{%- elif has_system -%}
  {{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' -}}
{%- endif -%}
{%- for message in messages -%}
  {%- if loop.first and message.role == 'system' -%}
  {%- elif message.role == 'tool' -%}
    {{- '<|im_start|>user\n<tool_response>\n' + message.content + '\n</tool_response><|im_end|>\n' -}}
  {%- elif message.role == 'assistant' and message.tool_calls -%}
    {{- '<|im_start|>assistant\n' -}}
    {%- if message.content -%}{{- message.content + '\n' -}}{%- endif -%}
    {%- for call in message.tool_calls -%}
      {%- set f = call.function if call.function else call -%}
      {%- if not loop.first -%}{{- '\n' -}}{%- endif -%}
      {{- '<tool_call>\n{"name": "' + f.name + '", "arguments": ' -}}
      {%- if f.arguments is string -%}{{- f.arguments -}}{%- else -%}{{- f.arguments | tojson -}}{%- endif -%}
      {{- '}\n</tool_call>' -}}
    {%- endfor -%}
    {{- '<|im_end|>\n' -}}
  {%- else -%}
    {{- '<|im_start|>' + message.role + '\n' + (message.content or '') + '<|im_end|>\n' -}}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}
"""


def to_json(x):
    return json.dumps(x, ensure_ascii=False)


def user(s):
    return {"role": "user", "content": s}


def bot(s, ok=None):
    """An answer; `ok` tells whether another answer is right too (else only exactly this one is)."""
    return {"role": "assistant", "content": s, "ok": ok}


def one_of(r, answers):
    return bot(r.choice(answers), set(answers).__contains__) if len(answers) > 1 else bot(answers[0])


def calls(*pairs):
    """An assistant turn of tool calls: (name, arguments) each."""
    return {"role": "assistant", "content": "", "ok": None,
            "tool_calls": [{"type": "function", "function": {"name": n, "arguments": a}} for n, a in pairs]}


def tool_result(s):
    return {"role": "tool", "content": s}


def answer_text(m):
    """What the model writes for an assistant message."""
    if "tool_calls" not in m:
        return m["content"]
    fs = [c["function"] for c in m["tool_calls"]]
    head = m["content"] + "\n" if m["content"] else ""
    return head + "\n".join(f'<tool_call>\n{{"name": "{f["name"]}", "arguments": {to_json(f["arguments"])}}}\n</tool_call>' for f in fs)


def segments(messages, tools):
    """-> [(text, learned)]; learned are the assistant's words with their <|im_end|>."""
    out = []
    system = messages[0]["content"] if messages and messages[0]["role"] == "system" else None
    if tools:
        head = system + "\n\n" if system is not None else ""
        out.append((f"{IM_START}system\n{head}{TOOL_INTRO}" + "".join(to_json(t) + "\n" for t in tools) + f"</tools>{IM_END}\n", False))
    elif system is not None:
        out.append((f"{IM_START}system\n{system}{IM_END}\n", False))
    for m in messages[1:] if system is not None else messages:
        if m["role"] == "tool":
            out.append((f"{IM_START}user\n<tool_response>\n{m['content']}\n</tool_response>{IM_END}\n", False))
        elif m["role"] == "assistant":
            out += [(f"{IM_START}assistant\n", False), (answer_text(m) + IM_END, True), ("\n", False)]
        else:
            out.append((f"{IM_START}{m['role']}\n{m['content']}{IM_END}\n", False))
    return out


def prompt(messages, tools):
    return "".join(s for s, _ in segments(messages, tools)) + f"{IM_START}assistant\n"


def plain_messages(messages):
    """Without the fields that only the generator uses, as a client would send them."""
    return [{k: v for k, v in m.items() if k != "ok"} for m in messages]
