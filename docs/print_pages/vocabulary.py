"""docs/vocabulary.md: every tensor argument by its name, from the aliases of the vocabulary."""

import creditlib as cl
from creditlib import recipes
from creditlib.vocabulary.annotations import Argument, describe
from creditlib.vocabulary.argument_lines import argument_lines
from creditlib.vocabulary.words import ARGUMENTS
from docs.print_pages.functions import all_functions, table

HEAD = """# The vocabulary

Each name means one thing in every function, in rollout files, in settings and in trainers. An
estimator takes the tensors that it needs by these names. *Credit* is a number for each trajectory
or turn. The *advantage* is the same number at each token that the policy wrote: the loss multiplies
by it.

The axes are `batch` (trajectories), `turn` (actions of the policy) and `token`:
[Batch, turn, token](axes.md). A tensor of tokens may be padded, `float[batch token]`, or packed,
`float[token]` with `offsets`. Ids are any integers; `ids` makes them of strings. The functions
stand in [Functions](estimators.md) and [Recipes](recipes.md).

This page is printed from `creditlib.vocabulary.words` by `python -m docs.print_pages`."""
SIZES = {
    "batch": "trajectories of the batch",
    "turn": "turns of the longest trajectory",
    "token": "tokens of the longest row; all tokens of the batch where they are packed",
    "row": "rows of the trainer; several rows may belong to one trajectory",
}


def meaning(argument: Argument) -> str:
    """What an argument is, which values it takes, and how to make it."""
    spec = argument.spec
    if spec is None:
        return ""
    parts = [spec.meaning, spec.range(), f"NaN: {spec.nan}" if spec.nan else "", spec.hint]
    return "; ".join(part for part in parts if part)


def unit(argument: Argument) -> str:
    """The unit of its values, if they have one."""
    return argument.spec.unit_shown() if argument.spec else ""


def users() -> dict[str, list[str]]:
    """The functions that take each argument, as links."""
    found: dict[str, list[str]] = {}
    for heading, functions in all_functions().items():
        catalogue = "recipes.md" if heading == "Recipes" else "estimators.md"
        for function in functions:
            for name in (*function.needs, *function.optional):
                link = f"[`{function.name}`]({catalogue}#{function.name})"
                found.setdefault(name, []).append(link)
    return found


def shown(links: list[str]) -> str:
    """The functions that take an argument: up to three by name."""
    return ", ".join(links) if len(links) <= 3 else f"{len(links)} functions"


def shared_options() -> list[list[str]]:
    """The options that at least three functions take with one meaning."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for heading, functions in all_functions().items():
        package = recipes if heading == "Recipes" else cl
        for function in functions:
            for line in argument_lines(getattr(package, function.name)):
                if line.kind == "option":
                    key = (line.name, line.contract, line.meaning)
                    found.setdefault(key, []).append(function.name)
    common = sorted(key for key, names in found.items() if len(names) > 2)
    return [
        [f"`{name}`", f"`{contract}`", says, f"{len(found[name, contract, says])} functions"]
        for name, contract, says in common
    ]


def page() -> str:
    """The whole page."""
    by_name = users()
    rows = []
    for name, alias in ARGUMENTS.items():
        argument = describe(name, alias)
        taken = shown(by_name.get(name, []))
        rows.append(
            [f"`{name}`", f"`{argument.contract}`", meaning(argument), unit(argument), taken]
        )
    sizes = [[f"`{axis}`", size] for axis, size in SIZES.items()]
    lines = [HEAD, "", "## Axes", "", *table(["axis", "size"], sizes)]
    lines += ["", "## Tensors", ""]
    lines += table(["name", "dtype and axes", "meaning", "unit", "taken by"], rows)
    lines += ["", "## Options of several functions", ""]
    lines += table(["name", "values", "meaning", "taken by"], shared_options())
    return "\n".join(lines) + "\n"
