"""Who may import whom: imports are read from the source (`house.py`), nothing is imported.

`registry` finds functions by the text of their module when it is asked: that is not an import.
"""

import sys

import pytest
from house import (
    PACKAGE,
    arrows,
    circles,
    dotted,
    folder_of,
    imports,
    large,
    modules,
    table,
    target,
)

# From the bottom up. A module imports its own folder and the layers below it. Folders that stand
# side by side on one layer do not import each other.
LAYERS = [
    ["vocabulary", "version", "start"],
    ["inputs", "registry"],
    ["ops"],
    ["algebra"],
    ["estimators", "shaping", "weighting"],
    ["recipes"],
    ["presets", "diagnostics", "distributed", "streaming"],
    ["rows", "rollouts", "audit"],
    ["testing"],
    ["integrations", "report"],
    ["__init__"],
    ["cli"],
    ["__main__"],
]
LEVEL = {folder: level for level, folders in enumerate(LAYERS) for folder in folders}

# What the core needs. Anything else is an extra and needs a row below, or is a trainer, which only
# an integration imports.
CORE = {"creditlib", "torch", "numpy", "einops", "jaxtyping"}
# Who imports a package that not every installation has: a folder, a module, or a file name's start.
EXTRAS = {
    "triton": ["triton_*"],
    "numba": ["numba_*"],
    "hypothesis": ["testing"],
    "pytest": ["testing"],
    "typer": ["cli"],
    "rich": ["cli", "report"],
    "pyarrow": ["rollouts"],
    "fsspec": ["rollouts.storage_systems"],
    "ray": ["rollouts.crediting.ray_engine"],
    "scipy": ["ops.matching"],
    "matplotlib": ["report"],
    "jinja2": ["report.page"],
    "rapidfuzz": ["inputs.similarity"],
    "examples": ["cli"],  # from a checkout: `creditlib demo` runs examples/textworld
}


def may_use(module, extra):
    """Whether a module may import a package outside the core."""
    if extra not in EXTRAS:
        return folder_of(module) == "integrations"
    inner = module.removeprefix("creditlib.")
    return any(
        inner.split(".")[-1].startswith(rule[:-1])
        if rule.endswith("*")
        else inner == rule or inner.startswith(f"{rule}.")
        for rule in EXTRAS[extra]
    )


def is_private(name):
    """Whether a name below a package's folder is private: creditlib.ops._x."""
    return any(part.startswith("_") and not part.startswith("__") for part in name.split(".")[2:])


def wrong_imports(package):
    """One sentence for each import that leaves its place."""
    known = set(modules(package))
    for each in imports(package):
        own, top = folder_of(each.importer), each.name.split(".")[0]
        where = each.importer.removeprefix("creditlib.")
        if top == "creditlib":
            other = folder_of(target(each.name, known) or each.name)
            if own == other or own not in LEVEL or other not in LEVEL:
                continue
            if LEVEL[other] > LEVEL[own]:
                yield f"{where} imports {each.name} from a layer above"
            elif LEVEL[other] == LEVEL[own]:
                yield f"{where} imports {each.name}, which stands beside it"
            elif is_private(each.name):
                yield f"{where} imports {each.name}, which is private"
        elif top not in CORE | sys.stdlib_module_names and not may_use(each.importer, top):
            yield f"{where} imports {top}"


def violations(package):
    """Everything that is wrong with the imports of a package, one sentence each."""
    found = [
        f"{folder} has no layer"
        for folder in sorted({folder_of(module) for module in modules(package)} - set(LEVEL))
    ]
    found += wrong_imports(package)
    for circle in circles(arrows(package)):
        found.append(" and ".join(name.removeprefix("creditlib.") for name in circle) + " circle")
    return found


def test_imports_go_down_and_extras_stay_in_their_place():
    assert violations(PACKAGE) == []


def test_every_layer_exists():
    assert set(LEVEL) == {folder_of(module) for module in modules(PACKAGE)}


