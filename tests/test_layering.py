"""Who may import whom: imports are read from the source, nothing is imported.

`names` finds the estimators by the text of their module, when asked: that is not an import.
"""

import ast
import sys
from pathlib import Path

import creditlib

PACKAGE = Path(creditlib.__file__).parent

# From the bottom up. A module may import its own layer and those below it.
LAYERS = [
    ["word", "vocabulary", "annotations", "contract", "names", "ids", "similarity", "layouts"],
    ["ops"],
    ["tokens", "estimators", "shaping", "weighting"],
    ["diagnostics", "checks", "distributed", "presets"],
    [
        "__init__",
        "__main__",
        "testing",
        "audit",
        "rollouts",
        "report",
        "integrations",
        "demo",
        "doctor",
        "cli",
    ],
]
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}

# Who may import a package that not every installation has; "*_numba" is an ending of file names.
ALLOWED = {
    "numba": ["*_numba"],
    "triton": ["*_triton"],
    "hypothesis": ["testing"],
    "pytest": ["testing"],
    "typer": ["cli"],
    "rich": ["cli", "doctor", "report", "demo"],
    "pyarrow": ["rollouts"],
    "textworld": ["demo"],
    "scipy": ["demo", "audit"],
    "rapidfuzz": ["similarity"],
}
# What the core needs. Anything else is an extra and needs a row above, or is a trainer, which
# only an integration may import.
CORE = {"creditlib", "torch", "numpy", "einops", "jaxtyping"}


def imports(path, package):
    """Dotted names a file imports, relative ones resolved; `from a import b` gives a.b."""
    parts = path.relative_to(package).with_suffix("").parts
    here = ("creditlib", *parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def part_of(dotted):
    """The part of the package a dotted name lies in; the package itself is its `__init__`."""
    pieces = dotted.split(".")
    return pieces[1] if len(pieces) > 1 and pieces[1] in LEVEL else "__init__"


def may(path, package, name):
    parts = path.relative_to(package).with_suffix("").parts
    rules = ALLOWED.get(name)
    if rules is None:
        return parts[0] == "integrations"
    return any(
        parts[-1].endswith(rule[1:]) if rule[0] == "*" else parts[0] == rule for rule in rules
    )


def violations(package):
    found = []
    for path in sorted(package.rglob("*.py")):
        where = path.relative_to(package)
        own = where.with_suffix("").parts[0]
        if own not in LEVEL:
            found.append(f"{where} belongs to no layer")
            continue
        for dotted in imports(path, package):
            top = dotted.split(".")[0]
            if top == "creditlib":
                if LEVEL[part_of(dotted)] > LEVEL[own]:
                    found.append(f"{where} imports {dotted} from a layer above")
            elif top not in CORE and not in_standard_library(top) and not may(path, package, top):
                found.append(f"{where} imports {top}")
    return found


def in_standard_library(name):
    return name in sys.stdlib_module_names


def test_nobody_imports_upward_and_extras_stay_where_they_belong():
    assert violations(PACKAGE) == []


def test_every_layer_is_looked_at():
    parts = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in PACKAGE.rglob("*.py")}
    assert parts <= set(LEVEL)
    assert {part for level in LAYERS[:4] for part in level} <= parts


BAD = {
    "vocabulary.py": "from creditlib.ops import groups\n",
    "ids.py": "def f():\n    import rapidfuzz\n",
    "ops/__init__.py": "",
    "ops/groups.py": "from creditlib.estimators.grpo import grpo\nimport numba\n",
    "ops/scan_numba.py": "import numba\nimport triton\n",
    "ops/spread.py": "from .. import tokens\n",
    "estimators/grpo.py": "import creditlib as cl\n",
    "estimators/igpo.py": "import hypothesis.strategies as st\n",
    "checks.py": "if True:\n    from creditlib.report.explain import explain\n",
    "stray.py": "",
    "cli.py": "import typer\nimport pandas\nimport creditlib as cl\n",
    "integrations/verl.py": "import verl\n",
    "shaping/good.py": "import math\nimport einops\nfrom creditlib.tokens import to_tokens\n",
}


def test_a_bad_tree_is_caught(tmp_path):
    """Each kind of violation, planted: upward, relative, nested, extras, unknown modules."""
    for name, source in BAD.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    assert violations(tmp_path) == [
        "checks.py imports creditlib.report.explain.explain from a layer above",
        "cli.py imports pandas",
        "estimators/grpo.py imports creditlib from a layer above",
        "estimators/igpo.py imports hypothesis",
        "ids.py imports rapidfuzz",
        "ops/groups.py imports creditlib.estimators.grpo.grpo from a layer above",
        "ops/groups.py imports numba",
        "ops/scan_numba.py imports triton",
        "ops/spread.py imports creditlib.tokens from a layer above",
        "stray.py belongs to no layer",
        "vocabulary.py imports creditlib.ops.groups from a layer above",
    ]
