"""The adapter inside Trinity-RFT: its registry, its plug-in loader, its pipeline, its experiences.

`make integration TRAINER=trinity`. No explorer, no trainer, no model: experiences are made by hand.
"""

import asyncio
from types import SimpleNamespace

import pytest
import torch
from trainer_modules import itself
from trainer_sources import found, recorded

TRINITY = (
    "trinity",
    "trinity.algorithm",
    "trinity.algorithm.advantage_fn",
    "trinity.buffer.pipelines.experience_pipeline",
    "trinity.common.experience",
    "trinity.utils.plugin_loader",
)
_, algorithms, functions, pipelines, experiences, loader = itself(*TRINITY)

from creditlib.integrations import trinity  # noqa: E402
from creditlib.integrations.patching import HookError  # noqa: E402
from creditlib.testing import assert_close  # noqa: E402
from creditlib.vocabulary.messages import ContractError  # noqa: E402

NAME = "creditlib"
MODULES = functions.ADVANTAGE_FN.modules


@pytest.fixture(autouse=True)
def registry_as_it_was():
    """The registry is one for the process, and refuses a name that it has."""
    yield
    MODULES.pop(NAME, None)


def experience(task, run, step, reward, mask, **info):
    """Two tokens of prompt, then the response as the mask says who wrote it."""
    count = len(mask)
    return experiences.Experience(
        eid=experiences.EID(batch=0, task=task, run=run, step=step),
        tokens=[7, 7, *range(10 * run, 10 * run + count)],
        prompt_length=2,
        action_mask=[bool(each) for each in mask],
        logprobs=[0.0] * count,
        reward=reward,
        info=info,
    )


def steps():
    """Two tasks of two runs; the runs of a task start in the same state."""
    rows = [
        (0, 0, 0, 0.0, [1, 0, 1], "a", 0.5),
        (0, 0, 1, 1.0, [1], "b", 1.0),
        (0, 1, 0, 0.0, [1, 1], "a", 0.0),
        (1, 0, 0, 4.0, [1], "c", 4.0),
        (1, 1, 0, 2.0, [1, 1], "c", 2.0),
    ]
    return [experience(*row[:5], env_state_hash=row[5], step_reward=row[6]) for row in rows]


def operator(name=NAME, **arguments):
    """The operator that Trinity's pipeline makes of `algorithm.advantage_fn`, with its own code."""
    pipeline = object.__new__(pipelines.ExperiencePipeline)
    pipeline.operators, pipeline.auxiliary_models = [], {}
    config = SimpleNamespace(algorithm_type="grpo", advantage_fn=name, advantage_fn_args=arguments)
    pipeline._set_algorithm_operators(config)
    return pipeline.operators[0]


def processed(exps, name=NAME, **arguments):
    same, metrics = asyncio.run(operator(name, **arguments).process(exps))
    return {(e.eid.task, e.eid.run, e.eid.step): e.advantages.float() for e in same}, metrics


def close(ours, theirs):
    assert ours.keys() == theirs.keys()
    for key in ours:
        assert_close(ours[key], theirs[key])


def test_every_hook_is_as_it_was_recorded():
    assert found(trinity.TRAINER) == recorded("trinity")


def test_install_and_undo():
    undo = trinity.install({"estimator": "gigpo"})
    made = functions.ADVANTAGE_FN.get(NAME)
    assert made is MODULES[NAME]
    assert made.default_args() == {"estimator": "gigpo"}
    assert algorithms.ADVANTAGE_FN.get(NAME) is made  # where Trinity's pipeline looks
    with pytest.raises(KeyError, match="already registered"):
        trinity.install()
    undo()
    assert NAME not in MODULES
    trinity.install()()


def test_a_plug_in_file_registers_it(tmp_path):
    """As the page says: a file in `--plugin-dir`."""
    file = tmp_path / "credit_plugin.py"
    file.write_text("from creditlib.integrations.trinity import install\ninstall()\n")
    loader.load_plugin_from_dirs([str(tmp_path)])
    assert NAME in MODULES


