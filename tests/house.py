"""The modules of the package and who imports whom, read from the source: nothing is imported.

`python tests/house.py` prints a table: how many modules and imports each package has, and how deep
they are stacked; then what a review should look at because it is large. `python tests/house.py
DIRECTORY` does so for another copy of the package.
"""

import ast
import sys
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1] / "creditlib"
FILE_LINES, OPTIONS = 400, 12  # more than that is a question in review, not an error


class Import(NamedTuple):
    """One import statement's name: who imports what, and when."""

    importer: str  # dotted name of the module, "__init__" included
    name: str  # dotted name of what is imported: a module, or a name in a module
    when: str  # "import", "call" (inside a function) or "typing" (under TYPE_CHECKING)


def dotted(path, package):
    """creditlib.ops.masks for creditlib/ops/masks.py; a package is its `__init__`."""
    return ".".join(["creditlib", *path.relative_to(package).with_suffix("").parts])


def folder_of(module):
    """The package or top module that a module lies in; "__init__" for the package's own file."""
    pieces = module.split(".")
    return pieces[1] if len(pieces) > 1 else "__init__"


def _walk(node, when="import"):
    """Every import statement below a node, and when it runs."""
    for child in ast.iter_child_nodes(node):
        inner = when
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            inner = "call"
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            inner = "typing"
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, when
        yield from _walk(child, inner)


def imports_of(path, package):
    """The imports of one file, relative ones resolved; `from a import b` gives a.b."""
    module = dotted(path, package)
    here = module.split(".")
    for node, when in _walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, when)
        else:
            base = here[: len(here) - node.level] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(module, f"{start}.{alias.name}", when)


def modules(package):
    """The dotted names of all modules."""
    return sorted(dotted(path, package) for path in package.rglob("*.py"))


def imports(package):
    """Every import of every file of the package."""
    return [found for path in sorted(package.rglob("*.py")) for found in imports_of(path, package)]


def target(name, known):
    """The module that a dotted name lies in, None outside the package."""
    pieces = name.split(".")
    while pieces and pieces[0] == "creditlib":
        for candidate in (".".join(pieces), ".".join([*pieces, "__init__"])):
            if candidate in known:
                return candidate
        pieces.pop()
    return None


def arrows(package, when=("import",)):
    """{module: modules it imports}, for the imports that run at these times."""
    known = set(modules(package))
    found = {module: set() for module in known}
    for each in imports(package):
        to = target(each.name, known)
        if each.when in when and to is not None and to != each.importer:
            found[each.importer].add(to)
    return found


def circles(graph):
    """Sets of modules that reach each other, by Tarjan's algorithm."""
    order, low, stack, found = {}, {}, [], []

    def visit(module):
        order[module] = low[module] = len(order)
        stack.append(module)
        for other in sorted(graph[module]):
            if other not in order:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], order[other])
        if low[module] == order[module]:
            start = stack.index(module)
            found.append(sorted(stack[start:]))
            del stack[start:]

    for module in sorted(graph):
        if module not in order:
            visit(module)
    return [circle for circle in found if len(circle) > 1]


def floors(graph):
    """How many modules the longest chain of imports has; a circle counts as one floor."""
    group = {module: module for module in graph}
    for circle in circles(graph):
        group |= dict.fromkeys(circle, circle[0])
    below = {group[module]: set() for module in graph}
    for module, others in graph.items():
        below[group[module]] |= {group[other] for other in others} - {group[module]}
    height = {}

    def climb(module):
        if module not in height:
            height[module] = 1 + max(map(climb, below[module]), default=0)
        return height[module]

    return max(map(climb, below), default=0)


def inside(graph, folder):
    """The part of a graph that lies in one folder, arrows that leave it cut off."""
    kept = {module for module in graph if folder_of(module) == folder}
    return {module: graph[module] & kept for module in kept}


def table(package):
    """One row per folder: modules, imports between them, floors, circles."""
    graph = arrows(package)
    folders = sorted({folder_of(module) for module in graph})
    rows = [f"{'folder':16}{'rooms':>7}{'arrows':>8}{'floors':>8}{'circles':>9}"]
    for folder in [*folders, "all"]:
        part = graph if folder == "all" else inside(graph, folder)
        if len(part) > 1:
            count = sum(map(len, part.values()))
            numbers = f"{len(part):7}{count:8}{floors(part):8}{len(circles(part)):9}"
            rows.append(f"{folder:16}{numbers}")
    return "\n".join(rows)


def large(package):
    """Files of many lines and functions with many options, one sentence each."""
    found = []
    for path in sorted(package.rglob("*.py")):
        source, where = path.read_text(), path.relative_to(package)
        if len(source.splitlines()) > FILE_LINES:
            found.append(f"{where} has {len(source.splitlines())} lines")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and options(node) > OPTIONS:
                found.append(f"{where}: {node.name} has {options(node)} options")
    return found


def options(function):
    """How many arguments of a function have a default other than None."""
    defaults = [*function.args.defaults, *function.args.kw_defaults]
    return sum(each is not None and ast.unparse(each) != "None" for each in defaults)


if __name__ == "__main__":
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE
    print(table(directory))
    print("\n".join(f"Large: {sentence}." for sentence in large(directory)))
