#!/usr/bin/env python3
"""Drives a running server with the openai client, as its users do.

    python3 openai_client.py [http://127.0.0.1:30000] [--api-key KEY]

Needs the package `openai`. Prints a line for each check that fails, and at the end
'N passed, N failed'; exits with 1 when one failed.
"""

import argparse
import asyncio
import math
import sys
import traceback

import openai

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def refused(error, call):
    """Runs `call`, which has to raise `error`, and returns the error."""
    try:
        call()
    except error as e:
        return e
    raise AssertionError(f"no {error.__name__} was raised")


@check
def chat_answers_in_full(client, model):
    answer = client.chat.completions.create(model=model, messages=QUESTION, max_tokens=16, temperature=0)
    choice = answer.choices[0]
    expect(answer.object == "chat.completion", answer.object)
    expect(choice.message.role == "assistant", choice.message.role)
    expect(choice.message.content, "the answer is empty")
    expect(choice.finish_reason in ("stop", "length"), choice.finish_reason)
    usage = answer.usage
    expect(usage.prompt_tokens > 0 and 0 < usage.completion_tokens <= 16, usage)
    expect(usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage)


@check
def a_stream_equals_the_whole_answer(client, model):
    arguments = dict(model=model, messages=QUESTION, max_tokens=24, temperature=0)
    whole = client.chat.completions.create(**arguments)
    text, roles, reasons, usage = "", [], [], None
    for chunk in client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **arguments):
        if not chunk.choices:
            usage = chunk.usage
            continue
        delta = chunk.choices[0].delta
        text += delta.content or ""
        roles += [delta.role] if delta.role else []
        reasons += [chunk.choices[0].finish_reason] if chunk.choices[0].finish_reason else []
    expect(text == whole.choices[0].message.content, (text, whole.choices[0].message.content))
    expect(roles == ["assistant"], roles)
    expect(reasons == [whole.choices[0].finish_reason], reasons)
    expect(usage is not None and usage.completion_tokens == whole.usage.completion_tokens, usage)


@check
def the_stream_helper_of_the_client_works(client, model):
    with client.chat.completions.stream(model=model, messages=QUESTION, max_tokens=16, temperature=0) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    expect(final.choices[0].message.content, "the answer is empty")


@check
def the_same_seed_gives_the_same_text(client, model):
    texts = {
        client.chat.completions.create(
            model=model, messages=QUESTION, max_tokens=16, temperature=1, seed=7
        ).choices[0].message.content
        for _ in range(3)
    }
    expect(len(texts) == 1, texts)


@check
def several_choices_are_numbered(client, model):
    answer = client.chat.completions.create(model=model, messages=QUESTION, max_tokens=8, n=3, temperature=1, seed=1)
    expect([c.index for c in answer.choices] == [0, 1, 2], answer.choices)
    stream = client.chat.completions.create(
        model=model, messages=QUESTION, max_tokens=8, n=2, temperature=0, stream=True
    )
    texts = {}
    for chunk in stream:
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
    expect(len(texts) == 2 and texts[0] == texts[1], texts)


@check
def log_probabilities_are_probabilities_of_the_text(client, model):
    answer = client.chat.completions.create(
        model=model, messages=QUESTION, max_tokens=8, temperature=0, logprobs=True, top_logprobs=3
    )
    content = answer.choices[0].logprobs.content
    expect(len(content) > 0, "no tokens")
    for token in content:
        expect(token.logprob <= 1e-4, token)
        expect(len(token.top_logprobs) == 3, token)
        expect(sum(math.exp(t.logprob) for t in token.top_logprobs) <= 1.001, token)
        expect(abs(token.top_logprobs[0].logprob - token.logprob) < 1e-3, "greedy is the likeliest")
    said = b"".join(bytes(t.bytes) for t in content)
    expect(answer.choices[0].message.content.strip().encode() in said, (said, answer.choices[0].message.content))


@check
def a_stop_string_ends_the_answer_before_itself(client, model):
    arguments = dict(model=model, messages=QUESTION, max_tokens=24, temperature=0)
    whole = client.chat.completions.create(**arguments).choices[0].message.content
    stop = whole[len(whole) // 2 :][:3]
    cut = client.chat.completions.create(stop=[stop], **arguments).choices[0]
    expect(cut.message.content == whole[: whole.index(stop)], (stop, cut.message.content, whole))
    expect(cut.finish_reason == "stop", cut.finish_reason)
    streamed = "".join(
        c.choices[0].delta.content or ""
        for c in client.chat.completions.create(stop=stop, stream=True, **arguments)
    )
    expect(streamed == cut.message.content, (streamed, cut.message.content))


@check
def a_length_of_one_is_one_token(client, model):
    answer = client.chat.completions.create(model=model, messages=QUESTION, max_completion_tokens=1, temperature=0)
    expect(answer.usage.completion_tokens == 1, answer.usage)
    expect(answer.choices[0].finish_reason == "length", answer.choices[0].finish_reason)


@check
def parts_of_text_and_several_turns_are_understood(client, model):
    messages = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "What is the capital of France?"},
    ]
    answer = client.chat.completions.create(model=model, messages=messages, max_tokens=16, temperature=0)
    expect(answer.choices[0].message.content, "the answer is empty")


