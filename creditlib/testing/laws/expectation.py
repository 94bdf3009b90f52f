"""The law of the expected gradient, exact: over all groups of a small environment."""

from __future__ import annotations

import torch

from creditlib.testing.engine.law import Law, law
from creditlib.testing.engine.trial import Trial
from creditlib.testing.exact_gradient import enumerate_groups
from creditlib.testing.subject import Subject
from creditlib.testing.tolerances import tolerance

__all__ = ["LAWS"]


def _enumerable(subject: Subject) -> bool:
    """The environment has every required tensor, and the function uses a baseline."""
    required = {name for name, tensor in subject.tensors.items() if tensor.required}
    compares = bool(required & {"group", "baseline"}) and not subject.factor
    earns = bool(required & {"reward", "turn_reward", "token_reward"})
    return compares and earns and required <= set(enumerate_groups(2).batch)


@law("verl#7244", "PURE#2", when=_enumerable, kind="once")
def the_expected_gradient_is_the_true_one(trial: Trial) -> None:
    """The expected product of credit and score is a positive multiple of the policy gradient."""
    for size in (2, 3):
        groups = enumerate_groups(size)
        required = [n for n, tensor in trial.subject.tensors.items() if tensor.required]
        credit = trial({name: groups.batch[name] for name in required})[0]
        gradient, true = groups.gradient(credit), groups.true_gradient
        along = (gradient * true).sum() / true.square().sum()
        off = (gradient - along * true).abs().max() / true.abs().max()
        kind = "exact expectation" if credit.dtype == torch.float64 else "law, float32"
        if float(along) <= 0 or float(off) > tolerance(kind)[0] * max(1.0, float(along)):
            share = float(off) / max(abs(float(along)), 1e-12)
            trial.broken(
                f"the expected gradient of groups of {size} differs in direction from the true "
                f"gradient by {100 * share:.3g} %",
                _code(trial.subject, size, required),
            )


def _code(subject: Subject, size: int, required: list[str]) -> str:
    tensors = ", ".join(f'"{each}"' for each in required)
    batch = f"{{name: groups.batch[name] for name in ({tensors},)}}"
    call = f"{subject.name}(**{batch})"
    first = ["from creditlib.testing import enumerate_groups"]
    if subject.signature:
        first.append("from creditlib.testing.conformance.trainer_subject import trainer_subject")
        call = f'trainer_subject({subject.name}, "{subject.signature}").call({batch}, {{}})[0]'
    return "\n".join(
        [
            *first,
            f"groups = enumerate_groups({size})  # all groups of {size}, with their probabilities",
            f"credit = {call}",
            "groups.gradient(credit), groups.true_gradient  # they are not parallel",
        ]
    )


LAWS: tuple[Law, ...] = (the_expected_gradient_is_the_true_one,)
