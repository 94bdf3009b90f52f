"""The law of the expected gradient: exact, over every batch of a small world."""

from __future__ import annotations

import torch

from creditlib.testing.law import Law, law
from creditlib.testing.subject import Subject
from creditlib.testing.tolerances import tolerance
from creditlib.testing.trial import Trial
from creditlib.testing.world import world

__all__ = ["LAWS"]


def _enumerable(subject: Subject) -> bool:
    """Credits trajectories or turns by what is known of the small world."""
    required = {name for name, tensor in subject.tensors.items() if tensor.required}
    compares = bool(required & {"group", "baseline"}) and not subject.factor
    earns = bool(required & {"reward", "turn_reward", "token_reward"})
    return compares and earns and required <= set(world(2).batch)


@law("verl#7244", "PURE#2", when=_enumerable, kind="once")
def the_expected_gradient_is_the_true_one(trial: Trial) -> None:
    """Averaged over all batches, credit times score is a multiple of the gradient of the reward."""
    for size in (2, 3):
        small = world(size)
        required = [n for n, tensor in trial.subject.tensors.items() if tensor.required]
        credit = trial({name: small.batch[name] for name in required})[0]
        gradient, true = small.gradient(credit), small.true
        along = (gradient * true).sum() / true.square().sum()
        off = (gradient - along * true).abs().max() / true.abs().max()
        limit = tolerance("exact expectation" if credit.dtype == torch.float64 else "law, float32")[
            0
        ]
        if float(along) <= 0 or float(off) > limit * max(1.0, float(along)):
            share = float(off) / max(abs(float(along)), 1e-12)
            trial.broken(
                f"the expected gradient of groups of {size} points elsewhere than the true one: "
                f"{100 * share:.3g} % of it across",
                _code(trial.subject, size, required),
            )


def _code(subject: Subject, size: int, required: list[str]) -> str:
    tensors = ", ".join(f'"{each}"' for each in required)
    batch = f"{{name: small.batch[name] for name in ({tensors},)}}"
    call = f"{subject.name}(**{batch})"
    first = ["from creditlib.testing import world"]
    if subject.signature:
        first.append("from creditlib.testing.native import native_subject")
        call = f'native_subject({subject.name}, "{subject.signature}").call({batch}, {{}})[0]'
    return "\n".join(
        [
            *first,
            f"small = world({size})  # every batch of {size} trajectories, with its probability",
            f"credit = {call}",
            "small.gradient(credit), small.true  # one is no multiple of the other",
        ]
    )


LAWS: tuple[Law, ...] = (the_expected_gradient_is_the_true_one,)
