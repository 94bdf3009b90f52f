"""Every estimator, weight and shaper keeps every law that it does not declare broken.

Each law gets 50 batches, and 200 with `--nightly`. Each option, and the reference where another
backend is the default, get a fifth as many, and those that a law asks for at least. A fifth of all
batches come from hypothesis, the others from a random generator.
`docs/laws.md` is the table.
"""

import pytest
from helpers import NEEDS, VARIANTS, law_batches, numeric_names

import creditlib as cl
from creditlib.ops.backend import dispatch
from creditlib.testing import LAWS
from creditlib.testing.engine.declarations import declarations_of, declared
from creditlib.testing.engine.runner import run_law
from creditlib.testing.subject import subject_of

RANDOM_EXAMPLES = 30_000  # enough for what few batches show; a run ends at the first that does
# Optional tensors that an option needs.
WITH = {
    ("pure", "token"): ["turn_length"],
    ("duration_weight", "group"): ["group"],
    ("grpo_process", "anchor"): ["anchor"],
    ("hgpo", "trajectory"): ["reward"],
    ("hgpo", "turn"): ["reward"],
    ("tree_credit", "child_softmax"): ["turn_entropy"],
}
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


def counterexample(verdict):
    """The sentence and the code of a broken law."""
    return f"{verdict.sentence}\n{verdict.code}"


@pytest.mark.parametrize(("name", "law"), cases(wanted=False))
def test_a_law_is_kept(name, law, examples):
    verdict = run_law(law, SUBJECTS[name], **law_batches(max(examples, law.minimum)))
    assert verdict.state == "kept", counterexample(verdict)


@pytest.mark.parametrize(("name", "law"), cases(wanted=True))
def test_a_law_declared_broken_is_broken(name, law, examples):
    assert_broken(law, SUBJECTS[name], examples)


def assert_broken(law, each, examples):
    more = {"shrink": False, "random_examples": RANDOM_EXAMPLES}
    verdict = run_law(law, each, examples=max(examples, law.minimum), **more)
    assert verdict.state == "broken"


@pytest.mark.parametrize(
    ("name", "options"), CHOICES, ids=lambda x: x if isinstance(x, str) else str(list(x.items()))
)
def test_every_choice_keeps_the_laws(name, options, examples):
    each = subject(name, options)
    exact = options.get("leave_out") == "trajectory" and options.get("gamma") == 1.0
    for law in LAWS.values():
        kept_after_all = exact and law.name == "the_expected_gradient_is_the_true_one"
        if not law.applies(each) or (law.name in declared(each) and not kept_after_all):
            continue
        verdict = run_law(law, each, **law_batches(max(examples // 5, law.minimum)))
        assert verdict.state in ("kept", "untried"), f"{law.name}: {counterexample(verdict)}"


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_reference_keeps_the_laws_too(name, examples, monkeypatch):
    """Above runs what backend="auto" is here; without a compiler it is the torch reference."""
    monkeypatch.setattr(dispatch, "default_backend", lambda device: "torch")
    each = SUBJECTS[name]
    for law in LAWS.values():
        if law.applies(each) and law.name not in declared(each):
            verdict = run_law(law, each, **law_batches(max(examples // 5, law.minimum)))
            assert verdict.state in ("kept", "untried"), f"{law.name}: {counterexample(verdict)}"


CONDITIONS = [
    (name, law, entry.options)
    for name, each in SUBJECTS.items()
    for entry in declarations_of(each.function)
    for law in entry.laws
    if entry.options
]


@pytest.mark.parametrize(
    ("name", "law", "choices"), CONDITIONS, ids=[f"{name}-{law}" for name, law, _ in CONDITIONS]
)
def test_a_law_declared_broken_with_an_option_is_broken_with_it(name, law, choices, examples):
    for number in range(max(map(len, choices.values()))):
        options = {key: values[min(number, len(values) - 1)] for key, values in choices.items()}
        assert_broken(LAWS[law], subject(name, options), examples)


def test_every_declaration_names_a_law_and_an_option():
    for name, each in SUBJECTS.items():
        for entry in declarations_of(each.function):
            for law in entry.laws:
                assert LAWS[law].applies(each), (name, law)
            assert set(entry.options) <= set(each.options)
            assert entry.because.endswith(".")


def test_every_law_applies_to_a_function():
    for law in LAWS.values():
        assert any(law.applies(each) for each in SUBJECTS.values()), law.name
