"""Rows shared out among threads: each once, in order, also after a fork and from many threads."""

import multiprocessing
import sys
import threading

import pytest
import torch

from creditlib.ops.backend import openmp as workers

MANY = workers.FEW_TOKENS


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=["torch's threads", "a pool"])
def any_threads(request, three_threads, monkeypatch):
    if request.param == "a pool":
        monkeypatch.setattr(workers, "_parallel", lambda: None)
    elif workers._parallel() is None:
        pytest.skip("this torch brought no OpenMP library with the entry point of compilers")


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 10, 64])
def test_every_row_is_worked_on_once_and_in_order(any_threads, rows):
    parts = workers.parallel_rows(lambda first, last: list(range(first, last)), rows, MANY)
    assert [row for part in parts for row in part] == list(range(rows))
    assert len(parts) == max(1, min(3 * workers.RUNS, rows))


def test_more_than_one_thread_works(any_threads):
    meeting = threading.Barrier(2, timeout=60)  # nobody leaves before a second one is there

    def work(first, last):
        if first < 2 * 12 // (3 * workers.RUNS):
            meeting.wait()
        return threading.get_ident()

    assert len(set(workers.parallel_rows(work, 12, MANY))) > 1


def test_few_tokens_stay_in_the_calling_thread(three_threads):
    parts = workers.parallel_rows(lambda first, last: threading.current_thread(), 8, MANY - 1)
    assert parts == [threading.current_thread()]


def test_an_error_of_any_thread_is_raised(any_threads):
    def work(first, last):
        if last == 9:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        workers.parallel_rows(work, 9, MANY)


def test_many_threads_may_share_at_once(any_threads):
    results = []

    def call(k):
        results.append((k, workers.parallel_rows(lambda a, b, k: (a, b, k), 6, MANY, k)))

    callers = [threading.Thread(target=call, args=(k,)) for k in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(results) == [(k, [(row, row + 1, k) for row in range(6)]) for k in range(8)]


def _in_child(queue):
    queue.put(workers.parallel_rows(lambda first, last: (first, last), 3, MANY))


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own(three_threads):
    workers.parallel_rows(lambda first, last: None, 9, MANY)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(queue,))
    child.start()
    assert queue.get(timeout=60) == [(0, 1), (1, 2), (2, 3)]
    child.join()
