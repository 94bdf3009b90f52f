"""What a law is: a function that draws batches, calls the estimator and reports what is broken."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from creditlib.testing.engine.trial import Trial
from creditlib.testing.subject import Subject
from creditlib.vocabulary.messages import check_choice

__all__ = ["TIERS", "Check", "Finish", "Law", "Tier", "law", "link", "tier_of"]

Check: TypeAlias = Callable[[Trial], None]
Finish: TypeAlias = Callable[[Subject, set[str], int], str]
Kind: TypeAlias = Literal["each", "some", "once"]
Tier: TypeAlias = Literal["contract", "invariance", "property"]
# Root cause first: a function that breaks a contract seldom keeps the laws of the later tiers.
TIERS: tuple[Tier, ...] = ("contract", "invariance", "property")

# The repositories of the projects whose bugs the laws name.
_REPOSITORIES = {
    "AReaL": "inclusionAI/AReaL",
    "agent-lightning": "microsoft/agent-lightning",
    "IGPO": "GuoqingWang1/IGPO",
    "miles": "radixark/miles",
    "ms-swift": "modelscope/ms-swift",
    "NeMo-RL": "NVIDIA-NeMo/RL",
    "OpenRLHF": "OpenRLHF/OpenRLHF",
    "prime-rl": "PrimeIntellect-ai/prime-rl",
    "PURE": "CJReinforce/PURE",
    "rLLM": "rllm-org/rllm",
    "Search-R1": "PeterGriffinJin/Search-R1",
    "SkyRL": "NovaSky-AI/SkyRL",
    "slime": "THUDM/slime",
    "TorchRL": "pytorch/rl",
    "TRL": "huggingface/trl",
    "verl": "volcengine/verl",
    "verl-agent": "langfengQ/verl-agent",
}
_ISSUE = re.compile(r"(?P<project>[\w.-]+(?:/[\w.-]+)?)#(?P<number>\d+)")


def link(bug: str) -> str:
    """The address of an issue named as project#number or owner/name#number; other text unchanged.

    >>> link("verl#4598")
    'https://github.com/volcengine/verl/issues/4598'
    >>> link("seen in our run of May 3")
    'seen in our run of May 3'
    """
    found = _ISSUE.fullmatch(bug)
    repository = "" if found is None else _REPOSITORIES.get(found["project"], found["project"])
    if found is None or "/" not in repository:
        return bug
    return f"https://github.com/{repository}/issues/{found['number']}"


def tier_of(name: str, function: str, argument: str) -> Tier:
    """The tier with this name; any other name is refused.

    >>> tier_of("contract", "check", "--strict")
    'contract'
    """
    check_choice(function, argument, name, TIERS)
    return cast("Tier", name)


@dataclass(frozen=True)
class Law:
    """A property of credit. Its name is the name of the function that checks it.

    sentence: what the law demands. bugs: issues that the law would have prevented. check: is called
    with a `Trial`, and breaks the law with `trial.broken` or one of the `trial.must_...` methods.
    needs: the law applies to functions that take these tensors. when: a further condition.
    kind: "each": every batch must keep the law. "some": some batch must show it. "once": one
    example without random choices. finish: is called after the last example with the function, the
    names in `trial.with_effect` and the number of examples. The law is broken if it returns a
    sentence, and kept if it returns "". minimum: the number of examples that `finish` needs; with
    fewer the verdict is "undecided" instead of "broken".
    tier: "contract" for what every function must do (shape, dtype, finite results, inputs that stay
    as they are), "invariance" for changes of a batch that must not change the credit (padding,
    order, other groups), "property" for what some methods have and others do not (unbiased,
    zero-sum, bounded).
    """

    name: str
    sentence: str
    bugs: tuple[str, ...]
    check: Check
    needs: tuple[str, ...] = ()
    when: Callable[[Subject], bool] | None = None
    kind: Kind = "each"
    finish: Finish | None = None
    tier: Tier = "invariance"
    minimum: int = 0

    def applies(self, subject: Subject) -> bool:
        """Whether the law applies to a function."""
        return subject.has(*self.needs) and (self.when is None or self.when(subject))


def law(
    *bugs: str,
    needs: tuple[str, ...] = (),
    when: Callable[[Subject], bool] | None = None,
    kind: Kind = "each",
    finish: Finish | None = None,
    tier: Tier = "invariance",
    minimum: int = 0,
) -> Callable[[Check], Law]:
    """Make a law of a check function: its name, and its docstring as the sentence.

    Args:
        bugs: issues that the law would have prevented, such as "verl#4598".
        needs: tensors that a function must take for the law to apply to it.
        when: a further condition on the function.
        kind: how batches are drawn, as in `Law`.
        finish: is called after the last batch, as in `Law`.
        tier: "contract", "invariance" or "property"; a law without one is an invariance: breaking
            it is a fault.
        minimum: the number of batches below which a verdict is "undecided".

    >>> @law("our notes", needs=("reward",))
    ... def credit_is_small(trial):
    ...     '''No credit is larger than 1.'''
    ...     if any(float(part.abs().max()) > 1 for part in trial(trial.batch())):
    ...         trial.broken("a credit is larger than 1")
    >>> credit_is_small.name, credit_is_small.sentence
    ('credit_is_small', 'No credit is larger than 1.')
    """
    tier = tier_of(tier, "law", "tier")

    def decorate(check: Check) -> Law:
        text = inspect.getdoc(check) or f"{check.__name__.replace('_', ' ')}."
        sentence = " ".join(text.partition("\n\n")[0].split())
        return Law(check.__name__, sentence, bugs, check, needs, when, kind, finish, tier, minimum)

    return decorate
