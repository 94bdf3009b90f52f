"""Faults of the short way: what is absent, what is shared, and what has a loop of its own."""

from mutants.mutants_machine import Mutant, by_hand

MUTANTS = [
    Mutant(
        "gradients stay switched off after a refusal",
        "vocabulary/contract.py",
        "    finally:\n        torch.set_grad_enabled(True)\n",
        "    finally:\n        pass\n",
        "grpo",
        by_hand(
            "vocabulary/test_contract.py", "test_a_call_leaves_the_switch_of_gradients_as_it_was"
        ),
    ),
    Mutant(
        "nobody takes part where no selection is given",
        "ops/groups/reference.py",
        "where = torch.ones_like(x, dtype=torch.bool)",
        "where = torch.zeros_like(value, dtype=torch.bool)",
        "rloo",
        by_hand("estimators/trajectory/test_rloo.py"),
    ),
    Mutant(
        "the loop of a method stands in for options that it does not know",
        "estimators/turn/gigpo.py",
        "    if invalid_action is None and leave_out is None and",
        "    if invalid_action is None and",
        "gigpo",
        by_hand("ops/fused/test_fused.py", "test_what_has_no_loop_runs_in_steps"),
    ),
    Mutant(
        "a loop rounds float64 to float32",
        "ops/backend/numba_arrays.py",
        "        if x is not None and x.dtype is torch.float64:\n            break",
        "        if x is not None and x.dtype is torch.int64:\n            break",
        "grpo",
        by_hand(
            "ops/backend/test_numba_arrays.py",
            "test_a_result_has_the_dtype_of_its_inputs_and_warns_of_nothing",
        ),
    ),
]
