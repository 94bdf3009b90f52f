"""The code that documents and examples show: estimators keep the laws, compositions are published.

A reader copies what is shown. Every estimator that an example or a page defines is found by its
annotations, and the laws of credit are put to it.
"""

import ast
import doctest
import importlib.util
import re
import sys
from pathlib import Path

import pytest
import torch

import creditlib as cl
from creditlib.testing import LawError, check_estimator
from creditlib.vocabulary.annotations import result_of

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))
FENCED = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)

# Estimators that a page shows because they break a law, and the law.
SHOWN_BROKEN = {("docs/testing.md", "patient"): "nothing_where_nobody_wrote"}
# Every other estimator that is shown.
SHOWN = {
    ("examples/own_estimator.py", "rank_credit"),
    ("docs/own_estimator.md", "above_median"),
    ("docs/testing.md", "at_least_zero"),
    ("docs/testing.md", "shifted"),
}


def relative(path):
    return str(path.relative_to(ROOT))


def statements(text):
    """The statements of a page's Python code, whether it is a session or plain."""
    for block in FENCED.findall(text):
        if ">>>" in block:
            sources = [each.source for each in doctest.DocTestParser().get_examples(block)]
        else:
            sources = [block]
        for source in sources:
            yield from ast.parse(source).body


def defined(text):
    """The functions with an annotated result that a page defines, run with its imports only."""
    body = list(statements(text))
    functions = [node for node in body if isinstance(node, ast.FunctionDef) and node.returns]
    if not functions:
        return {}
    names = {}
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom) or node in functions:
            exec(compile(ast.Module([node], []), "page", "exec"), names)
    return {node.name: names[node.name] for node in functions}


def estimators(functions):
    """Those that return credit, factors or rewards by their annotation."""
    return {name: f for name, f in functions.items() if result_of(f).kind not in ("", "statistic")}


def shown_in(path):
    """The estimators that a page or an example defines."""
    if path.suffix == ".md":
        return estimators(defined(path.read_text()))
    if "creditlib.vocabulary" not in path.read_text():
        return {}  # an annotation of ours is imported from there
    spec = importlib.util.spec_from_file_location(f"shown_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    own = {name: f for name, f in vars(module).items() if getattr(f, "__module__", "") == spec.name}
    return estimators({name: f for name, f in own.items() if callable(f)})


FOUND = {
    (relative(path), name): function
    for path in [*PAGES, *EXAMPLES]
    for name, function in shown_in(path).items()
}


def test_every_estimator_that_is_shown_is_listed_here():
    assert set(FOUND) == SHOWN | set(SHOWN_BROKEN)


@pytest.mark.parametrize("place", sorted(SHOWN), ids="-".join)
def test_an_estimator_that_is_shown_keeps_the_laws(place):
    check_estimator(FOUND[place], examples=25)


@pytest.mark.parametrize("place", sorted(SHOWN_BROKEN), ids="-".join)
def test_an_estimator_that_shows_a_broken_law_breaks_it(place):
    with pytest.raises(LawError) as caught:
        check_estimator(FOUND[place], laws=[SHOWN_BROKEN[place]], examples=25)
    assert [each.law.name for each in caught.value.report.broken] == [SHOWN_BROKEN[place]]


def test_an_estimator_that_nobody_listed_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```python\n>>> from creditlib.vocabulary import Credit, Reward\n"
        ">>> def mine(*, reward: Reward) -> Credit:\n...     return 2 * reward\n```\n"
    )
    assert list(shown_in(page)) == ["mine"]
    example = tmp_path / "example.py"
    example.write_text(
        "import creditlib.vocabulary as v\n\n\ndef mine(*, reward: v.Reward) -> v.Credit:\n"
        "    return 2 * reward\n"
    )
    assert list(shown_in(example)) == ["mine"]


# --- compositions ---------------------------------------------------------------------------------

# What pages and examples multiply or add, and who names it.
COMPOSITIONS = {
    "docs/start.md": "GiGPO with step_weight 0.5 (Feng et al. 2025, Eq. 8), by durations",
    "docs/which_estimator.md": "GiGPO's two parts; Dr. GRPO times a duration weight",
    "docs/axes.md": "GiGPO's form: credit of the trajectory and of the turn (decision 17)",
    "docs/by_hand.md": "GiGPO times a duration weight (decision 17)",
    "docs/agents.md": "an outcome minus that of replays (CCPO)",
    "docs/own_task.md": "an outcome plus a bonus of the turn, shown because its gradient is wrong",
    "docs/survey.md": "each line is that of the method it stands under",
    "examples/own_estimator.py": "rank credit times a duration weight (decision 17)",
}
# They define estimators that work on tokens or turns themselves.
OWN_ARITHMETIC = ("docs/testing.md", "docs/conformance.md")
BROADCAST = re.compile(r"(?:credit\w*|\))\[:, None\] *[-+*]")
PART = re.compile(r"cl\.per_turn\(|to_tokens\([^)\n]*\*")


@pytest.mark.parametrize("path", [*PAGES, *EXAMPLES], ids=relative)
def test_credit_meets_turns_by_per_turn_and_by_a_published_sum(path):
    text = path.read_text()
    code = "\n".join(FENCED.findall(text)) if path.suffix == ".md" else text
    if relative(path) not in OWN_ARITHMETIC:
        assert not BROADCAST.findall(code), "use cl.per_turn(credit, turn_count)"
    if PART.search(code) and path.parent.name != "textworld":
        assert COMPOSITIONS.get(relative(path)), "say in COMPOSITIONS who names this composition"


def test_the_composition_of_the_start_page_is_gigpo():
    names = {}
    for node in statements((ROOT / "docs" / "start.md").read_text()):
        exec(compile(ast.Module([node], []), "start", "exec"), names)
    given = ("reward", "group", "turns", "earned", "seen")
    batch = dict(zip(("reward", "group", "turn_count", "turn_reward", "anchor"),
                     map(names.get, given), strict=True))  # fmt: skip
    torch.testing.assert_close(names["credit"], cl.gigpo(**batch, step_weight=0.5))


def trainer_numbers(page):
    """{trainer: (losers, winner, alone)} of the table of GRPO's forms on a page."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")][:4]
        for line in (ROOT / page).read_text().splitlines()
        if line.startswith("|")
    ]
    header = next(i for i, row in enumerate(rows) if row[0] == "trainer")
    found = {}
    for names, *numbers in rows[header + 2 :]:
        if len(numbers) < 2 or not numbers[0].startswith("−"):
            break
        cells = tuple(", ".join(numbers).split(", "))[:3]
        found |= {name.split(" (")[0]: cells for name in names.split(", ")}
    return found


@pytest.mark.parametrize("page", ["README.md", "docs/start.md"])
def test_the_table_of_trainers_is_that_of_the_conventions(page):
    whole = trainer_numbers("docs/trainer_conventions.md")
    shown = trainer_numbers(page)
    assert len(shown) == 12
    assert shown == {name: whole[name] for name in shown}
