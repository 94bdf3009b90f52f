"""docs/survey.md: the methods of the survey, each with what answers it here.

The data are in `survey_methods.py`. `problems` says what of them is not true: a name that does not
resolve, numbers that no test reads, a line that does not run or does not call what it names.
"""

import functools
import operator
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import creditlib as cl
from creditlib.algebra import next_turn, relative
from docs.print_pages.functions import GOLDEN, ROOT, table
from docs.print_pages.survey_methods import IDEAS, LATER, SETUP, SURVEY, Method

HEAD = """# The survey, answered

"From Reasoning to Agentic: Credit Assignment in Reinforcement Learning for Large Language Models"
([arXiv:2604.09459](https://arxiv.org/abs/2604.09459)) lists 47 methods. For each method, this page
names a function of creditlib, a line of such functions, or the reason why the method is not a
function of tensors.

- **have**: a function computes the method. The column "numbers" links to the test that compares it
  with recorded numbers of a system, outputs of published code (official), or worked cases (core).
- **composition**: the line below computes the method, and `tests/test_docs.py` runs the line. If
  the row names no numbers, the line follows our interpretation of the paper.
- **no function**: the method is data, a loss or a trainer, or it needs the model itself.
- **not read**: no formula of the method was available, so the page says nothing about it.

Numbers, names and titles are those of the survey's
[list](https://github.com/xxzcc/Awesome-Credit-Assignment-in-LLM-RL) (commit e6a34ab). Its arXiv
number of PURE belongs to another paper. [Papers](papers.md) says which code of each paper was run.

`python -m docs.print_pages` prints this page from `docs/print_pages/survey_methods.py`. A test
checks that every function exists, that a test reads every number, and that every line runs."""
LATER_TEXT = """## Later than the survey"""
IDEAS_TEXT = """## Older ideas"""
LINES_TEXT = """## Lines

All lines use these tensors. There are two rollouts of one task, with two turns and three tokens
each. `judged` has scores of turns by a judge, a verifier or a process reward model. `outcome` is
the credit of the outcome at each turn."""
G2PO = """def g2po(anchor):
    returns = cl.per_turn(reward, turn_count)
    value = returns - relative(returns, group, anchor)        # the mean of a state
    after = next_turn(value, returns == returns, reward)      # the outcome behind the last turn
    gain = relative(after - value, group, scale="std")
    return relative(after, group, anchor, scale="std") + gain"""
SEEDS = ROOT / "tests" / "seeds"


def thing(name: str) -> Any:
    """The function with a name: one that `resolve` knows, or one with a dot behind `cl.`."""
    found = getattr(cl, name, None) or getattr(cl.recipes, name, None)
    return found or operator.attrgetter(name)(cl)


@functools.cache
def tests_of_numbers(system: str, names: tuple[str, ...]) -> tuple[Path, ...]:
    """The test files that read the numbers of a seed system, or of published code for a name."""
    if system in GOLDEN:
        called = [name for name in names if f"cl.{name}" in GOLDEN[system].read_text()]
        return (GOLDEN[system],) if called else ()
    own = SEEDS / f"test_seed_{system}.py"
    files = [own] if own.is_file() else sorted(SEEDS.glob("test_seed_*.py"))
    return tuple(file for file in files if f'"{system}"' in file.read_text())


def namespace() -> dict[str, Any]:
    """The tensors of the lines."""
    names: dict[str, Any] = {"relative": relative, "next_turn": next_turn}
    exec(SETUP, names)
    exec(G2PO, names)
    return names


def result_of(method: Method) -> str:
    """What the line of a method prints."""
    return repr(eval(method.line, namespace()))


def _fails(what: Callable[..., Any], *arguments: Any) -> bool:
    try:
        what(*arguments)
    except Exception:
        return True
    return False


