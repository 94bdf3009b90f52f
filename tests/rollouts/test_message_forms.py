import pytest

from creditlib.rollouts.message_forms import as_messages, response_messages

REASONING = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "I look."}]}
CALL = {"type": "function_call", "name": "look", "arguments": '{"at": "door"}'}
RESULT = {"type": "function_call_output", "output": "locked"}
MESSAGE = {"type": "message", "role": "assistant", "content": [{"text": "It is locked."}]}


def roles(items):
    return [message["role"] for message in response_messages(items, "output", "x").messages]


def test_the_senders_of_sharegpt_are_roles():
    senders = ["system", "human", "function_call", "observation", "gpt"]
    found = as_messages([{"from": name, "value": name} for name in senders], "conversations", "x")
    wanted = ["system", "user", "assistant", "tool", "assistant"]
    assert [(message["role"], message["content"]) for message in found] == list(
        zip(wanted, senders, strict=True)
    )


def test_a_sender_that_is_not_known_is_named(refusal):
    found = refusal(as_messages, [{"from": "alien", "value": ""}], "conversations", "x line 1")
    assert found.startswith("rollouts: `conversations` must be messages whose `from` is one of ")
    assert found.endswith("got 'alien' in x line 1 conversations message 0.")


def test_messages_with_roles_stay_as_they_are():
    messages = [{"role": "user", "content": "7*8?", "from": None}, "odd"]
    assert as_messages(messages, "messages", "x") == messages
    assert as_messages("56", "messages", "x") == "56"


def test_reasoning_a_message_and_calls_in_a_row_are_one_answer():
    found = response_messages([REASONING, MESSAGE, CALL, CALL, RESULT, RESULT], "output", "x")
    answer, *results = found.messages
    assert answer["reasoning_content"] == "I look."
    assert answer["content"] == MESSAGE["content"]
    assert [call["name"] for call in answer["tool_calls"]] == ["look", "look"]
    assert [(each["role"], each["content"]) for each in results] == [("tool", "locked")] * 2
    assert found.tokens == [None]


def test_a_message_behind_an_answer_is_the_next_answer():
    assert roles([MESSAGE, MESSAGE]) == ["assistant", "assistant"]
    assert roles([CALL, REASONING, CALL]) == ["assistant", "assistant"]
    assert roles([REASONING, CALL, RESULT, MESSAGE]) == ["assistant", "tool", "assistant"]


def test_token_ids_end_an_answer_and_stay_with_it():
    """The ids stand in the last item of an answer: 3 and 2 tokens."""
    items = [
        REASONING,
        {**CALL, "generation_token_ids": [4, 5, 6]},
        {**CALL, "generation_token_ids": [7, 8]},
    ]
    found = response_messages(items, "output", "x")
    assert found.tokens == [[4, 5, 6], [7, 8]]
    assert len(found.messages) == 2


def test_lists_of_items_texts_and_calls_of_the_provider():
    assert roles([[CALL, RESULT], [MESSAGE]]) == ["assistant", "tool", "assistant"]
    assert roles("7*8?") == ["user"]
    assert roles([{"type": "web_search_call"}]) == ["assistant"]
    assert as_messages([CALL, RESULT], "messages", "x")[1]["content"] == "locked"
    numbers = response_messages([{**RESULT, "output": 7}], "output", "x").messages
    assert numbers[0]["content"] == "7"


@pytest.mark.parametrize(
    ("items", "sentence"),
    [
        (7, "a list of items, got 7 in x."),
        (["a"], "a list of items, which are objects, got 'a' in x output item 0."),
        ([{"id": 1}], "items with a `type` or a `role`, got {'id': 1} in x output item 0."),
    ],
)
def test_items_of_another_kind_are_refused(items, sentence, refusal):
    found = refusal(response_messages, items, "output", "x")
    assert found == f"rollouts: `output` must be {sentence}"
