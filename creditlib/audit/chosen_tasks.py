"""Tasks by name, by import path, or as they are."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence

from creditlib.audit.task import Task
from creditlib.audit.tasks import TASKS
from creditlib.vocabulary.messages import ContractError, contract_error, did_you_mean, error_line

__all__ = ["Chosen", "chosen_tasks"]

Chosen = str | Task | Callable[[], Task]


def chosen_tasks(
    tasks: Sequence[Chosen] | None = None,
    known: Mapping[str, Callable[[], Task]] | None = None,
) -> list[Task]:
    """The tasks that were asked for, each made once.

    tasks: names of `known`, import paths such as "mypkg:my_task", tasks, or functions without
    arguments that return one; None is all of `known`. known: the tasks by name, by default
    `tasks.TASKS`.

    Errors: an unknown name; an import path that does not load; something that is no task; two tasks
    of one name; no task at all.

    >>> [task.name for task in chosen_tasks(["rooms", "recovery"])]
    ['rooms', 'recovery']
    """
    table = TASKS if known is None else known
    found = [_task(each, table) for each in (table if tasks is None else tasks)]
    if not found:
        raise contract_error("audit", "tasks", "at least one task", "none")
    names = [task.name for task in found]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        wanted, remedy = "tasks of different names", "give one of them another `name`"
        raise contract_error("audit", "tasks", wanted, f"two with the name {double!r}", remedy)
    return found


def _task(chosen: Chosen, known: Mapping[str, Callable[[], Task]]) -> Task:
    """One task; a string is a name or an import path."""
    made: object = chosen
    if isinstance(chosen, str):
        made = known[chosen] if chosen in known else _imported(chosen, known)
    if callable(made):
        made = _called(made, chosen)
    if not isinstance(made, Task):
        wanted = "a task, or a function without arguments that returns one"
        shown = repr(chosen) if isinstance(chosen, str) else type(chosen).__name__
        fact = f"{shown}, which gives {type(made).__name__}"
        raise contract_error("audit", "tasks", wanted, fact, "make it by `Task.from_step`")
    return made


def _called(maker: Callable[..., object], chosen: Chosen) -> object:
    """What a function without arguments returns."""
    try:
        return maker()
    except ContractError:
        raise
    except Exception as error:
        wanted = "a task, or a function without arguments that returns one"
        shown = (
            repr(chosen) if isinstance(chosen, str) else getattr(maker, "__name__", "a function")
        )
        fact = f"{shown} ({error_line(error)})"
        raise contract_error("audit", "tasks", wanted, fact) from error


def _imported(path: str, known: Mapping[str, Callable[[], Task]]) -> object:
    """What an import path such as "mypkg:my_task" names."""
    if ":" not in path:
        wanted = f"one of {', '.join(map(repr, known))}, or 'package.module:task'"
        raise contract_error("audit", "tasks", wanted, f"{path!r}{did_you_mean(path, known)}")
    try:
        return pkgutil.resolve_name(path)
    except (Exception, SystemExit) as error:  # an import may raise anything
        fact = f"{path!r} ({error_line(error)})"
        raise contract_error("audit", "tasks", "an import path that loads", fact) from error
