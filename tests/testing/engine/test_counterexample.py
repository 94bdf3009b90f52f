import ast

import torch

from creditlib.testing.engine.counterexample import callable_name, code_of
from creditlib.testing.engine.trial import BrokenError, Call
from creditlib.testing.subject import subject_of

HALF = (torch.tensor([0.5]),)


def calls(*batches, results=HALF, options=None):
    return tuple(Call(batch, options or {}, results) for batch in batches)


def test_a_second_call_states_only_what_is_other():
    first = {"reward": torch.tensor([1.0]), "group": torch.tensor([0])}
    second = {"reward": torch.tensor([2.0]), "group": torch.tensor([0])}
    broken = BrokenError("s", subject_of("rloo", {}), calls(first, second))
    assert code_of(broken).splitlines() == [
        "reward = torch.tensor([1.0])",
        "group = torch.tensor([0])",
        "rloo(reward=reward, group=group)",
        "# [0.5]",
        "reward = torch.tensor([2.0])",
        "rloo(reward=reward, group=group)",
        "# [0.5]",
    ]


def test_an_error_is_a_comment_of_one_line():
    batch = {"reward": torch.tensor([1.0])}
    broken = BrokenError("s", subject_of("rloo", {}), calls(batch, results="ValueError: a\nb"))
    assert code_of(broken).splitlines()[-1] == "# raises ValueError: a"


def test_a_call_of_many_arguments_is_wrapped_and_can_be_read_by_python():
    names = [f"a_rather_long_name_{number}" for number in range(9)]
    options = {name: number for number, name in enumerate(names)}
    batch = {"reward": torch.tensor([1.0])}
    code = code_of(BrokenError("s", subject_of("rloo", {}), calls(batch, options=options)))
    assert max(map(len, code.splitlines())) <= 97
    call = ast.parse(code).body[1].value
    assert [keyword.arg for keyword in call.keywords] == ["reward", *names]


def test_an_option_with_commas_and_containers_can_be_pasted():
    options = {"text": "a, " * 40, "nested": {"low": float("-inf"), "of": [(1,), "b, c"]}}
    batch = {"reward": torch.tensor([1.0])}
    code = code_of(BrokenError("s", subject_of("rloo", {}), calls(batch, options=options)))
    given = {}
    exec(code, {"torch": torch, "rloo": given.update})
    assert {name: given[name] for name in options} == options
    assert torch.equal(given["reward"], batch["reward"])


def test_results_that_look_alike_get_all_their_digits():
    first, second = (torch.tensor([1 / 3]),), (torch.tensor([1 / 3 + 1e-7]),)
    batch = {"reward": torch.tensor([1.0])}
    both = (Call(batch, {}, first), Call(batch, {}, second))
    assert code_of(BrokenError("s", subject_of("rloo", {}), both)).splitlines()[1:] == [
        *("rloo(reward=reward)", "# [0.33333334]", "rloo(reward=reward)", "# [0.33333343]")
    ]


def test_what_a_call_wrote_is_printed_below_it_and_assigned_again():
    batch, after = {"reward": torch.tensor([1.0])}, {"reward": torch.tensor([2.0])}
    both = (Call(batch, {}, HALF, written=after), Call(batch, {}, HALF))
    assert code_of(BrokenError("s", subject_of("rloo", {}), both)).splitlines() == [
        *("reward = torch.tensor([1.0])", "rloo(reward=reward)", "# [0.5]", "reward", "# [2]"),
        *("reward = torch.tensor([1.0])", "rloo(reward=reward)", "# [0.5]"),
    ]


def test_a_function_without_a_name_of_its_own_is_called_function():
    from creditlib.vocabulary import Reward

    class Estimator:
        def __call__(self, *, reward: Reward):
            return reward

    assert callable_name(subject_of(Estimator(), {})) == "function"


def test_lines_of_its_own_are_taken_as_they_are():
    assert code_of(BrokenError("s", subject_of("rloo", {}), (), "some = 'code'")) == "some = 'code'"