PLANTED = {
    "upward": (
        {"vocabulary/words.py": "from creditlib.ops import masks\n", "ops/masks.py": ""},
        "vocabulary.words imports creditlib.ops.masks from a layer above",
    ),
    "upward, relative": (
        {"ops/tokens/reference.py": "from ... import algebra\n", "algebra.py": ""},
        "ops.tokens.reference imports creditlib.algebra from a layer above",
    ),
    "upward, in a function": (
        {"inputs/ids.py": "def f():\n    from creditlib.report.explain import explain\n"},
        "inputs.ids imports creditlib.report.explain.explain from a layer above",
    ),
    "upward, for types": (
        {"ops/a.py": "if TYPE_CHECKING:\n    from creditlib.testing.check import Report\n"},
        "ops.a imports creditlib.testing.check.Report from a layer above",
    ),
    "the whole package": (
        {"estimators/trajectory/grpo.py": "import creditlib as cl\n", "__init__.py": ""},
        "estimators.trajectory.grpo imports creditlib from a layer above",
    ),
    "beside": (
        {"shaping/a.py": "from creditlib.weighting.b import b\n", "weighting/b.py": ""},
        "shaping.a imports creditlib.weighting.b.b, which stands beside it",
    ),
    "private": (
        {"estimators/a.py": "from creditlib.algebra import _f\n", "algebra.py": ""},
        "estimators.a imports creditlib.algebra._f, which is private",
    ),
    "a circle": (
        {
            "rows/a.py": "from creditlib.rows.b import b\n",
            "rows/b.py": "from creditlib.rows import c\n",
            "rows/c.py": "from .a import a\n",
        },
        "rows.a and rows.b and rows.c circle",
    ),
    "a folder without a layer": ({"stray.py": ""}, "stray has no layer"),
    "triton": ({"ops/a/numba_loops.py": "import triton\n"}, "ops.a.numba_loops imports triton"),
    "numba": ({"ops/a/reference.py": "import numba\n"}, "ops.a.reference imports numba"),
    "hypothesis": (
        {"estimators/a.py": "import hypothesis.strategies as st\n"},
        "estimators.a imports hypothesis",
    ),
    "pytest": ({"report/a.py": "import pytest\n"}, "report.a imports pytest"),
    "typer": ({"report/a.py": "import typer\n"}, "report.a imports typer"),
    "rich": ({"testing/a.py": "import rich\n"}, "testing.a imports rich"),
    "pyarrow": ({"cli/a.py": "import pyarrow\n"}, "cli.a imports pyarrow"),
    "rapidfuzz": (
        {"inputs/ids.py": "def f():\n    import rapidfuzz\n"},
        "inputs.ids imports rapidfuzz",
    ),
    "ray": ({"rollouts/a.py": "import ray\n"}, "rollouts.a imports ray"),
    "scipy": ({"shaping/a.py": "import scipy\n"}, "shaping.a imports scipy"),
    "a trainer": ({"rows/a.py": "import verl\n"}, "rows.a imports verl"),
}
FINE = {
    "ops/a/triton_kernel.py": "import triton\n",
    "ops/a/numba_loops.py": "import numba\n",
    "testing/a.py": "import hypothesis, pytest\n",
    "cli/a.py": "import typer, rich\nfrom creditlib import __version__\n",
    "rollouts/a.py": "import pyarrow\n",
    "inputs/similarity.py": "import rapidfuzz\n",
    "ops/matching/reference.py": "def f():\n    import scipy\n",
    "integrations/verl/a.py": "import verl\nfrom creditlib.integrations.verl.b import _b\n",
    "integrations/verl/b.py": "def f():\n    from creditlib.integrations.verl import a\n",
    "shaping/a.py": "import math\nimport einops\nfrom creditlib.algebra import to_tokens\n",
    "algebra.py": "",
    "__init__.py": "",
}


def planted(directory, files):
    for name, source in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return directory


@pytest.mark.parametrize("rule", PLANTED)
def test_a_violation_of_each_rule_is_caught(rule, tmp_path):
    files, sentence = PLANTED[rule]
    assert violations(planted(tmp_path, files)) == [sentence]


def test_what_is_allowed_passes(tmp_path):
    assert violations(planted(tmp_path, FINE)) == []


def test_the_table_counts_modules_imports_floors_and_circles(tmp_path):
    files, _ = PLANTED["a circle"]
    package = planted(tmp_path, {**files, "rows/d.py": "from creditlib.rows.a import a\n"})
    assert table(package).splitlines()[1].split() == ["rows", "4", "4", "2", "1"]
    assert dotted(package / "rows" / "d.py", package) == "creditlib.rows.d"


def test_large_files_and_functions_are_named(tmp_path):
    options = ", ".join(f"x{i}={i}" for i in range(13))
    files = {"a.py": "x = 1\n" * 401, "b.py": f"def f(y, *, z=None, {options}): ...\n"}
    assert large(planted(tmp_path, files)) == ["a.py has 401 lines", "b.py: f has 13 options"]
