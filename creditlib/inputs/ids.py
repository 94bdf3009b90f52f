"""Integers for uids, texts, tuples and observations, on the host, equal in every process."""

from __future__ import annotations

import hashlib
import itertools
import struct
import uuid
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from creditlib.vocabulary import Anchor, Group
from creditlib.vocabulary.contract import contract_error, describe_value

__all__ = ["anchor_ids", "ids"]

_WANTED = "texts, numbers, UUIDs, arrays, or tuples, lists, sets and dicts of them"
_SCALARS = (str, bytes, bool, int, float, type(None))
_PLAIN = frozenset(_SCALARS)


def ids(keys: Iterable[Any]) -> Group:
    """One integer per key, equal if the `keys` are equal in value, type and shape.

    The id is the first 63 bits of a hash of the key, so that ranks and runs agree without
    communication: the same key has the same id everywhere. A single number is the same key in
    Python, numpy and torch, whatever its width: 1, numpy.int64(1) and tensor(1) are one key. 1,
    1.0, True and "1" are four keys. Arrays also differ by shape and dtype. -0.0 equals 0.0. A UUID
    equals its text. Two keys of one call whose ids collide (about one chance in 2^63 per pair) are
    refused.

    Keys: str, bytes, int, float, bool, UUID, numpy arrays and scalars, tensors, and tuples, lists,
    sets and dicts of these. None and NaN are refused: rows without an id would be one group.

    >>> ids(["task-a", "task-b", "task-a"]).unique().numel()
    2
    >>> ids([1, True, 1.0, "1"]).unique().numel()
    4
    """
    if isinstance(keys, (str, bytes)) or not hasattr(keys, "__iter__"):
        raise contract_error("ids", "keys", "a list of keys", type(keys).__name__)
    found = list(keys)
    for row, key in enumerate(found):
        if _is_missing(key):
            remedy = "give each key an id, or leave it out"
            raise contract_error("ids", "keys", _WANTED, f"{key} at place {row}", remedy)
    return torch.from_numpy(_hash_all("ids", "keys", found))


def _is_missing(key: Any) -> bool:
    """Whether a key says that there is none: None, NaN, or a missing value of pandas."""
    if type(key) is str:
        return False
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

    `observations[i]` lists what trajectory i saw at the start of each of its turns. Without
    `similarity` equality is that of `ids`. With it, texts whose normalized Indel similarity
    (2 · longest common subsequence / total length) is at least `similarity` have one id, and so
    have all texts that are similar to one of them: the result does not depend on any order. With
    `group` (one id per trajectory) only texts of one group are compared. Texts are not compared if
    their lengths exclude the threshold.

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


class _Texts(dict["str | None", int]):
    """The id of each text, computed when it is first read."""

    def __init__(self, new: Callable[[Any], int]) -> None:
        super().__init__()
        self._new = new

    def __missing__(self, text: str | None) -> int:
        number = self[text] = self._new(text)
        return number


def _hash_all(
    function: str, argument: str, keys: Sequence[Any], missing: int | None = None
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The id of each key, `missing` for None; a key of an earlier place costs one look-up."""
    owner: dict[int, bytes] = {}

    def new(key: Any) -> int:
        if key is None and missing is not None:
            return missing
        encoded = _encode(key, function, argument)
        number = _number(encoded)
        if owner.setdefault(number, encoded) != encoded:
            raise contract_error(function, argument, "free of hash collisions", repr(key))
        return number

    texts = _Texts(new)
    if {str, type(None)}.issuperset(map(type, keys)):
        found = map(texts.__getitem__, keys)  # a known text runs no Python code
    else:
        others: dict[Hashable, int] = {}
        found = (_look_up(key, texts, others, new) for key in keys)
    return np.fromiter(found, dtype=np.int64, count=len(keys))


def _look_up(
    key: Any, texts: _Texts, others: dict[Hashable, int], new: Callable[[Any], int]
) -> int:
    """The id of any key. Python finds 1, 1.0 and True equal, so the types are looked up too."""
    kind = type(key)
    if kind is str or key is None:
        return texts[key]
    if kind in _PLAIN:
        memo = (kind, key)
    elif kind in (tuple, list) and _PLAIN.issuperset(map(type, key)):
        memo = (kind, tuple(key), tuple(map(type, key)))
    else:
        return new(key)
    number = others.get(memo)
    if number is None:
        number = others[memo] = new(key)
    return number


def _number(encoded: bytes) -> int:
    digest = hashlib.blake2b(encoded, digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


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
