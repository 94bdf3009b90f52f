"""Other people's code beside ours, on inputs without holes: none of them takes holes.

rl-triton's function from a checkout or installed, torch's compiled associative scan, the eager loop
where it is short enough, and vectorised ones. What a rival cannot do is a reason in its row, and no
fault of ours.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks import peers
from benchmarks.gpu.context import Context, reason
from benchmarks.gpu.measuring import built, gae_plan, kept_inputs, line, measure_plan, truth, write
from benchmarks.results import Row
from benchmarks.run import Setting, lineup
from benchmarks.work import Peer, Plan

__all__ = ["run"]


def run(context: Context) -> None:
    """Ours and then everybody, shape after shape."""
    found, absent = peers.find(context.peers, context.scale.others)
    for name, why in absent.items():
        context.say(f"{name} is absent: {why}")
    plans = [gae_plan(*shape, 10, "int8, full") for shape in context.scale.rivals]
    with kept_inputs():
        context.each(plans, lambda plan: plan.key, lambda plan: _shape(context, plan, found))


def _shape(context: Context, plan: Plan, found: dict[str, Peer]) -> None:
    plan = replace(plan, why="as long as rivals are measured on")
    measure_plan(context, plan)
    works, size, _ = built(plan, context.device)
    here = Setting(device=context.device.kind, backends=(), peers=found)
    lineups = [lineup(plan, work, here) for work in works]
    base = context.row(plan.op, shape=plan.shape, variant=plan.variant, side="peer", why=plan.why)
    for name, why in lineups[0][1].items():
        _refuse(context, replace(base, contestant=name, refused=why))
    wanted = truth(plan) if lineups[0][0] else ()
    for each in lineups[0][0]:
        row = replace(base, contestant=each.name, version=each.version, note=each.note)
        same = [other for others, _ in lineups for other in others if other.name == each.name]
        try:
            wrong = context.device.refusal(each.view(each.call()), lambda: wanted)
            if wrong:
                _refuse(context, replace(row, refused=wrong))
            else:
                write(context, row, [other.call for other in same], size)
        except Exception as error:  # the code of others may raise anything: go on
            _refuse(context, replace(row, refused=reason(error)))
        context.device.forget()


def _refuse(context: Context, row: Row) -> None:
    context.add(row)
    context.say(line(row))
