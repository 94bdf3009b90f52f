"""What a law is: a function that draws batches, calls the estimator and says what was broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from creditlib.testing.subject import Subject
from creditlib.testing.trial import Trial

__all__ = ["Check", "Law", "law", "link"]

Check: TypeAlias = Callable[[Trial], None]
Kind: TypeAlias = Literal["each", "some", "once"]

# Where the threads that taught the laws lie.
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


def link(bug: str) -> str:
    """The address of a thread named as project#number.

    >>> link("verl#4598")
    'https://github.com/volcengine/verl/issues/4598'
    """
    project, _, number = bug.partition("#")
    return f"https://github.com/{_REPOSITORIES[project]}/issues/{number}"


@dataclass(frozen=True)
class Law:
    """A property that credit keeps, under the name of the function that checks it.

    needs: tensors that a function must take, or the law says nothing of it. when: a further
    condition. kind: "each" drawn batch keeps the law; "some" drawn batch must show it; "once"
    draws nothing.
    """

    name: str
    sentence: str
    bugs: tuple[str, ...]
    check: Check
    needs: tuple[str, ...] = ()
    when: Callable[[Subject], bool] | None = None
    kind: Kind = "each"

    def applies(self, subject: Subject) -> bool:
        """Whether the law says anything of a function."""
        return subject.has(*self.needs) and (self.when is None or self.when(subject))


def law(
    *bugs: str,
    needs: tuple[str, ...] = (),
    when: Callable[[Subject], bool] | None = None,
    kind: Kind = "each",
) -> Callable[[Check], Law]:
    """Make a check the law of its name; its docstring is one sentence, `bugs` taught it."""

    def register(check: Check) -> Law:
        sentence = (check.__doc__ or "").strip()
        return Law(check.__name__, sentence, bugs, check, needs, when, kind)

    return register
