"""One group whose rollouts lie on two ranks: `python examples/two_ranks.py`.

Each rank holds two of four rollouts of one task. `gathered` computes the statistics over both
ranks, and returns the credit of the rank's own rows.
"""

import multiprocessing
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist

import creditlib as cl

REWARDS = [[0.0, 0.0], [0.0, 1.0]]  # of the rollouts of each rank


def rank(number: int, meeting: str) -> None:
    """What one rank does; `meeting` is a file through which the ranks find each other."""
    dist.init_process_group("gloo", init_method=meeting, rank=number, world_size=len(REWARDS))
    reward, group = torch.tensor(REWARDS[number]), cl.ids(["task-7", "task-7"])
    alone = cl.grpo(reward=reward, group=group)
    together = cl.distributed.gathered(cl.grpo)(reward=reward, group=group)
    for each in range(len(REWARDS)):
        dist.barrier()
        if each == number:
            print(f"rank {number}: alone    {[round(x, 3) for x in alone.tolist()]}")
            print(f"rank {number}: gathered {[round(x, 3) for x in together.tolist()]}", flush=True)
    dist.destroy_process_group()


def main() -> None:
    """Start a process for each rank, and wait for them."""
    start = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        meeting = (Path(folder) / "meeting").as_uri()
        ranks = [start.Process(target=rank, args=(each, meeting)) for each in range(len(REWARDS))]
        for process in ranks:
            process.start()
        for process in ranks:
            process.join()


if __name__ == "__main__":
    main()
