"""Harbor's job folders: which files they hold, and the result beside a trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, cast

from creditlib.rollouts.json_files import json_value
from creditlib.rollouts.rollout_format import Row, file_of
from creditlib.rollouts.storage import Location
from creditlib.vocabulary.messages import ContractError, error_line

__all__ = ["continuation_of", "job_files", "result_beside"]

_RESULT, _TRAJECTORY = "result.json", "trajectory.json"


def job_files(folder: Location) -> list[Location]:
    """One file for each trial of a trial, a job or a folder of jobs; none for any other folder.

    A trial is a folder with a `result.json`. Its file is `agent/trajectory.json`, or the result
    itself where the agent wrote no trajectory.
    """
    for pattern in ("", "*/", "*/*/"):
        trials = {path.parent.parent for path in folder.glob(f"{pattern}agent/{_TRAJECTORY}")}
        if trials:
            trials |= {
                path.parent
                for path in folder.glob(f"{pattern}{_RESULT}")
                if (path.parent / "agent").is_dir()
            }
            return [_trial_file(trial) for trial in sorted(trials, key=lambda trial: trial.parts)]
    return []


def _trial_file(trial: Location) -> Location:
    written = trial / "agent" / _TRAJECTORY
    return written if written.is_file() else trial / _RESULT


def result_beside(place: str) -> Row | None:
    """The object in `result.json` of the trial that a trajectory belongs to, None without one."""
    file = file_of(place)
    if not file.name.startswith("trajectory"):
        return None
    folder = file.parent.parent if file.parent.name == "agent" else file.parent
    return _object_in(folder / _RESULT) if (folder / _RESULT).is_file() else None


def continuation_of(reference: object, place: str) -> tuple[Location, Row] | None:
    """The file in the same folder that continues a trajectory, and its object; None without one."""
    if not isinstance(reference, str) or not reference:
        return None
    file = file_of(place).parent / PurePath(reference).name
    if not file.is_file():
        raise ContractError(
            f"rollouts: `continued_trajectory_ref` must name a file beside the trajectory, got no "
            f"file {file} in {place}."
        )
    return file, _object_in(file)


def _object_in(file: Location) -> Row:
    try:
        value: Any = json_value(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ContractError(
            f"rollouts: a file must be one JSON object, got {error_line(error)} in {file}."
        ) from None
    if not isinstance(value, Mapping):
        kind = type(value).__name__
        raise ContractError(f"rollouts: a file must be one JSON object, got {kind} in {file}.")
    return cast("Row", value)
