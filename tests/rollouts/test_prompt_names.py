from creditlib.rollouts.prompt_names import prompt_name


def test_equal_prompts_share_a_name_whatever_the_order_of_their_keys():
    first = [{"role": "user", "content": "7*8?"}]
    assert prompt_name(first) == prompt_name([{"content": "7*8?", "role": "user"}])
    assert prompt_name(first) != prompt_name([{"role": "user", "content": "6*6?"}])
    assert prompt_name(first) == prompt_name(first[:])
    assert prompt_name("\ud83d").startswith("prompt ")
    assert len(prompt_name("7*8?")) == len("prompt ") + 16
