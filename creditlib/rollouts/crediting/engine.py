"""`credit`: the two passes, and the checks before them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.crediting.manifest import is_finished, manifest_of
from creditlib.rollouts.crediting.native import is_native
from creditlib.rollouts.crediting.output import Output
from creditlib.rollouts.crediting.plan import Estimator, make_plan
from creditlib.rollouts.crediting.progress import Progress, Reporter
from creditlib.rollouts.crediting.run import Run
from creditlib.rollouts.crediting.sidecar import Form, output_paths
from creditlib.rollouts.crediting.sources import Source, expand, open_sources
from creditlib.rollouts.crediting.standard_input import copied_inputs, named_file
from creditlib.rollouts.crediting.summary import Summary
from creditlib.rollouts.formats import AUTO, find_format
from creditlib.rollouts.rollout_format import RolloutFormat
from creditlib.rollouts.storage import Location
from creditlib.vocabulary.messages import contract_error, did_you_mean

__all__ = ["credit", "memory_bytes"]

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def memory_bytes(text: str | int) -> int:
    """A size such as "1GB" or "500 MB" in bytes; a number is bytes.

    >>> memory_bytes("500MB"), memory_bytes(7)
    (500000000, 7)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?B?)\s*", str(text).upper())
    unit = found[2].replace("I", "") if found else "?"
    unit = unit if unit in _UNITS or not unit else f"{unit}B"
    if isinstance(text, bool) or not found or unit not in _UNITS or not float(found[1]):
        raise contract_error("credit", "memory", "a size such as '1GB'", repr(text))
    return int(float(found[1]) * _UNITS[unit])


