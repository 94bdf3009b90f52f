"""Every estimator, weight and shaper keeps every law that it does not declare broken.

`docs/laws.md` is the table; `make nightly` runs the same with many more batches.
"""

import pytest
from helpers import NEEDS, VARIANTS, numeric_names

import creditlib as cl
from creditlib.ops import dispatch
from creditlib.testing import LAWS
from creditlib.testing.declared import declarations_of, declared
from creditlib.testing.running import put
from creditlib.testing.subject import subject_of

EXAMPLES, EXAMPLES_OF_A_VARIANT = 200, 25
TOSSES = 30_000  # enough for what rarely shows; a run ends at the first that does
# Optional tensors that an option needs.
WITH = {("pure", "token"): ["turn_length"], ("duration_weight", "group"): ["group"]}
# A choice that only shows with another one, or a gradient that only a choice makes exact.
MORE = [
    ("gigpo", {"leave_out": "trajectory", "scale": None, "gamma": 1.0}),
    ("gigpo", {"leave_out": "trajectory", "scale": None, "gamma": 1.0, "episode_over": "turn"}),
]
CHOICES = [(v.name, v.options) for v in VARIANTS if v.options] + MORE


def subject(name, options):
    """A public function with options, and with the tensors they need."""
    values = {value for value in options.values() if isinstance(value, str)}
    require = [tensor for value in values for tensor in WITH.get((name, value), [])]
    needs = {key: x for key, x in NEEDS.get(name, {}).items() if key != "turns"}
    return subject_of(getattr(cl, name), {**needs, **options}, require)


SUBJECTS = {name: subject(name, {}) for name in numeric_names()}


def cases(wanted):
    """(function, law) for which `wanted` is whether the law is declared broken."""
    return [
        pytest.param(name, law, id=f"{name}-{law.name}")
        for name, each in SUBJECTS.items()
        for law in LAWS.values()
        if law.applies(each) and (law.name in declared(each)) == wanted
    ]


def said(verdict):
    """What a reader of a failed test wants to know."""
    return f"{verdict.sentence}\n{verdict.code}"


@pytest.mark.parametrize(("name", "law"), cases(wanted=False))
def test_a_law_is_kept(name, law):
    verdict = put(law, SUBJECTS[name], examples=EXAMPLES)
    assert verdict.state == "kept", said(verdict)


@pytest.mark.parametrize(("name", "law"), cases(wanted=True))
def test_a_law_declared_broken_is_broken(name, law):
    verdict = put(law, SUBJECTS[name], examples=EXAMPLES, shrink=False, tosses=TOSSES)
    assert verdict.state == "broken"


@pytest.mark.parametrize(
    ("name", "options"), CHOICES, ids=lambda x: x if isinstance(x, str) else str(list(x.items()))
)
def test_every_choice_keeps_the_laws(name, options):
    each = subject(name, options)
    exact = options.get("leave_out") == "trajectory" and options.get("gamma") == 1.0
    for law in LAWS.values():
        kept_after_all = exact and law.name == "the_expected_gradient_is_the_true_one"
        if not law.applies(each) or (law.name in declared(each) and not kept_after_all):
            continue
        verdict = put(law, each, examples=EXAMPLES_OF_A_VARIANT)
        assert verdict.state in ("kept", "untried"), f"{law.name}: {said(verdict)}"


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_reference_keeps_the_laws_too(name, monkeypatch):
    """Above runs what backend="auto" is here; without a compiler it is the torch reference."""
    monkeypatch.setattr(dispatch, "usual", lambda device: "torch")
    each = SUBJECTS[name]
    for law in LAWS.values():
        if law.applies(each) and law.name not in declared(each):
            verdict = put(law, each, examples=EXAMPLES_OF_A_VARIANT)
            assert verdict.state in ("kept", "untried"), f"{law.name}: {said(verdict)}"


CONDITIONS = [
    (name, entry)
    for name, each in SUBJECTS.items()
    for entry in declarations_of(each.function.__doc__)
    if entry.options
]


@pytest.mark.parametrize(
    ("name", "entry"), CONDITIONS, ids=[f"{name}-{entry.law}" for name, entry in CONDITIONS]
)
def test_a_law_declared_broken_with_an_option_is_broken_with_it(name, entry):
    for value in range(max(map(len, entry.options.values()))):
        options = {
            key: values[min(value, len(values) - 1)] for key, values in entry.options.items()
        }
        each, law = subject(name, options), LAWS[entry.law]
        verdict = put(law, each, examples=EXAMPLES, shrink=False, tosses=TOSSES)
        assert verdict.state == "broken", options


def test_every_declaration_names_a_law_and_an_option():
    for name, each in SUBJECTS.items():
        for entry in declarations_of(each.function.__doc__):
            assert entry.law in LAWS
            assert LAWS[entry.law].applies(each), (name, entry.law)
            assert set(entry.options) <= set(each.options)
            assert entry.reason.endswith(".")


def test_every_law_speaks_of_something():
    for law in LAWS.values():
        assert any(law.applies(each) for each in SUBJECTS.values()), law.name
