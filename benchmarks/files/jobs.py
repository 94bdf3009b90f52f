"""One job in a process of its own: `python -m benchmarks.files.jobs NAME FOLDER OUT KEY=VALUE...`.

The last line that it prints is a JSON object with the seconds of the job without imports.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

__all__ = ["JOBS", "main", "whole_parts"]

Job = Callable[[Path, Path, dict[str, str]], None]


def _every_byte(folder: Path, out: Path, given: dict[str, str]) -> None:
    for path in sorted(folder.glob("part-*")):
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 22):
                pass


def _credit(folder: Path, out: Path, given: dict[str, str]) -> None:
    from creditlib import rollouts

    options: dict[str, Any] = {"memory": given["memory"]} if "memory" in given else {}
    jobs = int(given.get("jobs", 1))
    paths = sorted(folder.glob("part-*"))
    rollouts.credit(paths, given["estimator"], out=out, jobs=jobs, **options)


def _read(folder: Path, out: Path, given: dict[str, str]) -> None:
    from creditlib import rollouts

    found = rollouts.read(folder)
    assert found.tensors["reward"].numel()


def _polars(folder: Path, out: Path, given: dict[str, str]) -> None:
    import polars as pl

    from benchmarks.files.table_credit import COLUMNS, PARTS, credited

    def credit(part: pl.DataFrame) -> pl.DataFrame:
        return pl.DataFrame(credited(part.to_arrow(), given["estimator"]))

    rows = pl.scan_parquet(folder / "*.parquet").select(COLUMNS)
    parts = rows.group_by(pl.col("group").hash(seed=0) % PARTS)
    schema = {"id": pl.String, "credit": pl.List(pl.Float32)}
    found = parts.map_groups(credit, schema=schema)
    found.collect(engine="streaming").write_parquet(out / "credit.parquet")


def _polars_grpo(folder: Path, out: Path, given: dict[str, str]) -> None:
    """grpo with its defaults; a group of one, or with one outcome, gets 0."""
    import polars as pl

    rows = pl.scan_parquet(folder / "*.parquet").select("id", "group", "outcome")
    gap = pl.col("outcome") - pl.col("outcome").mean().over("group")
    credit = (gap / (pl.col("outcome").std().over("group") + 1e-6)).fill_null(0.0)
    found = rows.select("id", credit=credit.cast(pl.Float32))
    found.collect(engine="streaming").write_parquet(out / "credit.parquet")


def _polars_shuffle(folder: Path, out: Path, given: dict[str, str]) -> None:
    import polars as pl

    from benchmarks.files.table_credit import PARTS

    part = (pl.col("group").hash(seed=0) % PARTS).alias("part")
    rows = pl.scan_parquet(folder / "*.parquet").with_columns(part)
    rows.sink_parquet(pl.PartitionBy(out, key="part"), mkdir=True)


def _duckdb_connection(given: dict[str, str]) -> Any:
    import duckdb

    base = duckdb.connect()
    base.execute(f"SET threads = {int(given['cores'])}")
    base.execute("SET memory_limit = '2GB'")
    base.execute("SET preserve_insertion_order = false")
    base.execute(f"SET temp_directory = '{given['scratch']}'")
    return base


def _duckdb(folder: Path, out: Path, given: dict[str, str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from benchmarks.files.table_credit import PARTS, credited

    base = _duckdb_connection(given)
    reader = base.execute(
        'SELECT id, "group", outcome, [{observation: t.observation, reward: t.reward} '
        f'for t in turns] AS turns, hash("group") % {PARTS} AS part '
        f"FROM '{folder}/*.parquet' ORDER BY part"
    ).to_arrow_reader(10_000)
    schema = pa.schema({"id": pa.string(), "credit": pa.list_(pa.float32())})
    with pq.ParquetWriter(out / "credit.parquet", schema) as file:
        for table in whole_parts(reader):
            file.write_table(credited(table, given["estimator"]).cast(schema))


def whole_parts(reader: Any) -> Iterator[Any]:
    """The rows of each part as one table; batches come in the order of the parts."""
    import pyarrow as pa

    waiting: list[Any] = []
    for batch in reader:
        number = batch["part"].to_numpy()
        cuts = [0, *((number[1:] != number[:-1]).nonzero()[0] + 1).tolist(), len(number)]
        for start, end in pairwise(cuts):
            piece = batch.slice(start, end - start)
            if waiting and waiting[-1]["part"][0] != piece["part"][0]:
                yield pa.Table.from_batches(waiting)
                waiting = []
            waiting.append(piece)
    if waiting:
        yield pa.Table.from_batches(waiting)


def _duckdb_shuffle(folder: Path, out: Path, given: dict[str, str]) -> None:
    from benchmarks.files.table_credit import PARTS

    _duckdb_connection(given).execute(
        f"COPY (SELECT *, hash(\"group\") % {PARTS} AS part FROM '{folder}/*.parquet') "
        f"TO '{out}' (FORMAT parquet, PARTITION_BY (part), OVERWRITE_OR_IGNORE)"
    )


def _ray(folder: Path, out: Path, given: dict[str, str]) -> None:
    import numpy as np
    import pyarrow as pa
    import ray

    from benchmarks.files.table_credit import COLUMNS, PARTS, credited

    def parted(table: Any) -> Any:
        import zlib

        groups = table["group"].to_pylist()
        part = np.array([zlib.crc32(each.encode()) % PARTS for each in groups])
        return table.append_column("part", pa.array(part))

    def credit(table: Any) -> Any:
        return credited(table, given["estimator"])

    ray.init(
        num_cpus=int(given["cores"]),
        include_dashboard=False,
        log_to_driver=False,
        _temp_dir=given["scratch"],
    )
    rows = ray.data.read_parquet(str(folder), columns=COLUMNS, file_extensions=["parquet"])
    rows = rows.map_batches(parted, batch_format="pyarrow")
    groups = rows.groupby("part", num_partitions=PARTS)
    groups.map_groups(credit, batch_format="pyarrow").write_parquet(str(out))
    ray.shutdown()


JOBS: dict[str, Job] = {
    "every byte": _every_byte,
    "credit": _credit,
    "read": _read,
    "polars": _polars,
    "polars grpo": _polars_grpo,
    "polars shuffle": _polars_shuffle,
    "duckdb": _duckdb,
    "duckdb shuffle": _duckdb_shuffle,
    "ray": _ray,
}


def main(arguments: list[str]) -> None:
    """Run one job and print its seconds."""
    name, folder, out, *pairs = arguments
    given = dict(pair.split("=", 1) for pair in pairs)
    if name in ("credit", "read"):
        import creditlib.rollouts  # noqa: F401  # imports are no part of the seconds
    start = time.perf_counter()
    JOBS[name](Path(folder), Path(out), given)
    print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
    os._exit(0)  # threads of an engine may take seconds to end
