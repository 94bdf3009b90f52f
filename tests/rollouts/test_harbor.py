import copy
import json

import pytest
from format_files import TRAJECTORY, turns_of

from creditlib import rollouts
from creditlib.rollouts.harbor import file_of, job_files


def trial(job, name, rewards, *, trajectory=TRAJECTORY, task="sum"):
    """A trial as Harbor lays it out."""
    folder = job / name
    (folder / "agent").mkdir(parents=True)
    result = None if rewards is None else {"rewards": rewards}
    written = {"task_name": task, "trial_name": name, "verifier_result": result}
    (folder / "result.json").write_text(json.dumps(written))
    if trajectory is not None:
        (folder / "agent" / "trajectory.json").write_text(json.dumps(trajectory, indent=1))
    return folder


@pytest.fixture
def job(tmp_path):
    """A job of three trials: solved, failed, and one whose agent wrote nothing."""
    folder = tmp_path / "jobs" / "monday"
    trial(folder, "sum__1", {"reward": 1.0})
    trial(folder, "sum__2", {"reward": 0.0})
    trial(folder, "sum__3", {"reward": 0.0}, trajectory=None)
    for name in ("result.json", "config.json"):
        (folder / name).write_text('{"stats": {}}')
    return folder


def test_a_job_is_one_trajectory_for_each_trial(job):
    """Grpo without scale of 1, 0, 0 is 2/3, -1/3, -1/3: the trial without steps is a member."""
    found = rollouts.read(job)
    assert found.format == "atif"
    assert list(found.groups) == ["sum"]
    assert found.tensors["reward"].tolist() == [1.0, 0.0, 0.0]
    assert found.tensors["turn_count"].tolist() == [2, 2, 0]
    assert [row["id"] for row in found.trajectories] == ["sum__1", "sum__2", "sum__3"]
    assert found.tensors["rewards"].tolist() == [[1.0], [0.0], [0.0]]


def test_a_trial_a_job_and_a_folder_of_jobs_are_told_by_their_files(job, tmp_path):
    assert [len(job_files(each)) for each in (job / "sum__1", job, job.parent)] == [1, 3, 3]
    assert job_files(tmp_path / "jobs" / "nothing") == []
    file = job / "sum__1" / "agent" / "trajectory.json"
    assert rollouts.read(file).tensors["reward"].tolist() == [1.0]
    assert file_of(f"{file} line 1") == file_of(str(file)) == file


def test_a_trial_that_was_not_verified_takes_no_part(job):
    trial(job, "sum__4", None)
    assert rollouts.read(job).tensors["valid"].tolist() == [True, True, True, False]


def test_the_reward_is_the_one_of_that_name_or_the_only_one_or_the_named_one(tmp_path, refusal):
    trial(tmp_path, "a", {"accuracy": 0.5})
    assert rollouts.read(tmp_path).tensors["reward"].tolist() == [0.5]
    two = tmp_path / "two"
    folder = trial(two, "a", {"tests": 1.0, "style": 0.25})
    assert refusal(rollouts.read, two) == (
        "rollouts: the reward of a trajectory must lie under `verifier_result.rewards.reward`, got "
        "the keys `verifier_result.rewards.tests, verifier_result.rewards.style` in "
        f"{folder / 'agent' / 'trajectory.json'}; name its key by `keys={{'outcome': KEY}}` or "
        "`--key outcome=KEY`."
    )
    named = rollouts.read(two, keys={"outcome": "verifier_result.rewards.style"})
    assert named.tensors["reward"].tolist() == [0.25]
    assert named.tensors["rewards"].tolist() == [[1.0, 0.25]]


def test_a_continuation_is_part_of_its_trajectory(tmp_path):
    """The last step lies in the second file, behind copies of the first two."""
    steps = TRAJECTORY["steps"]
    first = {**TRAJECTORY, "steps": steps[:2], "continued_trajectory_ref": "trajectory.cont-1.json"}
    folder = trial(tmp_path, "a", {"reward": 1.0}, trajectory=first)
    copied = [{**copy.deepcopy(step), "is_copied_context": True} for step in steps[:2]]
    more = {**TRAJECTORY, "steps": [*copied, steps[2]]}
    (folder / "agent" / "trajectory.cont-1.json").write_text(json.dumps(more))
    found = rollouts.read(tmp_path)
    assert turns_of(found) == [("7*8?", 'I multiply.\nmultiply({"a": 7, "b": 8})'), ("56", "56")]
    assert found.tensors["duration"].tolist() == [[3.0, 5.5]]
    plain = rollouts.read(folder / "agent")
    assert plain.tensors["turn_count"].tolist() == [2]


def test_a_continuation_that_is_not_there_or_no_json_is_named(tmp_path, refusal):
    first = {**TRAJECTORY, "continued_trajectory_ref": "/logs/more.json"}
    folder = trial(tmp_path, "a", {"reward": 1.0}, trajectory=first)
    more = folder / "agent" / "more.json"
    assert f"must name a file beside the trajectory, got no file {more} in" in refusal(
        rollouts.read, tmp_path
    )
    more.write_text("{")
    assert refusal(rollouts.read, tmp_path).endswith(f"in {more}.")
    more.write_text("[]")
    assert refusal(rollouts.read, tmp_path) == (
        f"rollouts: a file must be one JSON object, got list in {more}."
    )


def test_a_result_that_is_no_json_is_named(job, refusal):
    (job / "sum__1" / "result.json").write_text("no")
    found = refusal(rollouts.read, job)
    assert found.startswith("rollouts: a file must be one JSON object, got JSONDecodeError")
    assert found.endswith(f"in {job / 'sum__1' / 'result.json'}.")


def test_rewards_of_another_kind_are_named(tmp_path, refusal):
    trial(tmp_path, "a", {"reward": "x"})
    assert "`verifier_result.rewards.reward` must be a finite number" in refusal(
        rollouts.read, tmp_path
    )