def problems() -> list[str]:
    """One sentence for each claim of the page that is not true."""
    found: list[str] = []
    for each in (*SURVEY, *LATER, *IDEAS):
        found += [
            f"{each.name}: {name} does not resolve" for name in each.names if _fails(thing, name)
        ]
        found += [
            f"{each.name}: no test reads {s}"
            for s in each.golden
            if not tests_of_numbers(s, each.names)
        ]
        answered = bool(each.names)
        if answered != (each.answer in ("have", "composition")):
            found.append(f"{each.name}: {each.answer}, and {len(each.names)} functions")
        if bool(each.line) != (each.answer == "composition"):
            found.append(f"{each.name}: {each.answer}, and the line {each.line!r}")
        if each.line and _fails(result_of, each):
            found.append(f"{each.name}: the line does not run")
        written = each.line + (G2PO if "g2po(" in each.line else "")
        missing = [name for name in each.names if name.rpartition(".")[2] not in written]
        if each.line and len(missing) == len(each.names):
            found.append(f"{each.name}: the line calls none of {', '.join(each.names)}")
        if not each.golden and not each.note:
            found.append(f"{each.name}: no numbers and no word on why")
    numbers = [each.arxiv for each in (*SURVEY, *LATER) if each.arxiv]
    found += [f"{x} stands twice" for x in sorted(set(numbers)) if numbers.count(x) > 1]
    return found


def _cells(method: Method, number: int | None) -> list[str]:
    title = f"{method.name}: {method.title}" if method.title else method.name
    link = f"[{title}](https://arxiv.org/abs/{method.arxiv})" if method.arxiv else title
    answer = f"[composition](#{slug(method.name)})" if method.line else method.answer
    numbers = [
        f"[{system}](../{file.relative_to(ROOT)})"
        for system in method.golden
        for file in tests_of_numbers(system, method.names)[:1]
    ]
    cells = [
        link,
        answer,
        ", ".join(f"`{name}`" for name in method.names) or "–",
        ", ".join(numbers) or "–",
        method.note or "–",
    ]
    return cells if number is None else [str(number), *cells]


def slug(heading: str) -> str:
    """The anchor that a heading gets.

    >>> slug("From r to Q*"), slug("Dr. MAS")
    ('from-r-to-q', 'dr-mas')
    """
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _rows(methods: list[Method], numbered: bool) -> list[str]:
    header = ["method", "answer", "functions", "numbers", "note"]
    rows = [_cells(each, at if numbered else None) for at, each in enumerate(methods, 1)]
    return table(["#", *header] if numbered else header, rows)


def _code(source: str) -> list[str]:
    """Statements as an example that runs: a line that is indented continues the one before."""
    return [("... " if line.startswith(" ") else ">>> ") + line for line in source.splitlines()]


def _lines() -> list[str]:
    imports = "from creditlib.algebra import next_turn, relative"
    found = [LINES_TEXT, "", "```python", *_code(SETUP), "", "```"]
    for each in (*SURVEY, *LATER):
        if not each.line:
            continue
        before = [f">>> {imports}", *_code(G2PO), "..."] if "g2po(" in each.line else []
        example = [*before, f">>> {each.line}", *result_of(each).splitlines()]
        found += ["", f"### {each.name}", "", "```python", *example, "", "```"]
    return found


def page() -> str:
    """The whole page."""
    counted = {
        word: sum(each.answer == word for each in SURVEY) for word in ("have", "composition")
    }
    rest = len(SURVEY) - sum(counted.values())
    text = (
        f"Of the {len(SURVEY)} methods, {counted['have']} have a function, "
        f"{counted['composition']} are a line, and {rest} are not a function of tensors."
    )
    parts = [
        [HEAD],
        ["## The 47 methods"],
        [text],
        _rows(SURVEY, numbered=True),
        [LATER_TEXT],
        _rows(LATER, numbered=False),
        [IDEAS_TEXT],
        _rows(IDEAS, numbered=False),
        _lines(),
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"
