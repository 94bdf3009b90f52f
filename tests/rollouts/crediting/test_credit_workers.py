import os

import pyarrow
import pytest
import torch

from creditlib.rollouts.crediting import workers
from creditlib.rollouts.crediting.workers import Workers
from creditlib.vocabulary.messages import ContractError


def halves(number, least=0):
    """The task of these tests; number 3 is refused."""
    if number == 3:
        raise ContractError(f"halves: `number` must not be {number}.")
    return number / 2, os.getpid(), torch.get_num_threads(), pyarrow.cpu_count()


def dies(number):
    os._exit(1)


def test_one_process_takes_a_task_when_its_result_is_asked_for():
    taken = []
    with Workers(1) as found:
        results = found.results(divmod, ((taken.append(n) or n, 2) for n in range(3)))
        assert next(results) == (0, 0)
        assert taken == [0]
        assert list(results) == [(0, 1), (1, 0)]


def test_two_processes_share_the_tasks_in_one_thread_each_and_keep_the_order():
    """This process works until the other one is ready; an error comes in its place."""
    before = torch.get_num_threads(), pyarrow.cpu_count()
    with Workers(2) as both:
        assert list(both.results(halves, [])) == []
        found = list(both.results(halves, ((n,) for n in range(4, 10))))
        assert [value for value, *_ in found] == [2.0, 2.5, 3.0, 3.5, 4.0, 4.5]
        both._ready.result()  # from here on the other process takes part
        most = 8 * workers._AHEAD
        taken = []
        found = []
        results = both.results(halves, ((taken.append(n) or n + 4,) for n in range(most)))
        for each in results:
            found.append(each)
            assert len(taken) - len(found) <= 2 * workers._AHEAD  # few results wait
        assert [value for value, *_ in found] == [(n + 4) / 2 for n in range(most)]
        assert len({process for _, process, _, _ in found}) == 2
        assert {threads for *_, threads in (each[2:] for each in found)} == {1}
        results = both.results(halves, ((n,) for n in range(6)))
        assert [next(results)[0] for _ in range(3)] == [0.0, 0.5, 1.0]
        with pytest.raises(ContractError, match="`number` must not be 3"):
            next(results)
    assert (torch.get_num_threads(), pyarrow.cpu_count()) == before


@pytest.mark.nightly
def test_a_process_that_dies_is_one_sentence():
    with Workers(2) as both:
        both._ready.result()
        with pytest.raises(ContractError) as caught:
            next(both.results(dies, [(1,)]))
    assert str(caught.value).startswith("credit: `jobs` must be 1 where other processes cannot")
