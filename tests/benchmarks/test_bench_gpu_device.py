"""The arithmetic of device times, on a played GPU whose clock the calls turn."""

import contextlib
import weakref
from types import SimpleNamespace

import pytest
import torch

from benchmarks import cuda
from benchmarks.gpu import cuda_device, device
from benchmarks.gpu.cuda_device import GRAPH, QUEUE, CudaDevice, sets_of
from benchmarks.gpu.device import Measured, NoDeviceError, Once

MIB = 1 << 20


class Result:
    """What a call returns."""


class PlayedCuda:
    """torch.cuda with a clock: the host takes 5 µs to launch, the device works when waited for."""

    def __init__(self, captures=True):
        self.captures, self.host, self.pending, self.capturing = captures, 0.0, 0.0, None
        self.graphs = 0

    def clock(self):
        return self.host * 1e-6

    def work(self, microseconds):
        """A call that keeps the device busy for so long and returns a result."""

        def call():
            if self.capturing is not None:
                self.capturing.microseconds += microseconds
            else:
                self.host += 5
                self.pending += microseconds
            return Result()

        return call

    def is_available(self):
        return True

    def get_device_properties(self, index):
        return SimpleNamespace(
            L2_cache_size=50 * MIB,
            name="played",
            major=9,
            minor=0,
            multi_processor_count=132,
            total_memory=80 << 30,
        )

    def synchronize(self):
        self.host, self.pending = self.host + self.pending, 0.0

    def empty_cache(self):
        pass

    def CUDAGraph(self):
        self.graphs += 1
        graph = SimpleNamespace(microseconds=0.0)

        def replay():
            self.pending += graph.microseconds

        graph.replay = replay
        return graph

    @contextlib.contextmanager
    def graph(self, graph):
        if not self.captures:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.capturing = graph
        try:
            yield
        finally:
            self.capturing = None

    def Event(self, enable_timing):
        event = SimpleNamespace(at=0.0)

        def record():
            event.at = self.host + self.pending

        event.record, event.synchronize = record, self.synchronize
        event.elapsed_time = lambda later: (later.at - event.at) * 1e-3
        return event


def played(**options):
    there = PlayedCuda(**options)
    return there, CudaDevice(there, there.clock)


def test_input_sets_are_twice_the_cache():
    # GAE at 1024x4096 moves 17 bytes a token: 68 MiB. Two sets are 136 MiB, and twice 50 are 100.
    assert sets_of(17 * 1024 * 4096, 50 * MIB) == 2
    assert sets_of(25 * MIB, 50 * MIB) == 4
    assert sets_of(0, 50 * MIB) == sets_of(1, 50 * MIB) == 16
    assert played()[1].sets(25 * MIB) == 4


def test_a_replay_is_divided_by_its_calls():
    there, gpu = played()
    # 10 + 20 + 30 µs in one graph: 20 µs a call, and nothing of the host's 5 µs a launch.
    times, how = gpu.device_times([there.work(10), there.work(20), there.work(30)])
    assert (times.p20, times.p50, times.p80) == pytest.approx((20e-6, 20e-6, 20e-6))
    assert how == GRAPH
    assert cuda_device.LEAST <= times.repeats <= cuda_device.MOST


def test_a_call_that_cannot_be_captured_is_timed_in_a_queue():
    there, gpu = played(captures=False)
    times, how = gpu.device_times([there.work(100), there.work(300)])
    # 400 µs of the device and 10 of the host between the events, two calls.
    assert times.p50 == pytest.approx(205e-6)
    assert how == QUEUE


def test_long_calls_are_repeated_few_times_and_short_ones_often():
    there, gpu = played()
    assert gpu.device_times([there.work(1e6)])[0].repeats == cuda_device.LEAST
    assert gpu.device_times([there.work(1)])[0].repeats == cuda_device.MOST


def test_the_results_of_a_graph_live_as_long_as_it_is_replayed():
    there, gpu = played()
    results = []

    def call():
        result = there.work(1)()
        if there.capturing is not None:
            results.append(weakref.ref(result))
        return result

    sample, _ = gpu.sampler([call, call])
    sample()
    assert [each() is not None for each in results] == [True, True]
    del sample
    assert [each() for each in results] == [None, None]


def test_host_and_wall_time_begin_at_an_idle_device():
    there, gpu = played()
    there.pending = 1e6  # what ran before is waited for first
    host, wall = gpu.waits(there.work(30))
    assert (host, wall) == pytest.approx((5, 35))


