"""What an output was made from: it lies in the file itself, so that a run can be resumed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.crediting.plan import Plan
from creditlib.rollouts.crediting.sources import Source
from creditlib.rollouts.parquet_files import parquet_file
from creditlib.rollouts.storage import Location, check_reached

__all__ = ["KEY", "is_finished", "manifest_of", "manifest_path"]

KEY = b"creditlib.credit"  # in the metadata of a Parquet file


def manifest_of(
    source: Source, sources: Sequence[Source], plan: Plan, options: Mapping[str, Any]
) -> bytes:
    """The manifest of one output as JSON: its input, all inputs by a digest, what was asked.

    It holds names and sizes, no times and no folders, so that equal runs write equal bytes.
    """
    inputs = [[each.path.name, each.size] for each in sources]
    asked = [
        [each.name, str(_path_of(each.estimator)), {k: repr(v) for k, v in each.options.items()}]
        for each in plan.asked
    ]
    found = {
        "version": 1,
        "input": source.path.name,
        "size": source.size,
        "inputs": len(inputs),
        "digest": hashlib.blake2b(json.dumps(inputs).encode(), digest_size=16).hexdigest(),
        "estimators": asked,
        "options": {name: repr(value) for name, value in sorted(options.items())},
    }
    return json.dumps(found, sort_keys=True).encode()


def _path_of(estimator: Any) -> str:
    if isinstance(estimator, str):
        return estimator
    name = getattr(estimator, "__qualname__", type(estimator).__qualname__)
    return f"{getattr(estimator, '__module__', '')}:{name}"


def manifest_path(output: Location) -> Location:
    """Where the manifest of a file of JSON Lines lies: it has no room for one.

    >>> from pathlib import Path
    >>> str(manifest_path(Path("runs/1.credit.jsonl")))
    'runs/.1.credit.jsonl.manifest'
    """
    return output.with_name(f".{output.name}.manifest")


def is_finished(output: Location, manifest: bytes, sources: Sequence[Source]) -> bool:
    """Whether a file is whole, was made by an equal run, and is no older than its inputs."""
    if not output.is_file():
        return False
    made = output.stat().st_mtime_ns
    if any(each.path.stat().st_mtime_ns > made for each in sources):
        return False
    if output.suffix != ".parquet":
        beside = manifest_path(output)
        return beside.is_file() and beside.read_bytes() == manifest
    arrow, _, _ = arrow_modules()
    try:
        with parquet_file(output) as file:
            metadata: Mapping[bytes, bytes] = file.schema_arrow.metadata or {}
    except (arrow.ArrowException, OSError, ValueError) as error:
        check_reached(output, error)
        return False
    return metadata.get(KEY) == manifest
