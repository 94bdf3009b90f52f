"""How good a credit of turns is, against the exact advantages and the exact gradient.

In every formula c is the credit of a turn, A the exact advantage of its action, g a group's
estimate of the gradient, Σ_i Σ_k c[i,k] ∇ log π / size, g* the exact gradient, m the mean of g over
the G groups, tr = Σ_g |g - m|² / (G - 1) the trace of its covariance, u = g*/|g*|.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from creditlib.audit.cell_bias import cell_sums, judge_cells
from creditlib.audit.intervals import Estimate, block_of, bootstrap, jackknife
from creditlib.audit.sample import Sample
from creditlib.vocabulary.messages import contract_error

__all__ = [
    "METRICS",
    "Gradients",
    "Truth",
    "cosine_of_mean",
    "measure",
    "truth_of",
    "without_residue",
]

METRICS = (
    *("usnr", "usnr_over_oracle", "snr", "snr_over_oracle", "cosine", "group_cosine"),
    *("correlation", "sign", "sign_zeros", "leakage", "bias", "variance", "dead"),
)
EXACT_ZERO = 1e-9  # an advantage below it is 0
ROUNDING = 1e-6  # of the largest group: what is smaller is rounding of a constant group
TURN_ROUNDING = 1e-10  # of the largest turn of the group: what is smaller is rounding of a 0


@dataclass(frozen=True, eq=False)
class Truth:
    """What every credit of one sample is compared with; one policy wrote the sample.

    advantage: A, float64[batch turn]. decisive: |A| >= 1e-9, bool[batch turn]. distractor: turns in
    states with max_a |A(s,a)| < 1e-9. direction: u, float64[observation * action]; None where g* is
    0. block: of each group, for the jackknife. oracle: the gradients of the credit c = A.
    """

    sample: Sample
    advantage: Tensor
    decisive: Tensor
    distractor: Tensor
    direction: Tensor | None
    block: Tensor

    @functools.cached_property
    def oracle(self) -> Gradients:
        return _gradients_of(self, self.advantage)

    @functools.cached_property
    def visits(self) -> Tensor:
        """The turns of each block in each state with each action, float64[block state action]."""
        return cell_sums(self.sample, torch.ones_like(self.advantage), self.block)


@dataclass(frozen=True, eq=False)
class Gradients:
    """The gradients of groups, as sums of blocks of groups.

    total: Σ g, float64[block parameter]. square: Σ |g|², float64[block]. count: groups,
    float64[block]. along: u·g, float64[group], NaN where u is undefined. size: |g|, float64[group].
    """

    total: Tensor
    square: Tensor
    count: Tensor
    along: Tensor
    size: Tensor


@functools.lru_cache(maxsize=32)
def truth_of(sample: Sample) -> Truth:
    """What the credits of a sample are compared with, kept for the next credit of the same sample.

    Errors: a sample that several policies wrote, or whose groups are enumerated.

    >>> from creditlib.audit.credit_quality import groups_of
    >>> from creditlib.audit.tasks import recovery
    >>> truth_of(groups_of(recovery(), groups=1)).distractor[0]  # the two turns that wait
    tensor([False,  True,  True, False])
    """
    if len(sample.logits) != 1 or sample.weight is not None:
        fact = f"{len(sample.logits)} policies" if sample.weight is None else "enumerated groups"
        raise contract_error("measure", "sample", "of sampled groups of one policy", fact)
    exact, advantage = sample.oracle, sample.advantage
    still = exact.advantage.abs().amax(-1) < EXACT_ZERO
    slope = exact.gradient[0].flatten()
    return Truth(
        sample=sample,
        advantage=advantage,
        decisive=sample.real & (advantage.abs() >= EXACT_ZERO),
        distractor=sample.real & sample.at_state(still.double()).bool(),
        direction=slope / slope.norm() if slope.norm() >= EXACT_ZERO else None,
        block=block_of(len(sample.state) // sample.size),
    )


def without_residue(credit: Tensor, size: int) -> Tensor:
    """The credit without what rounding left of a zero.

    credit: float[batch turn], groups of `size` adjacent rows. A group whose largest |c| is at most
    1e-6 of that of all groups gets 0: r - mean(r) of a constant group is not always 0. A turn whose
    |c| is at most 1e-10 of the largest of its group gets 0.

    >>> without_residue(torch.tensor([[1.0], [-1.0], [1e-9], [1e-9]]), size=2).flatten().tolist()
    [1.0, -1.0, 0.0, 0.0]
    """
    largest = credit.abs().view(-1, size * credit.shape[1]).amax(1)
    largest = torch.where(largest > ROUNDING * largest.max(), largest, torch.inf)
    floor = (TURN_ROUNDING * largest).repeat_interleave(size)[:, None]
    return torch.where(credit.abs() > floor, credit, 0)


def _gradients_of(truth: Truth, credit: Tensor) -> Gradients:
    """The gradients of the groups of a sample for a credit, float64[batch turn]."""
    each = truth.sample.gradients(credit).flatten(1)
    square = each.square().sum(1)
    blocks = int(truth.block[-1]) + 1
    count = torch.bincount(truth.block).double()
    # The blocks are adjacent groups, so that a sum of each is a sum of a slice.
    total = torch.stack([part.sum(0) for part in each.split(count.long().tolist())])
    unknown = square.new_full(square.shape, torch.nan)
    along = unknown if truth.direction is None else each @ truth.direction
    sums = square.new_zeros(blocks).index_add_(0, truth.block, square)
    return Gradients(total, sums, count, along, square.sqrt())


def measure(sample: Sample, credit: Tensor, resamples: int = 1000) -> Mapping[str, Estimate]:
    """Every metric of a credit by name, with its 95 % interval over groups.

    sample: groups that one policy wrote. credit: float[batch turn]; turns after the end do not
    count. resamples: of the bootstrap. A number that is undefined is None, never 0.

    By the bootstrap over groups (`pooled`): group_cosine, correlation, sign, sign_zeros, leakage,
    dead. By the jackknife over 20 blocks of groups (`directions`): usnr, snr, both over the
    oracle's, cosine. bias and variance: `cell_bias.judge_cells`, by the jackknife too.

    >>> from creditlib.audit import perturbed, sample
    >>> from creditlib.audit.tasks import recovery
    >>> task = recovery()
    >>> groups = sample(task, perturbed(task), groups=40)
    >>> found = measure(groups, groups.advantage)
    >>> round(found["correlation"].value, 9), found["dead"].value, found["leakage"].value
    (1.0, 0.0, 0.0)
    """
    truth = truth_of(sample)
    clean = _checked(sample, credit)
    gradients = _gradients_of(truth, clean)
    columns = _group_columns(truth, clean, gradients)
    found = dict(zip(_POOLED, bootstrap(_pooled, columns, resamples), strict=True))
    found |= _directions(gradients, truth)
    found |= judge_cells(truth.sample, clean, truth.block, truth.visits)
    return {name: found[name] for name in METRICS}


def cosine_of_mean(sample: Sample, credit: Tensor, cut: bool = True) -> Estimate:
    """The metric "cosine" of `measure` alone.

    cut: the value and its interval are cut off at ±1. Without it, their width says how much the
    groups leave open, also near 1.

    >>> from creditlib.audit.credit_quality import groups_of
    >>> from creditlib.audit.tasks import recovery
    >>> drawn = groups_of(recovery(), groups=40)
    >>> round(cosine_of_mean(drawn, -drawn.advantage).value, 2)
    -1.0
    """
    truth = truth_of(sample)
    gradients = _gradients_of(truth, _checked(sample, credit))
    numbers = _split(_moments(gradients, truth.direction)["cosine"])
    found = jackknife(*numbers, corrected=True)
    return _within(found) if cut else found


def _checked(sample: Sample, credit: Tensor) -> Tensor:
    """The credit of the turns that exist, without what rounding left of a zero."""
    if credit.shape != sample.state.shape:
        wanted = f"float[batch turn] with sizes {list(sample.state.shape)}"
        raise contract_error("measure", "credit", wanted, f"shape {list(credit.shape)}")
    real = torch.where(sample.real, credit.double(), 0)
    if not real.isfinite().all():
        raise contract_error("measure", "credit", "finite", "a NaN or an infinity")
    return without_residue(real, sample.size)


_POOLED = ("group_cosine", "correlation", "sign", "sign_zeros", "leakage", "dead")


def _group_columns(truth: Truth, credit: Tensor, gradients: Gradients) -> Tensor:
    """What each group adds to the pooled metrics, float64[group column].

    The columns: turns, Σc, ΣA, Σc², ΣA², ΣcA; decisive turns, those with the sign of A, those with
    credit 0; Σ|c| on distractors, Σ|c|; groups, cosines, dead groups. A group is dead where |g| is
    at most 1e-6 of the largest; its cosine is 0.
    """
    advantage, real = truth.advantage, truth.sample.real
    size = credit.abs()
    right = truth.decisive & (credit.sign() == advantage.sign())
    turns = (
        *(real, credit, advantage, credit.square(), advantage.square(), credit * advantage),
        *(truth.decisive, right, truth.decisive & (credit == 0)),
        *(torch.where(truth.distractor, size, 0), size),
    )
    groups = len(gradients.size)
    columns = [each.view(groups, -1).sum(1, dtype=torch.float64) for each in turns]
    dead = gradients.size <= ROUNDING * gradients.size.max()
    cosine = torch.where(dead, 0 * gradients.along, gradients.along / gradients.size)
    return torch.stack([*columns, torch.ones_like(cosine), cosine, dead.double()], dim=1)


def _pooled(total: Tensor) -> Tensor:
    """The metrics that are functions of sums over groups, [... number], from [... column].

        group_cosine = Σ_g cos(g, g*) / G                       a group with g = 0 counts as 0
        correlation = (mean cA - mean c mean A) / √(var c var A)                  over all turns
        sign = share of the turns with |A| >= 1e-9 with sign(c) = sign(A)         c = 0 is wrong
        sign_zeros = share of the same turns with c = 0
        leakage = Σ |c| on turns with max_a |A(s,a)| < 1e-9 / Σ |c|
        dead = share of the groups with g = 0, up to 1e-6 of the largest |g|

    NaN where undefined: g* = 0; c or A constant; no decisive turn; c = 0 everywhere.
    """
    n, c, a, cc, aa, ca, decisive, right, zero, leaked, size, groups, cosine, dead = total.unbind(
        -1
    )
    spread_c, spread_a = _spread(n, c, cc), _spread(n, a, aa)
    correlation = (ca / n - c * a / n**2) / (spread_c * spread_a).sqrt()
    numbers = (cosine / groups, correlation, right / decisive, zero / decisive)
    return torch.stack([*numbers, leaked / size, dead / groups], dim=-1)


def _spread(n: Tensor, total: Tensor, square: Tensor) -> Tensor:
    """The variance from sums; NaN where it is 0 up to rounding."""
    variance = square / n - (total / n).square()
    return torch.where(variance > 1e-12 * square / n, variance, torch.nan)


def _directions(gradients: Gradients, truth: Truth) -> dict[str, Estimate]:
    """The metrics of the mean gradient, with intervals by the jackknife.

        power = |m|² - tr/G                          debiased: E|m|² is |E g|² + tr Cov(g)/G
        snr = power / tr                             may come out slightly below 0
        cosine = u·m / √power                        corrected by the jackknife, cut off at ±1
        usnr = snr cosine² = (u·m)² / tr
        snr_over_oracle, usnr_over_oracle            over that of c = A on the same groups

    The noise of u·m is a part of that of the norm, so u·m / √power alone is too high by about
    Var(u·g) / (2 G |m|²); near a cosine of 1 its intervals then lie above the truth too often.

    Undefined: g constant over groups (tr = 0); power <= 0 (cosine); g* = 0.
    """
    own, best = _moments(gradients, truth.direction), _moments(truth.oracle, truth.direction)
    snr = jackknife(*_split(own["snr"]))
    return {
        "usnr": jackknife(*_split(own["usnr"]), low=0.0),
        "usnr_over_oracle": jackknife(*_split(own["usnr"] / best["usnr"]), low=0.0),
        "snr": snr,
        "snr_over_oracle": jackknife(*_split(own["snr"] / best["snr"])),
        "cosine": _within(jackknife(*_split(own["cosine"]), corrected=True)),
    }


def _moments(gradients: Gradients, direction: Tensor | None) -> dict[str, Tensor]:
    """snr, usnr and cosine, [1 + block]: of all groups, then without each block."""
    total, square, count = (
        torch.cat([each.sum(0, keepdim=True), each.sum(0) - each])
        for each in (gradients.total, gradients.square, gradients.count)
    )
    mean = total / count[:, None]
    norm = mean.square().sum(1)
    trace = (square - count * norm) / (count - 1)
    trace = torch.where(trace > 1e-12 * square / count, trace, torch.nan)
    power = norm - trace / count
    along = torch.full_like(power, torch.nan) if direction is None else mean @ direction
    found = (power > 0) & (along == along)
    cosine = torch.where(found, along / power.clamp(min=1e-300).sqrt(), torch.nan)
    return {"snr": power / trace, "usnr": along.square() / trace, "cosine": cosine}


def _split(numbers: Tensor) -> tuple[Tensor, Tensor]:
    return numbers[0], numbers[1:]


def _within(found: Estimate) -> Estimate:
    """A cosine and its interval, cut off at ±1."""
    return Estimate(*(None if each is None else min(1.0, max(-1.0, each)) for each in found))
