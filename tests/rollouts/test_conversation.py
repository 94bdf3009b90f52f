import pytest

from creditlib.rollouts.conversation import (
    conversation_turns,
    dialogue_turns,
    has_placeholder,
    texts_of,
)

QUESTION = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "7*8?"}]


def call(name, arguments):
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


def turns(completion, prompt=QUESTION):
    return conversation_turns(prompt, completion, "x row 1")


def assistant(content, **more):
    return {"role": "assistant", "content": content, **more}


def test_texts_are_one_turn():
    assert turns("56", "7*8?") == [{"observation": "7*8?", "text": "56"}]
    assert turns(None, "7*8?") == [{"observation": "7*8?", "text": None}]
    assert turns("56") == [{"observation": "7*8?", "text": "56"}]


def test_messages_of_the_assistant_are_turns_and_what_lies_between_is_observed():
    completion = [
        assistant("I count.", tool_calls=[call("times", {"a": 7, "b": 8})]),
        {"role": "tool", "name": "times", "content": "56"},
        {"role": "user", "content": "Sure?"},
        assistant("Yes."),
        assistant("56."),
        {"role": "tool", "content": "nobody reads this"},
    ]
    assert turns(completion) == [
        {"observation": "7*8?", "text": 'I count.\ntimes({"a": 7, "b": 8})'},
        {"observation": "56\nSure?", "text": "Yes."},
        {"observation": None, "text": "56."},
    ]
    assert turns(completion, "7*8?")[0]["observation"] == "7*8?"


def test_no_message_is_no_turn():
    assert turns([]) == []
    assert turns([{"role": "tool", "content": "x"}]) == []


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (assistant(None), ""),
        ({"role": "assistant"}, ""),
        (assistant([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), "a\nb"),
        (assistant([{"type": "image", "text": None}, "b"]), "[image]\nb"),
        (assistant([{"type": None, "text": "a"}]), "a"),
        (assistant([{"type": None, "text": None}]), "[part]"),
        (assistant("56", reasoning_content="7 times 8"), "7 times 8\n56"),
        (assistant("56", thinking="hm", reasoning_content=None), "hm\n56"),
        (assistant("56", tool_calls=None), "56"),
        (assistant(None, tool_calls=[call("go", None)]), "go()"),
        (assistant(None, tool_calls=[call("go", '{"n": 1}')]), 'go({"n": 1})'),
        (assistant(None, tool_calls=[{"name": "go", "arguments": {"n": 1}}]), 'go({"n": 1})'),
        (assistant(None, tool_calls=[call(None, {})]), "tool({})"),
    ],
)
def test_what_the_assistant_wrote(message, text):
    assert turns([message]) == [{"observation": "7*8?", "text": text}]


def test_keys_that_parquet_fills_with_null_change_nothing():
    filled = assistant(
        None,
        name=None,
        reasoning_content=None,
        tool_calls=[
            call("walk", {"steps": 1, "city": None, "by": [{"car": None, "bus": 2}]}),
            call("rain", {"steps": None, "city": "Rome", "by": None}),
        ],
    )
    plain = assistant(
        None,
        tool_calls=[call("walk", {"steps": 1, "by": [{"bus": 2}]}), call("rain", {"city": "Rome"})],
    )
    assert turns([filled]) == turns([plain])


def test_placeholders():
    picture = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "x"}]}]
    assert turns("a dog", picture)[0]["observation"] == "[image]\nx"
    assert has_placeholder(picture)
    assert not has_placeholder(QUESTION)
    assert not has_placeholder("text")


@pytest.mark.parametrize(
    ("prompt", "completion", "sentence"),
    [
        ([], "x", "`prompt` must be a text or a list of messages, got [] in x row 1."),
        (None, "x", "`prompt` must be a text or a list of messages, got None in x row 1."),
        ("q", 7, "`completion` must be a text or a list of messages, got 7 in x row 1."),
        (
            "q",
            [assistant("a"), "b"],
            "`completion` must be a list of messages with a `role`, got 'b' in x row 1 completion "
            "message 1.",
        ),
        (
            "q",
            [{"content": "a"}],
            "`completion` must be a list of messages with a `role`, got {'content': 'a'} in x row "
            "1 completion message 0.",
        ),
        (
            "q",
            [assistant(7)],
            "`content` must be a text, null or a list of parts, got 7 in x row 1 completion "
            "message 0.",
        ),
        (
            [{"role": "user", "content": [7]}],
            "a",
            "`content` must be a text, null or a list of parts, got 7 in x row 1 prompt message 0.",
        ),
        (
            "q",
            [assistant("a", tool_calls=["go"])],
            "`tool_calls` must be a list of objects, got 'go' in x row 1 completion message 0.",
        ),
    ],
)
def test_what_is_no_conversation_is_refused(prompt, completion, sentence, refusal):
    assert refusal(turns, completion, prompt) == f"rollouts: {sentence}"


def test_a_dialogue_is_the_turns_of_the_assistant_with_what_precedes_each():
    """The system counts only where nothing else precedes the first turn."""
    system = {"role": "system", "content": "Be brief."}
    user = {"role": "user", "content": "7*8?"}
    tool = {"role": "tool", "content": "56"}
    found = dialogue_turns([system, user, assistant("a"), tool, user, assistant("b")], "m", "x")
    assert [(turn["observation"], turn["text"]) for turn in found] == [
        ("7*8?", "a"),
        ("56\n7*8?", "b"),
    ]
    only = dialogue_turns([system, assistant("a"), assistant("b")], "m", "x")
    assert [turn["observation"] for turn in only] == ["Be brief.", None]
    assert dialogue_turns([assistant("a")], "m", "x")[0]["observation"] is None


def test_of_a_prompt_counts_what_follows_its_last_answer():
    user = {"role": "user", "content": "7*8?"}
    shots = [{"role": "user", "content": "1+1?"}, assistant("2")]
    assert texts_of([*shots, user], "p", "x") == ["7*8?"]
    assert texts_of(shots, "p", "x") == []
    assert texts_of("7*8?", "p", "x") == ["7*8?"]
    assert texts_of(None, "p", "x") == texts_of("", "p", "x") == []
    assert dialogue_turns("a", "m", "x", before=shots) == [{"observation": None, "text": "a"}]


def test_a_function_of_a_call_may_be_a_name_alone():
    call = {"function": "multiply", "arguments": {"a": 7}}
    found = dialogue_turns([assistant("", tool_calls=[call])], "m", "x")
    assert found[0]["text"] == 'multiply({"a": 7})'