def credit(
    paths: str | Path | Sequence[str | Path],
    estimators: Estimator | Sequence[Estimator],
    *,
    out: str | Path | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    format: str | RolloutFormat = AUTO,
    to: str | None = None,
    stitch: bool = False,
    filter: str | None = None,
    overwrite: bool = False,
    resume: bool = False,
    skip_bad: bool = False,
    memory: str | int = "1GB",
    jobs: int = 1,
    engine: str = "local",
    progress: Callable[[Progress], None] | None = None,
    **format_options: Any,
) -> Summary:
    """Write the credit of stored rollouts: one file of credit for each file, in the same order.

    Two passes. The first reads of every file only what the estimators need, group by hash of the
    group, into columns of about 130 bytes a trajectory. The second credits batches of whole groups,
    whatever files their members lie in. The numbers are those of `creditlib.apply` on all
    trajectories at once, bit for bit.

    Output: `NAME.credit.parquet` beside each file `NAME.*`, with a row for each row of the file, in
    its order: `trajectory` (the `id`, or the number of the row from 0 where no file has one),
    `group`, a column for each estimator (a list of a number for each turn, or one number where the
    estimator works on trajectories), `group_size` (trajectories of the group that take part),
    `group_constant` (whether several take part and all have one outcome), `met_a_peer` (the share
    of turns that start from an observation from which another turn of the group starts; null where
    no estimator reads observations). A file is written under a temporary name and then renamed;
    an object of a store is uploaded when it is whole.

    Estimators of trajectories and of turns, as `apply` takes them. Most credit a group by itself.
    These compare all trajectories, so the columns of all files are in memory for one call: `gdpo`,
    `gpg`, `reinforce_plus_plus_baseline`, `duration_weight` unless over="group", `grpo` with
    scale_over="batch", `grpo_process` with over="turn_of_batch", and every function that is not of
    creditlib. If the columns exceed `memory`, they are refused.

    Args:
        paths: files, folders, patterns or addresses of these, as in `read`. "-" is standard input:
            it is copied to a temporary file, because a run reads each file twice, and `out` must be
            given.
        estimators: what `resolve` takes, or a list of it; each has a column.
        out: the folder to write to, or its address such as "s3://bucket/credit"; None writes
            beside each file. For standard input, whose output
            is `stdin.credit.parquet` in that folder, it may also be a file.
        options: arguments by estimator, such as {"gigpo": {"gamma": 0.9}}.
        format: the schema of the rows, as in `read`. Formats other than creditlib's own are
            converted in pieces of 1,024 rows. verl's dumps and TRL's logs are read once more
            before, because all rows decide what a row is, and a piece holds whole steps. All rows
            are converted together, and are refused where the files exceed `memory`, where rows of a
            step lie apart, and for a `RolloutFormat` of your own without `pieces`.
        format_options: what a format takes besides, as `options` of `read`.
        to: "parquet" or "jsonl"; None writes Parquet, and copies in the kind of the input.
            "verifiers" and "atropos", for inputs of that format and one estimator, write
            `NAME.credited.jsonl`: the rows with the credit as their `advantages`.
        stitch: write `NAME.credited.*`, a copy of each file with the columns added (without
            `trajectory` and `group`), instead of the file of credit.
        filter: "informative" writes only groups some of whose credit is not 0, under at least one
            estimator; a column `row` says which rows of the file they are, from 0. None writes all.
        overwrite: replace outputs that exist; otherwise they are refused before any work.
        resume: keep outputs that an equal run has finished (same names, sizes, estimators and
            options; no input is newer) and write the others. If all are finished, nothing is read;
            otherwise the columns of all files are read again, because a group may lie in any.
        skip_bad: leave out rows that break the schema: their credit is null, and they are counted.
            Of a key that some trajectories have and others lack, those that lack it are bad.
        memory: how much the columns may take before they go to temporary files.
        jobs: processes, this one among them, that read files, credit groups and write files, each
            in one thread. With more than 1, a script needs `if __name__ == "__main__"`. Estimators
            that compare all trajectories are called in this process.
        engine: "local" works in `jobs` processes of this machine. "ray" works in tasks of Ray, on
            the cluster that this process is connected to or else on one that it starts here. Every
            machine of the cluster must see the inputs and outputs under the same paths; tasks open
            addresses themselves. The files
            are those of "local", byte for byte; `memory` is for each task.
        progress: a function that is called with a `Progress` after each part.

    Degenerate cases: a trajectory without an outcome takes no part, and its credit is 0; one
    without turns has an empty list. A group of one gets what the estimator gives a lone member.

    Errors: a ContractError of one sentence that names the file and the row; nothing is half
    written. A full disk is an OSError, and every file that was there stays as it was.

    >>> import tempfile
    >>> from creditlib.rollouts import write
    >>> folder = Path(tempfile.mkdtemp())
    >>> turn = {"text": "56"}
    >>> write(folder / "1.parquet", [{"group": "7*8", "outcome": 1.0, "turns": [turn]}])
    >>> write(folder / "2.parquet", [{"group": "7*8", "outcome": 0.0, "turns": [turn]}])
    >>> found = credit(folder, "rloo")
    >>> found.groups, [Path(name).name for name in found.outputs]
    (1, ['1.credit.parquet', '2.credit.parquet'])
    """
    if filter not in (None, "informative"):
        fact = f"{filter!r}{did_you_mean(filter, ['informative'])}"
        raise contract_error("credit", "filter", "None or 'informative'", fact)
    if isinstance(jobs, bool) or jobs < 1:
        raise contract_error("credit", "jobs", "a whole number, at least 1", repr(jobs))
    if engine not in ("local", "ray"):
        fact = f"{engine!r}{did_you_mean(engine, ('local', 'ray'))}"
        raise contract_error("credit", "engine", "'local' or 'ray'", fact)
    if engine == "ray" and jobs != 1:
        raise contract_error("credit", "jobs", "left out where `engine` is 'ray'", repr(jobs))
    arrow_modules()
    budget = memory_bytes(memory)
    plan = make_plan(estimators, options)
    given = {k: v for k, v in format_options.items() if v is not None}
    with copied_inputs(paths, out, resume, engine) as inputs:
        files = expand(inputs.paths, find_format(format))
        sources, lost = open_sources(files, format, skip_bad, given.get("keys") is not None)
        sources = inputs.shown(sources)
        others = {"stitch": stitch, "filter": filter, "skip_bad": skip_bad}
        native = is_native(to, sources, [each.name for each in plan.asked], others)
        kind = "jsonl" if native else to
        file = named_file(inputs, out, kind)
        outputs = output_paths(sources, out, kind if file is None else file[1], stitch or native)
        outputs = outputs if file is None else [file[0]]
        asked = dict(format=str(format), stitch=stitch, filter=filter, skip_bad=skip_bad, **given)
        asked |= {"to": to} if native else {}
        manifests = [manifest_of(each, sources, plan, asked) for each in sources]
        kept = _kept(outputs, manifests, sources, overwrite, resume)
        if len(kept) == len(outputs):
            return Summary(outputs=tuple(map(str, outputs)), kept=tuple(map(str, outputs)))
        name = plan.asked[0].name if native else ""
        todo = [
            Output(path, source, manifest, path in kept, name)
            for path, source, manifest in zip(outputs, sources, manifests, strict=True)
        ]
        report = Reporter(progress, sum(each.size for each in sources))
        with _run_of(engine)(plan, sources, budget, skip_bad, jobs) as run:
            run.read(given, report)
            counts = run.credit(report)
            run.write(todo, _form(run, stitch, filter is not None), report)
        return inputs.told(run.summary(counts, outputs, kept, lost))


def _form(run: Run, stitch: bool, informative: bool) -> Form:
    """How the outputs look; copies of rows that hold several trajectories are refused."""
    facts = run.facts
    if stitch and facts.spread:
        name = run.sources[0].format.name
        fact = f"rows of the format {name}, which hold several trajectories"
        raise contract_error("credit", "stitch", "false", fact, "write a sidecar instead")
    return Form(stitch, informative, run.skip_bad, facts.spread, facts.names, run.types)


def _run_of(engine: str) -> type[Run]:
    """The class of a run; only that of Ray imports Ray."""
    if engine == "local":
        return Run
    from creditlib.rollouts.crediting.ray_engine import RayRun

    return RayRun


def _kept(
    outputs: Sequence[Location],
    manifests: Sequence[bytes],
    sources: Sequence[Source],
    overwrite: bool,
    resume: bool,
) -> set[Location]:
    """The outputs that a resumed run keeps; one that may not be replaced is refused."""
    kept: set[Location] = set()
    for path, manifest in zip(outputs, manifests, strict=True):
        if resume and is_finished(path, manifest, sources):
            kept.add(path)
        elif path.exists() and not overwrite:
            fact = f"{path}, which exists"
            if resume:
                fact += " and was made from other inputs, estimators or options"
            wanted = "a folder without the outputs of an earlier run"
            raise contract_error("credit", "out", wanted, fact, "allow it with `overwrite`")
    return kept
