"""What a public function says of itself, in the parts that pages print."""

import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import creditlib as cl
from creditlib import estimators, presets, recipes, shaping, weighting
from creditlib.vocabulary.annotations import Result, result_of, tensors_of

ROOT = Path(__file__).parents[2]
ARXIV = re.compile(r"arXiv:\s*(\d{4}\.\d{4,5})")
GOLDEN = {
    "core": ROOT / "tests" / "test_golden_core.py",
    "official": ROOT / "tests" / "test_golden_official.py",
}

# Functions whose numbers of a seed system lie under another name than their own.
SEED_SYSTEMS = {
    "action_margin": "a3",
    "anneal": "temporal",
    "at2po": "tree",
    "bi_level_gae": "two_level_gae",
    "branch_credit": "appo",
    "consecutive": "scrl",
    "delta_weight": "delta",
    "distillation_credit": "distillation",
    "dr_mas": "agents",
    "edge_credit": "graph_grpo",
    "efficiency_bonus": "hypereyes_trace",
    "entropy_weight": "aem",
    "future_weight": "appo",
    "grae_weight": "a_grae",
    "grpo": "lite_ppo",
    "grpo_process": "turn_scores",
    "gtalign": "combine",
    "habc_weight": "habc",
    "hierarchical_gae": "two_level_gae",
    "hiper": "two_level_gae",
    "hypereyes": "hypereyes_trace",
    "importance_weight": "importance",
    "length_gate": "adora",
    "overlong_penalty": "overlong",
    "potential_shaping": "turn_rewards",
    "redistribute": "attribution",
    "repeated_tail": "campo",
    "sotopia": "attribution",
    "spread_back": "turn_rewards",
    "suffix_mask": "temporal",
    "top_fraction": "temporal",
    "tree_credit": "tree",
    "v_trace": "turn_rewards",
}


class Function(NamedTuple):
    """One public function: its name, its parts, and where it is tested."""

    name: str
    folder: str  # the folder below creditlib/, such as estimators/turn
    first_line: str
    formula: str
    signature: str
    needs: tuple[str, ...]
    optional: tuple[str, ...]
    result: Result
    source: str
    differs: str
    presets: tuple[str, ...]
    tests: dict[str, str]

    @property
    def arxiv(self) -> tuple[str, ...]:
        """The arXiv numbers of its source."""
        return tuple(ARXIV.findall(self.source))


def paragraph(text: str, title: str) -> str:
    r"""The lines from `title` to the end of its paragraph, as one line without the title.

    >>> paragraph("It halves.\n\nSource: a book,\nof 1912.\n\nmore", "Source:")
    'a book, of 1912.'
    """
    found = re.search(rf"^{re.escape(title)}(.*?)(?=\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


def source_and_difference(text: str) -> tuple[str, str]:
    r"""What stands after "Source:", and after "Differs from", of a docstring.

    >>> source_and_difference("A.\n\nSource: a book.\nDiffers from its code: not at all.")
    ('a book.', 'from its code: not at all.')
    """
    source, _, differs = paragraph(text, "Source:").partition(" Differs ")
    return source, differs or paragraph(text, "Differs ")


def formula_of(text: str) -> str:
    """The first indented block of a docstring, which states the formula; "" without one."""
    blocks = [block for block in text.split("\n\n") if block.strip("\n")]
    for block in blocks[1:]:
        lines = block.split("\n")
        if all(line.startswith("    ") for line in lines):
            return inspect.cleandoc("\n" + block)
        if re.match(r"[A-Z][\w ]*:", lines[0]):
            break
    return ""


def signature_of(function: object, name: str) -> str:
    """name(*, reward, group, lone='zero'): the parameters without their annotations."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
    ]
    empty = inspect.Signature.empty
    return f"{name}{signature.replace(parameters=bare, return_annotation=empty)}"


def tests_of(name: str, module: Path) -> dict[str, str]:
    """Where a function is tested: a word, and the file below tests/."""
    golden = ROOT / "tests" / module.parts[0] / "golden"
    found: dict[str, str] = {}
    by_hand = ROOT / "tests" / module.parent / f"test_{module.stem}.py"
    for recipes_by_hand in sorted((ROOT / "tests" / "recipes").glob("test_recipes_*.py")):
        if re.search(rf"\brecipes\.{name}\b", recipes_by_hand.read_text()):
            by_hand = recipes_by_hand
            break
    if by_hand.is_file():
        found["by hand"] = str(by_hand.relative_to(ROOT))
    for word, file in GOLDEN.items():
        if re.search(rf"\bcl\.{name}\b", file.read_text()):
            found[word] = str(file.relative_to(ROOT))
    for file in sorted([*golden.glob(f"{name}.npz"), *golden.glob(f"{name}_*.npz")]):
        found[f"golden {file.stem}"] = str(file.relative_to(ROOT))
    seeds = ROOT / "tests" / "seeds" / f"test_seed_{SEED_SYSTEMS.get(name, name)}.py"
    if seeds.is_file():
        found["seed system"] = str(seeds.relative_to(ROOT))
    return found


def function_named(name: str, namespace: object = cl) -> Function:
    """Everything that the pages print of a function."""
    function = getattr(namespace, name)
    text = inspect.getdoc(function) or ""
    source, differs = source_and_difference(text)
    tensors = tensors_of(function)
    module = Path(*function.__module__.split(".")[1:])
    return Function(
        name=name,
        folder=module.parent.as_posix(),
        first_line=text.partition("\n")[0],
        formula=formula_of(text),
        signature=signature_of(function, name),
        needs=tuple(key for key, tensor in tensors.items() if tensor.required),
        optional=tuple(key for key, tensor in tensors.items() if not tensor.required),
        result=result_of(function),
        source=source,
        differs=differs,
        presets=tuple(
            preset for preset in presets.__all__ if getattr(presets, preset).function == name
        ),
        tests=tests_of(name, module),
    )


def functions_of(package: ModuleType) -> list[Function]:
    """The public functions of estimators, shaping, weighting or recipes, by name."""
    names = getattr(package, "__all__", sorted(vars(package)))
    return [
        function_named(name, package)
        for name in names
        if inspect.isfunction(getattr(package, name))
    ]


def all_functions() -> dict[str, list[Function]]:
    """The public functions under the headings of the pages."""
    found = functions_of(estimators)
    parts = {
        "Trajectories": [each for each in found if each.folder.endswith("trajectory")],
        "Turns": [each for each in found if each.folder.endswith("turn")],
        "Tokens": [each for each in found if each.folder.endswith("token")],
        "Weights": functions_of(weighting),
        "Shaping": functions_of(shaping),
        "Recipes": functions_of(recipes),
    }
    return {heading: functions for heading, functions in parts.items() if functions}


def links_to_papers(function: Function) -> str:
    """The arXiv numbers of a function's source, as links."""
    return ", ".join(f"[{number}](https://arxiv.org/abs/{number})" for number in function.arxiv)


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
