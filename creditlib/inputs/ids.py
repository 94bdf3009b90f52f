"""Integers for uids, texts, tuples and observations, on the host, equal in every process."""

from __future__ import annotations

import hashlib
import itertools
import struct
import uuid
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from creditlib.inputs.key_columns import encoded_column, hashable_column
from creditlib.vocabulary import Anchor, Group
from creditlib.vocabulary.contract import contract_error, describe_value

__all__ = ["anchor_ids", "ids"]

_WANTED = "texts, numbers, UUIDs, arrays, or tuples, lists, sets and dicts of them"
_SCALARS = (str, bytes, bool, int, float, type(None))
_PLAIN = frozenset(_SCALARS)
_NEVER_MISSING = frozenset((str, bytes, bool, int, tuple, list, set, frozenset, dict, uuid.UUID))
_EARLY = 1024  # keys that are looked at to guess whether keys repeat

Numbers = np.ndarray[Any, np.dtype[np.int64]]


def ids(keys: Iterable[Any]) -> Group:
    """One integer per key, equal if the `keys` are equal in value, type and shape.

    The id is the first 63 bits of a hash of the key, so that ranks and runs agree without
    communication: the same key has the same id everywhere. A single number is the same key in
    Python, numpy and torch, whatever its width: 1, numpy.int64(1) and tensor(1) are one key. 1,
    1.0, True and "1" are four keys. Arrays also differ by shape and dtype. -0.0 equals 0.0. A UUID
    equals its text. Two keys of one call whose ids collide (about one chance in 2^63 per pair) are
    refused.

    Args:
        keys: str, bytes, int, float, bool, UUID, numpy arrays and scalars, tensors, and tuples,
            lists, sets and dicts of these. None and NaN are refused: rows without an id would be
            one group.

    >>> ids(["task-a", "task-b", "task-a"]).unique().numel()
    2
    >>> ids([1, True, 1.0, "1"]).unique().numel()
    4
    """
    if isinstance(keys, (str, bytes)) or not hasattr(keys, "__iter__"):
        raise contract_error("ids", "keys", "a list of keys", type(keys).__name__)
    found = list(keys)
    certain = _NEVER_MISSING.issuperset(map(type, found))
    for row, key in enumerate(() if certain else found):
        if _is_missing(key):
            remedy = "give each key an id, or leave it out"
            raise contract_error("ids", "keys", _WANTED, f"{key} at place {row}", remedy)
    return torch.from_numpy(_hash_all("ids", "keys", found))


def _is_missing(key: Any) -> bool:
    """Whether a key says that there is none: None, NaN, or a missing value of pandas."""
    if key is None or type(key).__name__ in ("NAType", "NaTType"):
        return True
    single = isinstance(key, float) or (isinstance(key, (np.generic, Tensor)) and key.ndim == 0)
    return single and bool(key != key)


