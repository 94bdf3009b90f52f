import pickle
import traceback

import torch

import creditlib as cl
from creditlib.vocabulary.messages import (
    check_choice,
    contract_error,
    describe_value,
    error_line,
    one_line,
)


def test_the_error_is_named_after_the_package_that_users_import():
    error = contract_error("grpo", "group", "int[batch]", "list")
    lines = traceback.format_exception_only(type(error), error)
    assert lines == ["creditlib.ContractError: grpo: `group` must be int[batch], got list.\n"]
    assert isinstance(error, cl.ContractError)
    assert isinstance(error, ValueError)


def test_the_error_survives_pickling():
    """A rank or a worker process sends it to another process."""
    error = pickle.loads(pickle.dumps(contract_error("grpo", "group", "int[batch]", "list")))
    assert type(error) is cl.ContractError
    assert str(error) == "grpo: `group` must be int[batch], got list."


def test_a_value_is_described_by_its_type():
    class Other:
        pass

    assert describe_value(Other()).endswith("Other")
    assert describe_value("a") == "str"
    assert describe_value(None) == "None"
    assert describe_value(torch.zeros(2, 1, dtype=torch.int8)) == "torch.int8 (2, 1)"
    assert describe_value(torch.zeros(2).to_sparse()) == "torch.sparse_coo"


def test_terminal_text_has_no_control_characters():
    assert one_line("a\nb\r\x1b]0;title\x07c\u202ed") == "a b ]0;title c d"
    assert error_line(ValueError("a\n\nb")) == "ValueError: a b"
    assert error_line(KeyboardInterrupt()) == "KeyboardInterrupt"


def test_a_wrong_choice_is_refused_with_the_nearest_one(refusal):
    check_choice("f", "scale", None, ("std", None))
    assert refusal(check_choice, "f", "scale", "sdt", ("std", None)) == (
        "f: `scale` must be one of 'std', None, got 'sdt' (did you mean 'std'?)."
    )
    assert refusal(check_choice, "f", "scale", 3, ("std", None)) == (
        "f: `scale` must be one of 'std', None, got 3."
    )
