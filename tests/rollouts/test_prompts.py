from creditlib.rollouts.prompts import PromptNumbers


def test_equal_prompts_share_a_number_within_a_step():
    numbers = PromptNumbers()
    drawn = [(1, "a"), (1, "b"), (1, "a"), (2, "b"), (2, "a"), (1, "c")]
    assert [numbers.of(step, prompt) for step, prompt in drawn] == [1, 2, 1, 1, 2, 3]


def test_a_prompt_may_be_messages():
    numbers = PromptNumbers()
    first, second = [{"role": "user", "content": "a"}], [{"content": "a", "role": "user"}]
    assert numbers.of(1, first) == numbers.of(1, second) == 1
