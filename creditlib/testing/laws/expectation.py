"""The law of the expected gradient, exact: over all groups of a tiny task."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.audit.expected_gradient import enumerate_groups
from creditlib.testing.engine.counterexample import callable_name, described, literal
from creditlib.testing.engine.law import Law, law
from creditlib.testing.engine.trial import Trial
from creditlib.testing.subject import Subject
from creditlib.testing.tolerances import tolerance

__all__ = ["LAWS"]

# What any trainer has of the two-state task. Of what describes the model or a tree of rollouts,
# such as an entropy, no law says that it leaves the expected gradient alone.
_GIVEN = frozenset(
    [
        *("reward", "group", "baseline", "length", "turn_count", "turn_reward", "anchor"),
        *("token_reward", "turn", "present"),
    ]
)


def _enumerable(subject: Subject) -> bool:
    """The task has every required tensor, and the function uses a baseline."""
    required = {name for name, tensor in subject.tensors.items() if tensor.required}
    compares = bool(required & {"group", "baseline"}) and not subject.factor
    earns = bool(required & {"reward", "turn_reward", "token_reward"})
    return compares and earns and required <= _GIVEN


@law("verl#7244", "PURE#2", when=_enumerable, kind="once", tier="property")
def the_expected_gradient_is_the_true_one(trial: Trial) -> None:
    """The expected product of credit and score is a positive multiple of the policy gradient."""
    for size in (2, 3):
        groups = enumerate_groups(size)
        required = [n for n, tensor in trial.subject.tensors.items() if tensor.required]
        credit = trial({name: groups.batch[name] for name in required})[0]
        gradient, true = groups.gradient(credit), groups.true_gradient
        along = (gradient * true).sum() / true.square().sum()
        across = gradient - along * true
        off = across.abs().max() / true.abs().max()
        kind = "exact expectation" if credit.dtype == torch.float64 else "law, float32"
        share = across.norm() / gradient.norm()
        code = _code(trial.subject, size, required, along, share)
        if float(off) > tolerance(kind)[0] * max(1.0, float(along)):
            trial.broken(
                f"biased: {100 * float(share):.3g} % of the expected gradient is perpendicular to "
                f"the true gradient, in groups of {size}",
                code,
            )
        if float(along) <= 0:
            trial.broken(
                f"biased: the expected gradient is {float(along):.3g} times the true gradient, in "
                f"groups of {size}",
                code,
            )


def _code(subject: Subject, size: int, required: list[str], along: Tensor, share: Tensor) -> str:
    """The lines that compute the multiple of the true gradient and the share across it."""
    tensors = ", ".join(f'"{each}"' for each in required)
    batch = f"{{name: groups.batch[name] for name in ({tensors},)}}"
    options = "".join(f", {name}={literal(value)}" for name, value in subject.fixed.items())
    call = f"{callable_name(subject)}(**{batch}{options})"
    first = ["from creditlib.testing import enumerate_groups"]
    if subject.signature:
        first.append("from creditlib.testing.conformance.trainer_subject import trainer_subject")
        given = literal(dict(subject.fixed))
        made = f'trainer_subject({callable_name(subject)}, "{subject.signature}", {given})'
        call = f"{made}.call({batch}, {{}})[0]"
    return "\n".join(
        [
            *first,
            f"groups = enumerate_groups({size})  # all groups of {size}, with their probabilities",
            f"credit = {call}",
            "gradient, true = groups.gradient(credit), groups.true_gradient",
            "along = (gradient * true).sum() / true.square().sum()",
            "along, (gradient - along * true).norm() / gradient.norm()",
            f"# {described(along)}",
            f"# {described(share)}",
        ]
    )


LAWS: tuple[Law, ...] = (the_expected_gradient_is_the_true_one,)
