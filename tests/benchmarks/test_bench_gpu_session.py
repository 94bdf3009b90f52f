"""A session whose processes are played: no part stops another, and none takes its time."""

import signal
from pathlib import Path

import pytest

from benchmarks.gpu import processes, session
from benchmarks.gpu.parts import Part
from benchmarks.gpu.session import Outcome, Session

HERE = Session("cuda", Path("/nowhere"), (("date", "today"), ("run", "r")), (("slime", Path("s")),))


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Played:
    """A process that takes so many seconds of a clock and ends with a code; None: it never ends."""

    def __init__(self, clock, seconds, code=0):
        self.clock, self.seconds, self.code = clock, seconds, code
        self.pid, self.exitcode, self.started, self.killed = None, None, False, False

    def start(self):
        self.started = True

    def join(self, timeout=None):
        if self.killed:
            self.exitcode = -signal.SIGKILL
        elif self.code is None or self.seconds > timeout:
            self.clock.now += timeout
        else:
            self.clock.now += self.seconds
            self.exitcode = self.code

    def kill(self):
        self.killed = True


def play(parts, seconds, script, cores=4):
    """Run a session in which each part does what the script says: (seconds, code)."""
    clock, given, said = Clock(), [], []

    def process(assignment):
        given.append(assignment)
        return Played(clock, *script[assignment.part])

    outcomes = session.run(
        HERE, parts, seconds, say=said.append, process=process, clock=clock, cores=cores
    )
    return outcomes, given, said


A, B, C = Part("a", 1), Part("b", 1), Part("c", 2)


def test_whatever_happens_to_a_part_the_others_run():
    # 40 seconds, shares 1 : 1 : 2. a may take 10 and takes 2; b may take 38/3 and hangs.
    script = {"a": (2, 1), "b": (0, None), "c": (1, -signal.SIGSEGV)}
    outcomes, given, _ = play([A, B, C], 40, script)
    assert outcomes == [
        Outcome("a", "ended with code 1", 2),
        Outcome("b", "stopped after 13 s", pytest.approx(38 / 3)),
        Outcome("c", "died of signal 11", 1),
    ]
    assert [each.seconds for each in given] == pytest.approx([10, 38 / 3, 38 - 38 / 3])
    assert not any(outcome.fine for outcome in outcomes)


def test_a_session_never_takes_longer_than_it_may():
    outcomes, given, _ = play([A, B, C], 40, dict.fromkeys("abc", (0, None)))
    assert sum(outcome.seconds for outcome in outcomes) == pytest.approx(40)
    assert [each.seconds for each in given] == pytest.approx([10, 10, 20])


def test_without_time_a_part_is_not_started():
    outcomes, given, _ = play([A, B, C], 6, dict.fromkeys("abc", (0, None)))
    # A quarter of 6 seconds is less than two: a is left out, then b gets a third of 6.
    assert [each.part for each in given] == ["b", "c"]
    assert outcomes[0] == Outcome("a", "not started: the time is over", 0.0)


def test_without_a_device_nothing_more_is_tried():
    outcomes, given, _ = play([A, B], 40, {"a": (1, 3), "b": (1, 0)})
    assert [each.state for each in outcomes] == ["ended with code 3"]
    assert len(given) == 1


def test_a_shared_part_has_a_process_for_each_core_but_two():
    for cores, count in ((1, 2), (2, 2), (16, 14)):
        _, given, _ = play([Part("a", 1, shared=True)], 40, {"a": (1, 0)}, cores)
        assert [each.worker for each in given] == list(range(count))
        assert {each.workers for each in given} == {count}


def test_one_bad_process_of_a_shared_part_is_seen():
    clock = Clock()
    made = [Played(clock, 1, 0), Played(clock, 1, -signal.SIGSEGV), Played(clock, 1, 0)]
    assert processes.finish(made, 40, clock) == "died of signal 11"
    assert all(each.started for each in made)


def test_a_process_that_hangs_is_ended_with_its_group():
    clock, ended = Clock(), []
    made = [Played(clock, 1, 0), Played(clock, 0, None)]
    made[1].pid = 7
    state = processes.finish(made, 40, clock, lambda *given: ended.append(given))
    assert state == "stopped after 40 s"
    assert ended == [(7, signal.SIGKILL)]
    assert (made[0].killed, made[1].killed) == (False, True)


def test_parts_are_told_where_rows_go_and_what_they_share():
    _, given, said = play([Part("grid", 1, page=True)], 40, {"grid": (1, 0)})
    told = given[0]
    assert (told.part, told.device, told.page) == ("grid", "cuda", True)
    assert dict(told.shared) == {"date": "today", "run": "r"}
    assert told.peers == HERE.peers
    assert said == ["grid, at 0 s, for up to 40 s"]