def test_by_hand_through_the_pipeline():
    trinity.install()
    credit, metrics = processed(steps(), estimator="grpo", scale=None)
    # Task 0: outcomes 1 and 0. Task 1: 4 and 2. The tool's token gets nothing.
    assert credit[0, 0, 0].tolist() == [0.5, 0.0, 0.5]
    assert credit[0, 0, 1].tolist() == [0.5]
    assert credit[0, 1, 0].tolist() == [-0.5, -0.5]
    assert credit[1, 0, 0].tolist() == [1.0]
    assert credit[1, 1, 0].tolist() == [-1.0, -1.0]
    assert metrics["creditlib/rows/excluded"] == 0.0


def test_grpo_is_trinitys_own():
    """One step a run, so that a task's rewards are its outcomes; a lone run keeps its reward."""
    rewards = ((0, 0, 1.0), (0, 1, 0.0), (0, 2, 0.25), (1, 0, 3.0), (2, 0, 2.0), (2, 1, 2.0))
    made = [[experience(t, r, 0, x, [1, 0, 1]) for t, r, x in rewards] for _ in range(2)]
    trinity.install()
    close(processed(made[0], preset="VERL_GRPO")[0], processed(made[1], "grpo")[0])


def test_grpo_over_steps_is_trinitys_own():
    """Its step-wise function gives the last step's credit to all steps of a run."""
    trinity.install()
    close(processed(steps(), preset="VERL_GRPO")[0], processed(steps(), "step_wise_grpo")[0])


def test_gigpo_is_trinitys_own_where_no_hash_is_in_two_tasks():
    exps = [steps(), steps()]
    for ours, theirs in zip(*exps, strict=True):
        ours.action_mask = theirs.action_mask = torch.ones_like(ours.action_mask)  # one turn each
    exps[0][1].reward = 1.5  # Trinity's return of a run is the sum of its step rewards
    trinity.install()
    ours = processed(exps[0], estimator="gigpo", gamma=1.0, scale=None)[0]
    close(ours, processed(exps[1], "gigpo", gamma=1.0)[0])


def test_a_step_with_tool_output_inside_has_two_turns_and_needs_two_hashes():
    trinity.install()
    exps = steps()
    with pytest.raises(ContractError, match=r"`anchor` must be 2 values, .* got 1 in row 0"):
        processed(exps, estimator="gigpo")
    exps[0].info |= {"env_state_hash": ["a", "b"], "step_reward": [0.5, 0.0]}
    credit, _ = processed(exps, estimator="gigpo", gamma=1.0, scale=None)
    # 0.5 for the episode; to come 1.5 and 0 at the state a, 1 and 1 at b.
    assert credit[0, 0, 0].tolist() == [1.25, 0.0, 0.5]
    assert credit[0, 0, 1].tolist() == [0.5]


def test_equal_hashes_of_two_tasks_are_not_compared():
    exps = steps()
    for each in exps:
        each.info["env_state_hash"] = "same"
    trinity.install()
    credit, _ = processed([exps[3], exps[4], exps[2]], estimator="gigpo", gamma=1.0, scale=None)
    assert credit[1, 0, 0].tolist() == [2.0]  # 1 for the episode, 1 at the state
    assert credit[0, 1, 0].tolist() == [0.0, 0.0]  # the only run of its task


def test_credit_survives_the_buffer():
    """Trinity sends experiences as bytes from the explorer to the trainer."""
    trinity.install()
    exps = steps()
    processed(exps, estimator="grpo", scale=None)
    for each in exps:
        again = experiences.Experience.deserialize(each.serialize())
        assert again.advantages.tolist() == each.advantages.tolist()
        assert again.returns.tolist() == each.returns.tolist()


def test_runs_that_the_workflow_did_not_number_are_refused():
    trinity.install()
    exps = [experience(3, 0, 0, 1.0, [1]), experience(3, 0, 0, 0.0, [1, 1])]
    with pytest.raises(ContractError, match=r"eid\.run"):
        processed(exps)


def test_unscored_runs_take_no_part():
    trinity.install()
    exps = [experience(0, run, 0, x, [1]) for run, x in enumerate((None, 3.0, 1.0))]
    credit, metrics = processed(exps, estimator="grpo", scale=None)
    assert [x.item() for x in credit.values()] == [0.0, 1.0, -1.0]
    assert metrics["creditlib/rows/excluded"] == pytest.approx(1 / 3)


def test_a_registry_that_moved_is_refused(monkeypatch):
    monkeypatch.delattr(functions, "ADVANTAGE_FN")
    with pytest.raises(HookError, match=r"Trinity-RFT 0.*ADVANTAGE_FN"):
        trinity.install()