def test_a_copy_is_measured_as_calls_are_and_once_for_a_size(monkeypatch):
    there, gpu = played()
    sizes = []
    monkeypatch.setattr(
        cuda_device, "copier", lambda size, device: sizes.append(size) or there.work(40)
    )
    assert gpu.copy_us(100, 3) == pytest.approx(40)
    assert gpu.copy_us(100, 3) == pytest.approx(40)
    assert (sizes, there.graphs) == ([100, 100, 100], 1)


def test_launches_are_what_the_profiler_saw_on_the_device(monkeypatch):
    there, gpu = played()
    kinds = ["CPU", "CUDA", "CUDA", "CPU"]

    @contextlib.contextmanager
    def profile(activities):
        yield SimpleNamespace(
            events=lambda: [SimpleNamespace(device_type=SimpleNamespace(name=x)) for x in kinds]
        )

    monkeypatch.setattr(torch.profiler, "profile", profile)
    assert gpu.launches(there.work(1)) == 2
    measured = gpu.measure([there.work(10)])
    assert (measured.launches, measured.how) == (2, GRAPH)
    assert (measured.host_us, measured.wall_us) == pytest.approx((5, 15))
    kinds[:] = ["CPU"]
    assert gpu.launches(there.work(1)) is None

    def refused(activities):
        raise RuntimeError("CUPTI_ERROR_INSUFFICIENT_PRIVILEGES")

    monkeypatch.setattr(torch.profiler, "profile", refused)
    assert gpu.launches(there.work(1)) is None


def test_results_are_compared_with_the_reference_and_bit_by_bit():
    gpu = played()[1]
    want = (torch.tensor([1.0, 2.0]), torch.tensor([3.0]))
    assert gpu.refusal(want, lambda: want) == ""
    assert gpu.refusal(want[:1], lambda: want) == ""  # advantages without returns
    wrong = (torch.tensor([1.0, 2.5]), want[1])
    assert gpu.refusal(wrong, lambda: want) == ("result 0 differs from the reference by up to 0.5")
    assert "result 1 is (2,), not (1,)" in gpu.refusal((want[0], want[0]), lambda: want)
    assert gpu.refusal((), lambda: want) == "gives 0 results, the reference 2"
    assert gpu.refusal((*want, want[0]), lambda: want) == "gives 3 results, the reference 2"
    assert gpu.same_bits(want, want)
    assert not gpu.same_bits(want, wrong)
    assert not gpu.same_bits(want, want[:1])


def test_without_a_gpu_there_is_no_device():
    with pytest.raises(NoDeviceError, match="no GPU"):
        CudaDevice(SimpleNamespace(is_available=lambda: False))
    if not torch.cuda.is_available():
        with pytest.raises(NoDeviceError):
            device.open_device("cuda")


def test_the_device_describes_itself():
    assert played()[1].describe() == ["played: sm_90, 132 multiprocessors, 80 GiB, L2 50 MiB"]


def test_once_runs_each_call_once_and_asks_for_no_truth():
    there, gpu = played()
    once, calls = Once(gpu), []
    assert once.measure([lambda: calls.append(1), lambda: calls.append(2)]) == Measured()
    assert calls == [1]
    assert once.refusal((), lambda: pytest.fail("nobody computes the reference")) == ""
    assert (once.sets(1), once.copy_us(1, 1), once.kind) == (1, None, "cuda")
    assert once.same_bits((), ())
    assert once.describe() == []
    once.forget()
    assert there.graphs == 0


def test_the_command_for_cuda_divides_replays_by_replays(monkeypatch):
    there, gpu = played()
    monkeypatch.setattr(gpu, "launches", lambda call: 1)
    runners = {
        "(floor)": ([there.work(20)] * 2, contextlib.nullcontext),
        "creditlib": ([there.work(30), there.work(50)], contextlib.nullcontext),
    }
    times, extra = cuda.interleave(runners, seconds=0.0, device=gpu)
    assert times["creditlib"].p50 / times["(floor)"].p50 == pytest.approx(2)
    assert times["creditlib"].repeats == 3
    assert (extra["creditlib"].host_us, extra["creditlib"].wall_us) == pytest.approx((5, 35))
    assert (extra["creditlib"].launches, extra["creditlib"].note) == (1, "")
    fixed, _ = cuda.interleave(runners, seconds=9.0, repeat=4, device=gpu)
    assert {each.repeats for each in fixed.values()} == {4}
    many, _ = cuda.interleave(runners, seconds=0.001, device=gpu)
    # Half a millisecond each, in rounds of two calls: 500 / 80 replays and 500 / 40.
    assert (many["creditlib"].repeats, many["(floor)"].repeats) == (7, 13)