@check
def extensions_of_sglang_are_accepted(client, model):
    answer = client.chat.completions.create(
        model=model,
        messages=QUESTION,
        max_tokens=8,
        extra_body={"top_k": 1, "min_p": 0.0, "ignore_eos": True, "min_tokens": 8, "rid": "client-check"},
    )
    expect(answer.id == "client-check", answer.id)
    expect(answer.usage.completion_tokens == 8, answer.usage)


@check
def completions_answer_one_and_many(client, model):
    one = client.completions.create(model=model, prompt="Once upon a time", max_tokens=8, temperature=0)
    expect(one.object == "text_completion" and len(one.choices) == 1, one)
    many = client.completions.create(
        model=model, prompt=["Once upon a time", "Once upon a time"], max_tokens=8, temperature=0, n=1
    )
    expect([c.text for c in many.choices] == [one.choices[0].text] * 2, many)
    echo = client.completions.create(model=model, prompt="Once upon", max_tokens=4, temperature=0, echo=True)
    expect(echo.choices[0].text.startswith("Once upon"), echo.choices[0].text)


@check
def a_streamed_completion_equals_the_whole(client, model):
    arguments = dict(model=model, prompt="Once upon a time", max_tokens=12, temperature=0)
    whole = client.completions.create(**arguments).choices[0].text
    streamed = "".join(c.choices[0].text for c in client.completions.create(stream=True, **arguments))
    expect(streamed == whole, (streamed, whole))


@check
def completions_have_log_probabilities(client, model):
    answer = client.completions.create(model=model, prompt="Once upon", max_tokens=4, temperature=0, logprobs=2)
    logprobs = answer.choices[0].logprobs
    expect(len(logprobs.tokens) == len(logprobs.token_logprobs) == answer.usage.completion_tokens, logprobs)
    expect(all(len(t) == 2 for t in logprobs.top_logprobs), logprobs.top_logprobs)


@check
def models_are_listed_and_found(client, model):
    names = [m.id for m in client.models.list()]
    expect(model in names, names)
    expect(client.models.retrieve(model).id == model, model)
    error = refused(openai.NotFoundError, lambda: client.models.retrieve("no-such-model"))
    expect(error.code == "model_not_found", error.code)


@check
def the_model_field_may_name_anything(client, model):
    answer = client.chat.completions.create(model="whatever", messages=QUESTION, max_tokens=1)
    expect(answer.model == "whatever", answer.model)


@check
def what_is_wrong_is_a_bad_request(client, model):
    create = client.chat.completions.create
    for arguments, part in [
        (dict(messages=[]), "Messages cannot be empty"),
        (dict(messages=QUESTION, max_tokens=0), "max_tokens"),
        (dict(messages=QUESTION, max_tokens=-1), "max_tokens"),
        (dict(messages=QUESTION, temperature=-1), "temperature"),
        (dict(messages=QUESTION, top_p=2), "top_p"),
        (dict(messages="hello"), "messages"),
        (dict(messages=[{"role": "user", "content": "word " * 100_000}]), "context length"),
        (dict(messages=QUESTION, extra_body={"logit_bias": {"x": 1}}), "logit_bias"),
    ]:
        error = refused(openai.BadRequestError, lambda: create(model=model, **arguments))
        expect(part in error.message, error.message)
        expect(error.status_code == 400, error.status_code)
        expect(error.type == "invalid_request_error", error.type)


@check
def an_unknown_path_is_not_found(client, model):
    refused(openai.NotFoundError, lambda: client.post("/no/such/path", cast_to=object, body={}))


@check
def a_stream_that_is_left_does_not_hold_the_server(client, model):
    for _ in range(4):
        stream = client.chat.completions.create(
            model=model, messages=QUESTION, max_tokens=64, stream=True, extra_body={"ignore_eos": True}
        )
        next(iter(stream))
        stream.close()
    chat_answers_in_full(client, model)


@check
def many_at_once_are_answered_as_one_alone(client, model):
    arguments = dict(model=model, messages=QUESTION, max_tokens=12, temperature=0)
    alone = client.chat.completions.create(**arguments).choices[0].message.content

    async def all_at_once():
        async with openai.AsyncOpenAI(base_url=client.base_url, api_key=client.api_key) as many:
            answers = await asyncio.gather(*(many.chat.completions.create(**arguments) for _ in range(16)))
        return {a.choices[0].message.content for a in answers}

    expect(asyncio.run(all_at_once()) == {alone}, alone)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:30000")
    parser.add_argument("--api-key", default="none")
    arguments = parser.parse_args()
    client = openai.OpenAI(base_url=arguments.url + "/v1", api_key=arguments.api_key, max_retries=0, timeout=120)
    model = client.models.list().data[0].id
    failed = 0
    for function in CHECKS:
        try:
            function(client, model)
        except Exception:
            failed += 1
            print(f"FAILED {function.__name__.replace('_', ' ')}")
            traceback.print_exc(limit=-2)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
