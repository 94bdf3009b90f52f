"""Which columns of a Parquet file the tensors are read from; token ids only where it must be."""

from __future__ import annotations

from typing import Any

from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.crediting.turn_columns import KEY_OF, wanted_columns

__all__ = ["needed_columns"]


def needed_columns(file: Any, group: int, needs: frozenset[str]) -> tuple[list[str], int]:
    """The paths of the columns that the tensors are read from, and their bytes in a row group.

    Token ids are read only where no count of them is stated.
    """
    names = set(file.schema_arrow.names)
    wanted = wanted_columns(needs)
    top = {"group", "outcome", "id"} | ({"length", "answer", "rewards"} & wanted)
    fields = _turn_fields(file)
    turns: set[str] = {key for tensor, key in KEY_OF.items() if tensor in wanted}
    if "anchor" in wanted:
        turns |= {"observation", "observation_json"}
    if "action" in wanted:
        turns.add("action")
    meta = file.metadata.row_group(group)
    if "turn_length" in wanted or ("length" in wanted and not _is_stated(meta, "length")):
        turns.add("token_count" if "token_count" in fields else "tokens")
    turns &= fields.keys()
    if not turns and fields:  # the number of turns is read from the smallest column
        sizes = {
            key: sum(meta.column(index).total_compressed_size for index, _ in leaves)
            for key, leaves in fields.items()
        }
        turns = {min(sizes, key=lambda key: (sizes[key], key))}
    found = [path for key in sorted(turns) for _, path in fields[key]]
    if not fields and "turns" in names:
        found.append("turns")
    paths = [*sorted(top & names), *found]
    leaves = [meta.column(index) for index in range(meta.num_columns)]
    size = sum(
        leaf.total_uncompressed_size
        for leaf in leaves
        if any(f"{leaf.path_in_schema}.".startswith(f"{path}.") for path in paths)
    )
    return paths, size


def _is_stated(meta: Any, name: str) -> bool:
    """Whether the statistics of a row group say that every row has a value."""
    for index in range(meta.num_columns):
        column = meta.column(index)
        if column.path_in_schema == name:
            found = column.statistics
            return found is not None and found.has_null_count and not found.null_count
    return False


def _turn_fields(file: Any) -> dict[str, list[tuple[int, str]]]:
    """The leaf columns, by number and path, of each key of a turn."""
    arrow, _, _ = arrow_modules()
    schema = file.schema_arrow
    at = schema.get_field_index("turns")
    kind = schema.field(at).type if at >= 0 else None
    if kind is None or not (arrow.types.is_list(kind) or arrow.types.is_large_list(kind)):
        return {}
    if not arrow.types.is_struct(kind.value_type):
        return {}
    fields: dict[str, list[tuple[int, str]]] = {}
    keys = {field.name for field in kind.value_type}
    for index in range(len(file.schema)):
        path = file.schema.column(index).path
        parts = path.split(".")
        if parts[0] != "turns" or len(parts) < 4:
            continue
        rest = ".".join(parts[3:])
        key = next((key for key in keys if rest == key or rest.startswith(f"{key}.")), None)
        if key is not None:
            fields.setdefault(key, []).append((index, path))
    return fields
