"""The ways through the machine code of a kernel: its blocks, its loops, how many instructions.

Blocks of instructions end at branches and at labels. A loop is what lies between a block and a
branch back to it. The least and the most instructions of a program are those of its shortest and
longest way from entry to end, with a given number of passes through its loops.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.gpu.cubin import LINE

__all__ = ["Paths", "paths"]

TARGET = re.compile(r"`\((\.L\w+)\)")
ENDS = ("EXIT", "RET")


@dataclass(frozen=True)
class Paths:
    """Instructions of one thread on the shortest and the longest way through a program."""

    least: int
    most: int


@dataclass
class _Graph:
    """Blocks of instructions in the order of the listing, and which may follow which."""

    sizes: list[int]
    after: list[list[int]]


def _graph(listing: str) -> _Graph:
    """The blocks of a listing. A call counts as one instruction."""
    sizes, ends, labels = [0], [("", False)], {}
    for match in LINE.finditer(listing):
        if match["label"]:
            if sizes[-1] or ends[-1][0]:
                sizes.append(0)
                ends.append(("", False))
            labels[match["label"]] = len(sizes) - 1
            continue
        operation, always = match["operation"].split(".")[0], not match["predicate"]
        sizes[-1] += operation != "NOP"
        target = TARGET.search(match["rest"]) if operation == "BRA" else None
        if target or operation in ENDS:
            ends[-1] = (target[1] if target else "end", always)
            sizes.append(0)
            ends.append(("", False))
    after: list[list[int]] = []
    for index, (target, always) in enumerate(ends):
        following = [labels[target]] if target in labels else []
        if not always and index + 1 < len(sizes):
            following.append(index + 1)
        after.append(following)
    return _Graph(sizes, after)


def _order(graph: _Graph) -> tuple[list[int], list[tuple[int, int]]]:
    """The blocks that are reached, each before those that follow; and the branches back."""
    order: list[int] = []
    back: list[tuple[int, int]] = []
    state: dict[int, int] = {0: 1}
    stack = [(0, iter(graph.after[0]))]
    while stack:
        block, following = stack[-1]
        step = next(following, None)
        if step is None:
            state[block] = 2
            order.append(block)
            stack.pop()
        elif step not in state:
            state[step] = 1
            stack.append((step, iter(graph.after[step])))
        elif state[step] == 1:
            back.append((block, step))
    return order[::-1], back


def _loops(graph: _Graph, back: Sequence[tuple[int, int]]) -> dict[int, set[int]]:
    """The blocks of each loop, by its first block."""
    before: dict[int, list[int]] = {}
    for block, following in enumerate(graph.after):
        for step in following:
            before.setdefault(step, []).append(block)
    loops: dict[int, set[int]] = {}
    for tail, head in back:
        body, waiting = loops.setdefault(head, {head}), [tail]
        while waiting:
            block = waiting.pop()
            if block not in body:
                body.add(block)
                waiting += before.get(block, [])
    return loops


def paths(listing: str, passes: int = 1) -> Paths:
    """The shortest and the longest way through a program that goes `passes` times round its loops.

    Loops inside loops are passed once. A loop much smaller than the largest one may be left out on
    the shortest way; an exit before the large loops, for a program without work, is not a way.
    """
    graph = _graph(listing)
    order, back = _order(graph)
    loops = _loops(graph, back)
    outer = {
        head: body
        for head, body in loops.items()
        if not any(head in other and other is not body for other in loops.values())
    }
    size = {head: sum(graph.sizes[block] for block in body) for head, body in outer.items()}
    large = [head for head in order if head in outer and 3 * size[head] >= max(size.values())]
    weights: dict[int, tuple[int, int]] = {}
    for head, body in outer.items():
        least, most = _ways(graph, [x for x in order if x in body], head, {}, {})
        ends = [tail for tail, target in back if target == head and tail in body]
        shortest = min(least[x] for x in ends)
        weights[head] = passes * shortest, passes * max(most[x] for x in ends)
    home = {block: head for head, body in outer.items() for block in body}
    return _through(graph, order, weights, home, large)


def _ways(
    graph: _Graph,
    order: Sequence[int],
    start: int,
    weights: Mapping[int, tuple[int, int]],
    home: Mapping[int, int],
) -> tuple[dict[int, int], dict[int, int]]:
    """Least and most instructions from `start` to the end of each block that is reached."""
    least, most = {}, {}
    place = {block: index for index, block in enumerate(order)}
    low, high = weights.get(start, (graph.sizes[start],) * 2)
    least[start], most[start] = low, high
    for block in order:
        owner = home.get(block, block)
        if owner not in least:
            continue
        for step in graph.after[block]:
            step = home.get(step, step)
            if step == owner or step not in place or place[step] <= place[block]:
                continue
            low, high = weights.get(step, (graph.sizes[step],) * 2)
            least[step] = min(least.get(step, 1 << 60), least[owner] + low)
            most[step] = max(most.get(step, 0), most[owner] + high)
    return least, most


def _through(
    graph: _Graph,
    order: Sequence[int],
    weights: Mapping[int, tuple[int, int]],
    home: Mapping[int, int],
    large: Sequence[int],
) -> Paths:
    """The ways from the entry to an end through all large loops that lie behind one another."""
    at, least, most = 0, 0, 0
    low, high = _ways(graph, order, 0, weights, home)
    for head in large:
        if head in low and head != at:
            least, most, at = least + low[head], most + high[head], head
            low, high = _ways(graph, order, head, weights, home)
            own = weights[head]
            low = {x: n - own[0] for x, n in low.items()}
            high = {x: n - own[1] for x, n in high.items()}
    ends = [x for x in low if not graph.after[x] and graph.sizes[x]] or [at]
    if not large:
        # An exit at the entry is one of a program without work: the last end is that of the work.
        ends = [max(ends)]
    return Paths(least + min(low[x] for x in ends), most + max(high[x] for x in ends))
