"""`creditlib demo`: the training on text games, or rollouts that it wrote."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from creditlib.cli.typer_app import app, make_console
from creditlib.report import explain
from creditlib.rollouts import read

__all__ = ["demo"]

_CHECKOUT = Path(__file__).resolve().parents[2]
_SHIPPED = Path(__file__).parent / "textworld_rollouts.jsonl"


@app.command(short_help="Show GRPO and GiGPO on text games.")
def demo(
    seeds: Annotated[int, typer.Option(help="Paired training runs of each estimator.")] = 32,
    updates: Annotated[int, typer.Option(help="Optimizer steps in a run.")] = 100,
    out: Annotated[Path, typer.Option(help="File for the rollouts, *.jsonl.")] = Path(
        "demo_rollouts.jsonl"
    ),
) -> None:
    """Train on text games with GRPO and GiGPO credit; without a checkout, show such rollouts.

    The options are those of the training, which needs a checkout of creditlib.
    """
    if (_CHECKOUT / "examples" / "textworld").is_dir():
        training = _examples("textworld")
        training.run(seeds=seeds, updates=updates, out=out, console=make_console())
    else:
        _show_shipped_rollouts()


def _examples(name: str) -> Any:
    """A package of the examples of this checkout, whatever else is called `examples`."""
    if "examples" not in sys.modules:
        file = _CHECKOUT / "examples" / "__init__.py"
        spec = importlib.util.spec_from_file_location("examples", file)
        assert spec is not None
        assert spec.loader is not None
        package = importlib.util.module_from_spec(spec)
        sys.modules["examples"] = package
        spec.loader.exec_module(package)
    return importlib.import_module(f"examples.{name}")


def _show_shipped_rollouts() -> None:
    """One screen on the credit of rollouts that the training wrote, and the page that shows all."""
    explanation = explain(read(_SHIPPED), ["grpo", "gigpo"], more="`creditlib explain --all`")
    console = make_console(explanation.width)
    plain: dict[str, Any] = {"markup": False, "highlight": False, "soft_wrap": True}
    console.print(
        "The demo that trains on text games lies in examples/textworld of creditlib's repository; "
        "`make demo` runs it there. It wrote these rollouts.\n",
        **plain,
    )
    console.print(explanation)
    console.print(
        f"A page for the browser shows every turn:\n  creditlib report {_SHIPPED} -e grpo -e gigpo",
        **plain,
    )
