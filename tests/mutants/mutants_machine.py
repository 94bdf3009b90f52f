"""How a fault is put into the library, how it is killed, and how everything is put back.

A mutant changes the text of one module. What runs is changed inside the functions that exist: each
gets the code of its mutated copy. Code that holds such a function, under any name, in a
decorator, a partial or a table, runs the mutant; afterwards each function gets its own code back.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest
from helpers import law_batches

import creditlib
from creditlib.registry import public_functions
from creditlib.testing.engine.runner import run_law
from creditlib.testing.laws import LAWS
from creditlib.testing.subject import subject_of

TESTS = Path(__file__).parents[1]
GOLDEN = "golden: "
EXAMPLES = 60
LATE = 240  # for a fault that few batches show


@dataclass(frozen=True)
class Mutant:
    """A fault: `old`, found once in a module of creditlib, becomes `new`.

    function and options: what shows the fault. killed_by: the name of a law, or "golden: " and a
    test that compares with a number worked out by hand or computed by published code.
    """

    wrong: str
    module: str
    old: str
    new: str
    function: str
    killed_by: str
    options: dict[str, Any] = field(default_factory=dict)
    examples: int = EXAMPLES

    def __str__(self) -> str:
        return self.wrong

    @property
    def killer(self) -> tuple[str, ...]:
        """What identifies a killer; it must find no fault in the real code."""
        if self.killed_by.startswith(GOLDEN):
            return (self.killed_by,)
        options = [f"{name}={value!r}" for name, value in self.options.items()]
        return (self.killed_by, self.function, *options)


def core(case: str) -> str:
    """The killer that compares with one worked case of published code."""
    return f"{GOLDEN}test_golden_core.py::test_case_agrees_with_the_reference[{case}]"


def by_hand(file: str, test: str = "test_by_hand") -> str:
    """The killer that compares with a number worked out in a test."""
    return f"{GOLDEN}{file}::{test}"


def killed(mutant: Mutant) -> bool:
    """Whether the killer finds fault with the library as it is right now."""
    if mutant.killed_by.startswith(GOLDEN):
        return _differs(mutant.killed_by.removeprefix(GOLDEN))
    function = public_functions().get(mutant.function) or getattr(creditlib, mutant.function)
    law, subject = LAWS[mutant.killed_by], subject_of(function, mutant.options)
    verdict = run_law(law, subject, shrink=False, **law_batches(mutant.examples))
    assert verdict.state in ("kept", "broken"), (mutant.killer, verdict.state)
    return verdict.state == "broken"


def survivors(mutants: list[Mutant]) -> list[str]:
    """The faults that their killers do not notice."""
    found: list[str] = []
    for mutant in mutants:
        with applied(mutant):
            if not killed(mutant):
                found.append(mutant.wrong)
    return found


def _differs(test: str) -> bool:
    """Whether a test of numbers fails; anything but a failed comparison is an error."""
    file, _, name = test.partition("::")
    name, _, argument = name.rstrip("]").partition("[")
    function = getattr(_tests_in(file), name)
    cases = _cases(function)
    if argument:
        parameter = next(each for each in cases[0] if each not in ("backend", "tmp_path"))
        cases = [{**cases[0], parameter: argument}]
    try:
        for arguments in cases:
            function(**arguments)
    except (AssertionError, pytest.fail.Exception):
        return True
    return False


def _cases(function: Any) -> list[dict[str, Any]]:
    """The arguments that pytest would call a test with, one dictionary a case."""
    named = inspect.signature(function).parameters
    fixtures: dict[str, Any] = {"backend": "torch"} if "backend" in named else {}
    if "tmp_path" in named:
        fixtures["tmp_path"] = Path(tempfile.mkdtemp())
    cases: list[dict[str, Any]] = [fixtures]
    marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
    for mark in marks:
        names = mark.args[0].split(",") if isinstance(mark.args[0], str) else mark.args[0]
        rows = [(row,) if len(names) == 1 else row for row in mark.args[1]]
        own = [dict(zip(names, row, strict=True)) for row in rows]
        cases = [{**case, **more} for case in cases for more in own]
    return cases


def _tests_in(file: str) -> ModuleType:
    """A test file loaded for one use: a fault may have written into the tensors of the last."""
    path = TESTS / file
    spec = importlib.util.spec_from_file_location(f"mutants_golden_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- putting a fault in -------------------------------------------------------------------------


@contextmanager
def applied(mutant: Mutant) -> Iterator[int]:
    """The library with the fault, for as long as the block runs; yields how many functions it hit.

    Names that the faulty code gave its module are forgotten afterwards.
    """
    module = _module(mutant.module)
    before, after = _sources(mutant)
    changed = _changed_functions(before, after, str(module.__file__))
    names = dict(vars(module))
    own = [(function, function.__code__) for function, code in changed]
    try:
        for function, code in changed:
            function.__code__ = code
        yield len(changed)
    finally:
        for function, code in own:
            function.__code__ = code
        for name in set(vars(module)) - set(names):
            delattr(module, name)
        vars(module).update(names)


def _module(path: str) -> ModuleType:
    return importlib.import_module("creditlib." + path.removesuffix(".py").replace("/", "."))


def _sources(mutant: Mutant) -> tuple[str, str]:
    """The text of the module, and that text with the fault."""
    source = Path(str(_module(mutant.module).__file__)).read_text()
    count = source.count(mutant.old)
    if count != 1:
        raise ValueError(f"{mutant.wrong}: {count} times in {mutant.module}: {mutant.old!r}")
    return source, source.replace(mutant.old, mutant.new)


def _changed_functions(before: str, after: str, file: str) -> list[tuple[FunctionType, CodeType]]:
    """Every function of a file whose code the fault changes, with its faulty code."""
    old, new = (_codes(compile(text, file, "exec", dont_inherit=True)) for text in (before, after))
    place = {(code.co_name, code.co_firstlineno): path for path, code in old.items()}
    found: list[tuple[FunctionType, CodeType]] = []
    for function in _functions():
        code = function.__code__
        path = place.get((code.co_name, code.co_firstlineno))
        if code.co_filename == file and path in new and not _same(old[path], new[path]):
            found.append((function, new[path]))
    return found


def _same(a: CodeType, b: CodeType) -> bool:
    return (a.co_code, a.co_names, a.co_varnames) == (b.co_code, b.co_names, b.co_varnames) and (
        _plain(a) == _plain(b)
    )


def _plain(code: CodeType) -> list[Any]:
    """Constants without line numbers: what lies inside is compared by its own constants."""
    return [
        (x.co_code, x.co_names, _plain(x)) if isinstance(x, CodeType) else (type(x), x)
        for x in code.co_consts
    ]


def _codes(code: CodeType, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], CodeType]:
    """Every piece of code by the names that lead to it."""
    found: dict[tuple[str, ...], CodeType] = {}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            place = (*path, inner.co_name)
            while place in found:  # several lambdas, say
                place = (*place, "again")
            found[place] = inner
            found |= _codes(inner, place)
    return found


def _functions() -> list[FunctionType]:
    """Every function of the package, inside decorators and classes too, once."""
    found: dict[int, FunctionType] = {}
    for name, module in list(sys.modules.items()):
        if module is None or not (name == "creditlib" or name.startswith("creditlib.")):
            continue
        for thing in list(vars(module).values()):
            inside = list(vars(thing).values()) if isinstance(thing, type) else [thing]
            for each in inside:
                for function in _layers(each):
                    found[id(function)] = function
    return list(found.values())


def _layers(thing: Any) -> Iterator[FunctionType]:
    """A function and those that it wraps."""
    while isinstance(thing, FunctionType):
        yield thing
        for cell in thing.__closure__ or ():
            if isinstance(cell.cell_contents, FunctionType):
                yield cell.cell_contents
        thing = getattr(thing, "__wrapped__", None)
