"""Uids, texts, tuples and observations to integers, on the host, the same in every process."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from creditlib.contract import fact_of, refuse
from creditlib.vocabulary import Anchor, Group

__all__ = ["anchor_ids", "ids"]

_WANTED = "texts, numbers, arrays, None, or tuples, lists, sets and dicts of them"
_SCALARS = (str, bytes, bool, int, float, type(None))


def ids(keys: Iterable[Any]) -> Group:
    """One integer per key, equal where the keys are equal in value, type, shape and dtype.

    The id is the first 63 bits of a hash of the key, so that ranks and runs agree without talking
    to each other: the same key has the same id everywhere. 1, 1.0, True and "1" are four keys,
    and so are zeros(2, 3) and zeros(3, 2); a NaN equals itself, and -0.0 equals 0.0. Two keys of
    one call that collide (about one chance in 2^63 per pair) are refused.

    Keys: str, bytes, int, float, bool, None, numpy arrays and scalars, tensors, and tuples, lists,
    sets and dicts of these.

    >>> ids(["task-a", "task-b", "task-a"]).unique().numel()
    2
    >>> ids([1, True, 1.0, "1"]).unique().numel()
    4
    """
    if isinstance(keys, (str, bytes)) or not hasattr(keys, "__iter__"):
        raise refuse("ids", "keys", "a list of keys", type(keys).__name__)
    return torch.tensor(_hash_all("ids", "keys", keys), dtype=torch.int64)


def anchor_ids(
    observations: Sequence[Sequence[Any]],
    *,
    group: Sequence[Any] | Tensor | None = None,
    similarity: float | None = None,
) -> Anchor:
    """One integer per turn, equal where the observations are; −1 for None and past the last turn.

    `observations[i]` lists what trajectory i saw at the start of each of its turns. Without
    `similarity` equality is that of `ids`. With it, texts whose normalised Indel similarity
    (2 · longest common subsequence / total length) is at least `similarity` are joined, and so is
    what they are joined with: the result does not depend on any order. `group` (one id per
    trajectory) keeps comparisons inside a group; lengths that cannot reach the threshold are never
    compared.

    Differs from verl-agent: its greedy pass depends on the order of rows, and compares with
    difflib's ratio, which is at most this one.

    >>> anchor_ids([["hall", "attic"], ["hall"]]).unique().numel()
    3
    >>> near = anchor_ids([["a red door, 1"], ["a red door, 2"]], similarity=0.9)
    >>> bool(near[0] == near[1])
    True
    """
    if any(isinstance(row, (str, bytes)) for row in observations):
        wanted = "one list of observations for each trajectory"
        raise refuse("anchor_ids", "observations", wanted, "a list of texts")
    if similarity is not None:
        from creditlib.similarity import join_similar

        observations = join_similar(observations, group, similarity)
    width = max((len(row) for row in observations), default=0)
    lengths = [len(row) for row in observations]
    flat = [seen for row in observations for seen in row]
    numbers = np.array(_hash_all("anchor_ids", "observations", flat), dtype=np.int64)
    result = np.full((len(lengths), width), -1, dtype=np.int64)
    exists = np.arange(width) < np.array(lengths, dtype=np.int64).reshape(-1, 1)
    result[exists] = np.where([seen is None for seen in flat], -1, numbers)
    return torch.from_numpy(result)


def _hash_all(function: str, argument: str, keys: Iterable[Any]) -> list[int]:
    """The id of each key; a text met before costs one dictionary look-up."""
    seen: dict[Hashable, int] = {}
    owner: dict[int, bytes] = {}
    result: list[int] = []
    for key in keys:
        memo = key if type(key) is str else None
        number = seen.get(memo) if memo is not None else None
        if number is None:
            encoded = _encode(key, function, argument)
            number = _number(encoded)
            if owner.setdefault(number, encoded) != encoded:
                raise refuse(function, argument, "free of hash collisions", repr(key))
            if memo is not None:
                seen[memo] = number
        result.append(number)
    return result


def _number(encoded: bytes) -> int:
    digest = hashlib.blake2b(encoded, digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def _pack(tag: bytes, *parts: bytes) -> bytes:
    """A tag and its parts with their lengths: no two different lists give the same bytes."""
    return tag + b"".join(struct.pack(">Q", len(part)) + part for part in parts)


def _encode(key: Any, function: str, argument: str) -> bytes:
    if isinstance(key, (np.str_, np.bytes_)):
        return _encode_scalar(key)  # a list of texts and an array of them name the same uids
    if isinstance(key, np.generic):
        return b"g" + _encode_array(np.asarray(key), function, argument)
    if isinstance(key, _SCALARS):
        return _encode_scalar(key)
    if isinstance(key, Tensor) and key.layout is torch.strided:
        return _encode_tensor(key)
    if isinstance(key, np.ndarray):
        return _encode_array(cast("np.ndarray[Any, Any]", key), function, argument)
    if isinstance(key, (tuple, list)):
        items = cast("Sequence[Any]", key)
        tag = b"(" if isinstance(key, tuple) else b"["
        return _pack(tag, *(_encode(item, function, argument) for item in items))
    if isinstance(key, AbstractSet):
        members = cast("AbstractSet[Any]", key)
        return _pack(b"{", *sorted(_encode(item, function, argument) for item in members))
    if isinstance(key, Mapping):
        mapping = cast("Mapping[Any, Any]", key)
        pairs = (
            (_encode(k, function, argument), _encode(v, function, argument))
            for k, v in mapping.items()
        )
        return _pack(b"d", *(part for pair in sorted(pairs) for part in pair))
    raise refuse(function, argument, _WANTED, fact_of(key))


def _encode_scalar(key: object) -> bytes:
    if isinstance(key, str):
        return b"s" + key.encode("utf-8", "surrogatepass")
    if isinstance(key, bytes):
        return b"b" + key
    if isinstance(key, bool):
        return b"o1" if key else b"o0"
    if isinstance(key, int):
        return b"i%x" % key
    if isinstance(key, float):
        return b"f" + (key + 0.0).hex().encode()  # -0.0 + 0.0 is 0.0
    return b"n"


def _encode_array(key: np.ndarray[Any, Any], function: str, argument: str) -> bytes:
    shape = repr(key.shape).encode()
    if key.dtype.kind in "OT":
        return _pack(b"O", shape, *(_encode(item, function, argument) for item in key.flat))
    if key.dtype.kind == "f" and key.dtype.itemsize <= 8:
        key = np.where(np.isnan(key), np.array(np.nan, key.dtype), key + key.dtype.type(0))
    elif key.dtype.kind not in "biuSUmM":  # others hold bytes that mean nothing
        raise refuse(function, argument, _WANTED, f"numpy.ndarray of {key.dtype}")
    return _pack(b"a", key.dtype.str.encode(), shape, np.ascontiguousarray(key).tobytes())


def _encode_tensor(key: Tensor) -> bytes:
    cpu = key.detach().cpu().contiguous()
    if cpu.is_floating_point():
        cpu = torch.where(cpu.isnan(), torch.full_like(cpu, torch.nan), cpu + 0)
    raw = cpu.reshape(-1).view(torch.uint8).numpy().tobytes() if cpu.numel() else b""
    return _pack(b"t", str(cpu.dtype).encode(), repr(tuple(cpu.shape)).encode(), raw)