def anchor_ids(
    observations: Sequence[Sequence[Any]],
    *,
    group: Sequence[Any] | Tensor | None = None,
    similarity: float | None = None,
) -> Anchor:
    """One integer per turn, equal if the observations are; −1 for None and after the last turn.

    Without `similarity` equality is that of `ids`. With it, texts whose normalized Indel similarity
    (2 · longest common subsequence / total length) is at least `similarity` have one id, and so
    have all texts that are similar to one of them: the result does not depend on any order. With
    `group` (one id per trajectory) only texts of one group are compared. Texts are not compared if
    their lengths exclude the threshold.

    Args:
        observations: `observations[i]` lists what trajectory i saw at the start of each of its
            turns: texts, or anything that `ids` takes.
        group: one id per trajectory, as integers or as any keys; None compares all trajectories.
        similarity: the smallest similarity of texts that share an id, in (0, 1]; None asks for
            equality.

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
        raise contract_error("anchor_ids", "observations", wanted, "a list of texts")
    if similarity is not None:
        from creditlib.inputs.similarity import join_similar

        observations = join_similar(observations, group, similarity)
    lengths = np.array([len(row) for row in observations], dtype=np.int64)
    width = int(lengths.max(initial=0))
    flat = list(itertools.chain.from_iterable(observations))
    result = np.full((len(lengths), width), -1, dtype=np.int64)
    exists = np.arange(width) < lengths.reshape(-1, 1)
    result[exists] = _hash_all("anchor_ids", "observations", flat, missing=-1)
    return torch.from_numpy(result)


def _hash_all(
    function: str, argument: str, keys: Sequence[Any], missing: int | None = None
) -> Numbers:
    """The id of each key, `missing` for None; a key of an earlier place costs one look-up."""
    memos = hashable_column(keys)
    if memos is None:
        memos = list(map(_memo, keys))
    # A key that stands twice mostly does so early: then all of them need not be counted first.
    early = memos[:_EARLY]
    if len(set(early)) == len(early) and len(set(memos)) == len(memos):
        return _hash_distinct(function, argument, keys, missing)
    places: defaultdict[Hashable, int] = defaultdict(itertools.count().__next__)
    place = np.fromiter(map(places.__getitem__, memos), dtype=np.int64, count=len(keys))
    first = np.empty(len(places), dtype=np.int64)  # where each distinct key stands first
    first[place[::-1]] = np.arange(len(place) - 1, -1, -1)
    distinct = [keys[row] for row in first.tolist()]
    return _hash_distinct(function, argument, distinct, missing)[place]


def _hash_distinct(
    function: str, argument: str, keys: Sequence[Any], missing: int | None
) -> Numbers:
    """The id of each key; no work is saved for a key that is there twice."""
    exists = [row for row, key in enumerate(keys) if key is not None] if missing is not None else []
    if missing is not None and len(exists) < len(keys):
        result = np.full(len(keys), missing, dtype=np.int64)
        result[exists] = _hash_distinct(function, argument, [keys[row] for row in exists], None)
        return result
    encoded = encoded_column(keys)
    if encoded is None:
        encoded = [_encode(key, function, argument) for key in keys]
    number = _numbers(encoded)
    _refuse_collisions(function, argument, keys, encoded, number)
    return number


def _memo(key: Any) -> Hashable:
    """What is equal for equal keys only. Python finds 1, 1.0 and True equal: types belong to it."""
    kind = type(key)
    if kind in _PLAIN:
        return kind, key
    if kind in (tuple, list) and _PLAIN.issuperset(map(type, key)):
        return kind, tuple(key), tuple(map(type, key))
    return object, id(key)


def _numbers(encoded: Sequence[bytes]) -> Numbers:
    """The first 63 bits of BLAKE2b of each key's bytes."""
    blake2b = hashlib.blake2b
    if not encoded:
        return np.empty(0, dtype=np.int64)
    digests = b"".join([blake2b(each, digest_size=8).digest() for each in encoded])
    return (np.frombuffer(digests, dtype=">u8") >> np.uint64(1)).astype(np.int64)


def _refuse_collisions(
    function: str, argument: str, keys: Sequence[Any], encoded: Sequence[bytes], number: Numbers
) -> None:
    """The first key whose id is that of an earlier one with other bytes is refused."""
    ordered = np.sort(number)
    if not (ordered[1:] == ordered[:-1]).any():
        return
    owner: dict[int, bytes] = {}
    for key, each, own in zip(keys, encoded, number.tolist(), strict=True):
        if owner.setdefault(own, each) != each:
            raise contract_error(function, argument, "free of hash collisions", repr(key))


def _pack(tag: bytes, *parts: bytes) -> bytes:
    """A tag and its parts with their lengths: no two different lists give the same bytes."""
    return tag + b"".join(struct.pack(">Q", len(part)) + part for part in parts)


def _encode(key: Any, function: str, argument: str) -> bytes:
    if type(key) is str:
        return _encode_scalar(key)  # the most frequent kind of key
    if isinstance(key, (np.str_, np.bytes_)):
        return _encode_scalar(key)  # a list of texts and an array of them name the same uids
    if isinstance(key, (np.generic, Tensor, np.ndarray)) and key.ndim == 0:
        return _encode_item(key, function, argument)
    if isinstance(key, uuid.UUID):
        return _encode_scalar(str(key))  # JSON holds a UUID as its text
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
    raise contract_error(function, argument, _WANTED, describe_value(key))


def _encode_item(key: Any, function: str, argument: str) -> bytes:
    """A single value of numpy or torch: it is the Python value, whatever holds it."""
    if isinstance(key, Tensor) and key.layout is not torch.strided:
        raise contract_error(function, argument, _WANTED, describe_value(key))
    value = key.item()
    if isinstance(value, _SCALARS):
        return _encode_scalar(value)
    return b"g" + _encode_array(np.asarray(key), function, argument)  # dates


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
    elif key.dtype.kind not in "biuSUmM":  # the bytes of other kinds are no values
        raise contract_error(function, argument, _WANTED, f"numpy.ndarray of {key.dtype}")
    return _pack(b"a", key.dtype.str.encode(), shape, np.ascontiguousarray(key).tobytes())


def _encode_tensor(key: Tensor) -> bytes:
    cpu = key.detach().cpu().contiguous()
    if cpu.is_floating_point():
        cpu = torch.where(cpu.isnan(), torch.full_like(cpu, torch.nan), cpu + 0)
    raw = cpu.reshape(-1).view(torch.uint8).numpy().tobytes() if cpu.numel() else b""
    return _pack(b"t", str(cpu.dtype).encode(), repr(tuple(cpu.shape)).encode(), raw)
