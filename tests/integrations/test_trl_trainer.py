"""TRL's calling convention with a small trainer of our own in its place.

The stand-in has the methods, keys and attributes that TRL 1.16.0's GRPOTrainer has at the moment
advantages are made; what TRL itself does with them is tested in `trainers/test_trl_itself.py`.
"""

import importlib.util
import sys
from collections import defaultdict, deque
from types import SimpleNamespace

import pytest
import torch

import creditlib as cl
from creditlib.integrations.patching import HookError
from creditlib.integrations.trl import trainer as trl
from creditlib.testing import assert_close


class GRPOTrainer:
    """One call: rewards are gathered, advantages are made, logged and returned."""

    def __init__(self, made, args=None, environments=None, train=True):
        self.made = made
        self.args = args or SimpleNamespace()
        self.accelerator = SimpleNamespace(process_index=0, num_processes=1)
        self.model = SimpleNamespace(training=train)
        self.num_generations, self.num_generations_eval = 2, 3
        self.scale_rewards = getattr(self.args, "scale_rewards", "none")
        self.multi_objective_aggregation = getattr(
            self.args, "multi_objective_aggregation", "sum_then_normalize"
        )
        self.reward_weights = torch.tensor(getattr(self.args, "reward_weights", [1.0]))
        self.environments = environments
        self._logs = {"advantages": deque(maxlen=8)}
        self._metrics = {"train": defaultdict(list), "eval": defaultdict(list)}

    def _calculate_rewards(self, inputs, prompts, completions, completion_ids_list):
        return torch.tensor(self.made["reward"]).reshape(len(inputs), -1)

    def _generate_single_turn(
        self, prompt_ids, images, multimodal_fields, num_generations, has_tool_images=False
    ):
        return None

    def _generate_and_score_completions(self, inputs):
        # Turns of the tool loop: after each, what its calls did to the environments.
        for calls in self.made.get("calls", [[]]):
            self._generate_single_turn(None, None, None, 2)
            for environment, act in zip(self.environments or [], calls, strict=bool(calls)):
                act(environment)
        for name, values in self.made.get("recorded", {}).items():
            for row, value in zip(inputs, values, strict=True):
                row[name] = value  # what a rollout_func returns beside tokens
        rewards = self._calculate_rewards(inputs, None, None, None)
        advantages = torch.full((len(rewards),), 7.0)
        self._logs["advantages"].extend(advantages.tolist())
        masks = {k: torch.tensor(x) for k, x in self.made.items() if k.endswith("_mask")}
        return {**masks, "advantages": advantages, "num_items_in_batch": torch.tensor(9)}

    def _compute_loss(self, model, inputs):
        return inputs["advantages"].sum()


Ours = trl.credit_trainer(GRPOTrainer)
NAN = torch.nan


def run(made, credit="grpo", options=None, rows=None, base=GRPOTrainer, **others):
    trainer = trl.credit_trainer(base)(made, credit=credit, credit_options=options, **others)
    inputs = [{"prompt": "p"} for _ in made["completion_mask"]] if rows is None else rows
    output = trainer._generate_and_score_completions(inputs)
    return trainer, output


# Two prompts with two rollouts each, ragged, with a tool's answer inside.
MASK = [[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 0]]
TOOL = [[1, 0, 1, 1], [1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 1, 1]]
MADE = {"completion_mask": MASK, "tool_mask": TOOL, "reward": [1.0, 0.0, 3.0, 1.0]}


def test_credit_lies_on_the_tokens_the_model_wrote():
    # Means 0.5 and 2.0: 0.5, -0.5, 1.0, -1.0.
    _, output = run(MADE)
    wanted = [[0.5, 0, 0.5, 0.5], [-0.5, -0.5, 0, 0], [1, 0, 1, 0], [-1, 0, 0, 0]]
    assert_close(output["advantages"], torch.tensor(wanted))
    assert output["advantages"].dtype == torch.float32
    assert output["num_items_in_batch"] == 9
    assert torch.equal(output["tool_mask"], torch.tensor(TOOL))


# huggingface/trl#7298: who replaced the advantages went on logging those of TRL.
def test_logged_are_the_advantages_used_and_what_was_logged_before_stays():
    trainer, _ = run(MADE)
    trainer._logs["advantages"].extendleft([3.0] * 4)
    trainer.made = {**MADE, "reward": [0.0, 2.0, 0.0, 0.0]}
    trainer._generate_and_score_completions([{"prompt": "p"}] * 4)
    assert list(trainer._logs["advantages"]) == [0.5, -0.5, 1.0, -1.0, -1.0, 1.0, 0.0, 0.0]


def test_metrics_go_where_trl_logs_its_own():
    trainer, _ = run(MADE)
    found = trainer._metrics["train"]
    assert found["creditlib/credit/abs_max"] == [1.0]
    assert found["creditlib/group/count"] == [2]
    assert not trainer._metrics["eval"]


def test_evaluation_has_its_own_number_of_rollouts():
    made = {"completion_mask": [[1]] * 6, "reward": [0.0, 1.0, 2.0, 3.0, 3.0, 0.0]}
    trainer, output = run(made, train=False)
    assert_close(output["advantages"][:, 0], torch.tensor([-1.0, 0.0, 1.0, 1.0, 1.0, -2.0]))
    assert trainer._metrics["eval"]["creditlib/group/count"] == [2]
    assert not trainer._metrics["train"]


def test_a_row_without_a_reward_is_as_if_deleted():
    # huggingface/trl#5773, #5775, #5749, #5902: NaN losses, and siblings of a None that got 0.
    made = {
        "completion_mask": [[1, 1], [1, 0], [1, 1], [1, 1], [1, 0], [1, 1]],
        "reward": [4.0, NAN, 2.0, 1.0, NAN, NAN],
    }
    trainer, output = run(made, train=False)  # groups of three; the second has a lone member
    wanted = [[1, 1], [0, 0], [-1, -1], [0, 0], [0, 0], [0, 0]]
    assert_close(output["advantages"], torch.tensor(wanted, dtype=torch.float32))
    assert trainer._metrics["eval"]["creditlib/rows/excluded"] == [0.5]


def test_of_several_functions_one_is_enough():
    made = {
        "completion_mask": [[1]] * 4,
        "reward": [[1.0, 1.0], [NAN, 3.0], [NAN, NAN], [0.0, 2.0]],
    }
    # Weighted 0.5 and 2: 2.5 and 6; none and 4, which is then alone.
    _, output = run(made, args=SimpleNamespace(reward_weights=[0.5, 2.0]))
    assert_close(output["advantages"][:, 0], torch.tensor([-1.75, 1.75, 0.0, 0.0]))


def test_rows_whose_tokens_are_all_masked_are_rejected():
    """mask_truncated_completions: TRL empties the mask and keeps the reward in its statistics."""
    made = {"completion_mask": [[1, 1], [0, 0], [1, 0], [1, 1]], "reward": [5.0, 1.0, 1.0, 0.0]}
    _, output = run(made)
    wanted = [[0, 0], [0, 0], [0.5, 0], [-0.5, -0.5]]
    assert_close(output["advantages"], torch.tensor(wanted))


ANCHORS = [["hall", "attic"], ["hall"], ["hall", None], ["cellar"]]


def test_a_rollout_brings_anchors_rewards_and_seconds_of_turns():
    recorded = {
        "anchor": ANCHORS,
        "turn_reward": [[0.0, 1.0], [0.0], [1.0, 2.0], [1.0]],
        "duration": [[1.0, 3.0], [2.0], [2.0, 2.0], [2.0]],
    }
    options = {"gamma": 0.5, "scale": None, "step_weight": 2.0}
    _, output = run({**MADE, "recorded": recorded}, "gigpo", options)
    # Step returns: 0.5, 1 | 0 | 2, 2 | 1. In the first group "hall" has 0.5 and 0: +-0.25, twice.
    # "attic" is alone; so is every state of the second group.
    wanted = [[1.0, 0, 0.5, 0.5], [-1.0, -1.0, 0, 0], [1, 0, 1, 0], [-1, 0, 0, 0]]
    assert_close(output["advantages"], torch.tensor(wanted))
    _, weighted = run(
        {**MADE, "recorded": recorded}, "gigpo", {**options, "weight": "duration_weight"}
    )
    tensors = {
        "duration": torch.tensor([[1.0, 3.0], [2.0, 0.0], [2.0, 2.0], [2.0, 0.0]]),
        "turn_count": torch.tensor([2, 1, 2, 1]),
    }
    factor = cl.to_tokens(
        cl.duration_weight(**tensors),
        cl.layouts.turns_from_mask((torch.tensor(MASK) * torch.tensor(TOOL)) != 0),
    )
    assert_close(weighted["advantages"], factor * torch.tensor(wanted))
    assert len(factor.unique()) > 3


def test_only_what_the_estimator_asks_for_is_read():
    rows = [{"prompt": "p", "duration": "long", "group": "x", "length": None} for _ in MASK]
    _, output = run(MADE, rows=rows)
    assert_close(output["advantages"][:, 0], torch.tensor([0.5, -0.5, 1.0, -1.0]))


def test_inputs_of_the_caller_stay_as_they_are():
    shared = {"prompt": "p"}
    # One mapping for all rows: what a rollout recorded of the last must not count for all.
    _, output = run(
        {**MADE, "recorded": {"anchor": ANCHORS}}, "gigpo", {"scale": None}, [shared] * 4
    )
    assert shared == {"prompt": "p"}
    _, apart = run({**MADE, "recorded": {"anchor": ANCHORS}}, "gigpo", {"scale": None})
    assert torch.equal(output["advantages"], apart["advantages"])


class Room:
    """An environment that records the state reached and the reward, call by call."""

    def __init__(self, start):
        self.credit_record = {"anchor": [start], "turn_reward": []}

    def walk(self, where, earned):
        self.credit_record["anchor"].append(where)
        self.credit_record["turn_reward"].append(earned)


class Plain(Room):
    """The same in attributes."""

    def __init__(self, start):
        super().__init__(start)
        self.anchor, self.turn_reward = self.credit_record.values()
        self.credit_record = None

    def walk(self, where, earned):
        self.anchor.append(where)
        self.turn_reward.append(earned)


def rest(room):
    """A turn that calls nothing."""


def walks(*calls):
    return lambda room: [room.walk(*call) for call in calls]


def test_environments_note_calls_of_which_a_turn_has_any_number():
    environments = [Room("hall"), Plain("hall"), Room("hall"), Plain("cellar")]
    calls = [
        [
            walks(("roof", 0.0), ("attic", 0.0)),
            rest,
            walks(("roof", 0.5), ("cellar", 0.5)),
            walks(("hall", 1.0)),
        ],
        # The result of the last call found no room: no turn starts from the state after it.
        [walks(("roof", 0.75), ("roof", 0.25)), rest, rest, rest],
    ]
    options = {"gamma": 0.5, "scale": None, "step_weight": 2.0}
    _, output = run({**MADE, "calls": calls}, "gigpo", options, environments=environments)
    recorded = {
        "anchor": [["hall", "attic"], ["hall"], ["hall", "cellar"], ["cellar"]],
        "turn_reward": [[0.0, 1.0], [0.0], [1.0, 0.0], [1.0]],
    }
    _, wanted = run({**MADE, "recorded": recorded}, "gigpo", options)
    assert torch.equal(output["advantages"], wanted["advantages"])
    # As above: 0.5 more in the first state, which both of the first group were in.
    assert_close(output["advantages"][:2, 0], torch.tensor([1.0, -1.0]))


def test_an_environment_that_records_states_after_leaving_them_is_refused(refusal):
    environments = [Room("hall") for _ in MASK]
    environments[0].credit_record["anchor"].clear()
    made = {**MADE, "calls": [[walks(("hall", 0.0)), *[rest] * 3], [rest] * 4]}
    assert refusal(run, made, "gigpo", environments=environments) == (
        "environment: `anchor` must be recorded by `reset` and after each call, got no value."
    )


def test_lists_of_environments_without_a_tool_loop_are_taken_as_they_are(refusal):
    environments = [Room("hall") for _ in MASK]
    for room, anchors in zip(environments, ANCHORS, strict=True):
        room.credit_record = {"anchor": anchors}
    _, output = run(MADE, "gigpo", {"scale": None}, environments=environments)
    _, wanted = run({**MADE, "recorded": {"anchor": ANCHORS}}, "gigpo", {"scale": None})
    assert torch.equal(output["advantages"], wanted["advantages"])
    environments[0].credit_record = {"anchor": ["hall"]}
    assert "got 1 in row 0" in refusal(run, MADE, "gigpo", environments=environments)


def test_what_does_not_fit_the_turns_is_refused(refusal):
    made = {**MADE, "recorded": {"anchor": [["hall"], *ANCHORS[1:]]}}
    assert refusal(run, made, "gigpo") == (
        "read_rows: `anchor` must be 2 values, one for each turn of the row, got 1 in row 0."
    )
    assert "gigpo: `anchor` must be int[batch turn], got nothing" in refusal(run, MADE, "gigpo")


def test_information_gain_is_made_of_gold_log_probabilities():
    gold = [[-3.0, -1.0], [-2.0], [-1.0, -1.5], [-1.0]]
    padded = torch.tensor([row + [0.0] * (2 - len(row)) for row in gold])
    gain = cl.information_gain(gold_log_prob=padded, turn_count=torch.tensor([2, 1, 2, 1]))
    wanted = [row[: len(own)] for row, own in zip(gain.tolist(), gold, strict=True)]
    found = [
        run({**MADE, "recorded": recorded}, "igpo")[1]["advantages"]
        for recorded in ({"gold_log_prob": gold}, {"information_gain": wanted})
    ]
    assert torch.equal(*found)
    assert gain.any()
    assert len(found[0].unique()) > 4


def test_trls_scaling_counts_unless_the_options_say_otherwise():
    def scaled(setting, **options):
        args = SimpleNamespace(scale_rewards=setting)
        return run(MADE, options=options, args=args)[1]["advantages"][:, 0]

    reward, group = torch.tensor(MADE["reward"]), torch.tensor([0, 0, 1, 1])
    for setting, option in [
        ("group", {}),
        ("batch", {"scale_over": "batch"}),
        ("none", {"scale": None}),
    ]:
        assert_close(scaled(setting), cl.grpo(reward=reward, group=group, **option))
    assert_close(scaled("none", scale="std"), scaled("group"))
    # An estimator without that option has nothing to turn off.
    assert run(MADE, "rloo", args=SimpleNamespace(scale_rewards="none"))[1]["advantages"].any()


def test_a_setting_that_an_estimator_cannot_follow_is_refused(refusal):
    recorded = {**MADE, "recorded": {"anchor": ANCHORS}}
    batch = SimpleNamespace(scale_rewards="batch")
    assert refusal(run, recorded, "gigpo", args=batch) == (
        'gigpo: `scale_rewards` must be "group" or "none": it scales over groups, got "batch".'
    )
    run(recorded, "gigpo", {"scale": None}, args=batch)
    several = SimpleNamespace(multi_objective_aggregation="normalize_then_sum")
    assert "one of several rewards such as" in refusal(run, MADE, args=several)
    liger = SimpleNamespace(use_liger_kernel=True)
    assert refusal(run, MADE, args=liger) == (
        "CreditGRPOTrainer: `use_liger_kernel` must be False: Liger's loss takes one advantage a "
        "row, got True."
    )


def test_several_rewards_reach_an_estimator_of_several():
    rewards = [[1.0, 0.0], [0.0, 4.0], [2.0, 1.0], [NAN, NAN]]
    made = {"completion_mask": MASK, "reward": rewards}
    args = SimpleNamespace(
        reward_weights=[1.0, 0.5], multi_objective_aggregation="normalize_then_sum"
    )
    _, output = run(made, "gdpo", args=args)
    wanted = cl.gdpo(
        rewards=torch.tensor(rewards[:3]),
        group=torch.tensor([0, 0, 1]),
        length=torch.tensor([4, 2, 3]),
        weights=[1.0, 0.5],
    )
    assert_close(output["advantages"][:3, 0], wanted)
    assert not output["advantages"][3].any()
    made["reward"] = [[1.0, 0.0], [0.0, NAN], [2.0, 1.0], [NAN, NAN]]
    _, output = run(made, "gdpo", args=args)
    wanted = cl.gdpo(
        rewards=torch.tensor(made["reward"][:3]),
        group=torch.tensor([0, 0, 1]),
        length=torch.tensor([4, 2, 3]),
        weights=[1.0, 0.5],
    )
    assert_close(output["advantages"][:3, 0], wanted)


def halves(*, reward):
    """An estimator of one's own."""
    return reward / 2


def test_any_function_will_do_and_a_wrong_name_is_said_before_anything_is_made(refusal):
    _, output = run(MADE, halves)
    assert_close(output["advantages"][:, 0], torch.tensor([0.5, 0.0, 1.5, 0.5]))
    _, output = run(MADE, f"{__name__}:halves")
    assert_close(output["advantages"][:, 0], torch.tensor([0.5, 0.0, 1.5, 0.5]))
    _, output = run(MADE, options={"estimator": halves})
    assert_close(output["advantages"][:, 0], torch.tensor([0.5, 0.0, 1.5, 0.5]))
    assert "did you mean 'gigpo'?" in refusal(Ours, None, credit="gigop")
    assert "`k` must be one of its options" in refusal(Ours, None, credit_options={"k": 1})


def test_an_infinite_reward_is_refused(refusal):
    # Stock TRL makes the whole group silently 0 (inf - inf).
    assert "got inf in row 1" in refusal(run, {**MADE, "reward": [0.0, torch.inf, 0.0, 0.0]})


class Rank:
    """The first of two ranks, as accelerate shows it; the second had the rows given."""

    process_index, num_processes = 0, 2

    def __init__(self, others):
        self.others = torch.tensor(others, dtype=torch.int32)

    def pad_across_processes(self, x, dim, pad_index):
        missing = self.others.shape[dim] - x.shape[dim]
        return torch.nn.functional.pad(x, (0, max(missing, 0)), value=pad_index)

    def gather(self, x):
        return torch.cat([x, self.others])


# huggingface/trl#3725, #4271: groups cut across ranks.
def test_a_group_may_lie_on_two_ranks(monkeypatch):
    """Ranks of three rows, groups of two: the second group is on both."""
    both = SimpleNamespace(gather_object=lambda rows: [*rows, *([{}] * 3)])
    monkeypatch.setitem(sys.modules, "accelerate", both)
    monkeypatch.setitem(sys.modules, "accelerate.utils", both)
    own = {"completion_mask": [[1, 1], [1, 0], [1, 0]]}
    trainer = Ours(own)
    trainer.accelerator = Rank([[1, 1, 1], [1, 1, 0], [1, 0, 0]])
    rewards = torch.tensor([[0.0], [1.0], [4.0], [0.0], [NAN], [3.0]])
    monkeypatch.setattr(GRPOTrainer, "_calculate_rewards", lambda *arguments: rewards)
    output = trainer._generate_and_score_completions([{"prompt": "p"}] * 3)
    assert_close(output["advantages"], torch.tensor([[-0.5, -0.5], [0.5, 0], [2, 0]]))
    assert list(trainer._logs["advantages"])[-6:] == [-0.5, 0.5, 2.0, -2.0, 0.0, 0.0]


def test_a_trainer_that_works_differently_is_refused():
    class Moved(GRPOTrainer):
        def _calculate_rewards(self, inputs, prompts, completions):
            return None

    class Without:
        pass

    for base, fact in (
        (Moved, "got (self, inputs, prompts, completions)."),
        (Without, "got nothing of that name."),
    ):
        with pytest.raises(HookError) as caught:
            trl.credit_trainer(base)
        assert fact in str(caught.value)
        assert "as in 1.16.0" in str(caught.value)
    with pytest.raises(
        HookError,
        match=r"return completion_mask and advantages .*, got no `completion_mask`",
    ):
        run({"reward": [1.0], "tool_mask": [[1]], "completion_mask_": []}, rows=[{}])
    with pytest.raises(HookError, match="one row for each of 4 completions of all ranks"):
        run({**MADE, "reward": [[1.0], [2.0]]}, base=Fewer)


class Fewer(GRPOTrainer):
    """Its rewards are not gathered over the rows there are."""

    def _calculate_rewards(self, inputs, prompts, completions, completion_ids_list):
        return torch.tensor(self.made["reward"])


class OwnRewards(GRPOTrainer):
    def _generate_and_score_completions(self, inputs):
        return {"completion_mask": torch.ones(1, 1), "advantages": torch.zeros(1)}


def test_a_trainer_that_makes_no_rewards_is_refused():
    trainer = trl.credit_trainer(OwnRewards)(MADE)
    with pytest.raises(HookError, match="got no call of _calculate_rewards"):
        trainer._generate_and_score_completions([{}])


def test_trls_trainers_with_a_loss_of_rows_are_refused(refusal):
    rows = type(
        "GMPOTrainer",
        (GRPOTrainer,),
        {
            "__module__": "trl.experimental.gmpo.gmpo_trainer",
            "_compute_loss": lambda self, model, inputs: 0,
        },
    )
    assert refusal(trl.credit_trainer, rows) == (
        "credit_trainer: `base` must be a GRPOTrainer with its loss of (rows, tokens), got "
        "GMPOTrainer, whose loss is of rows."
    )


def test_the_class_has_the_name_and_the_place_of_its_base():
    assert Ours.__name__ == "CreditGRPOTrainer"
    assert Ours.__module__ == __name__
    assert trl.credit_trainer(GRPOTrainer) is Ours
    assert issubclass(Ours, GRPOTrainer)


def test_without_trl_the_module_is_there_and_the_class_says_what_is_missing(monkeypatch):
    with pytest.raises(AttributeError, match="has no attribute 'Grpo'"):
        _ = trl.Grpo
    if importlib.util.find_spec("trl") is None:
        with pytest.raises(HookError, match="TRL is not installed"):
            _ = trl.CreditGRPOTrainer


def test_a_tool_mask_of_another_width_is_refused(refusal):
    """huggingface/trl#4976: a truncated tool_mask; one column would go to every token."""
    for tool in ([[1]] * 4, [row[:3] for row in TOOL]):
        assert refusal(run, {**MADE, "tool_mask": tool}) == (
            "CreditGRPOTrainer: `tool_mask` must be (4, 4) like completion_mask, got "
            f"torch.int64 (4, {len(tool[0])})."
        )


def test_the_deviation_of_the_batch_is_that_of_rows_that_take_part():
    """huggingface/trl#7068: masked rows stayed in it. Rewards 5, 1 and 0 are left."""
    made = {"completion_mask": [[1, 1], [0, 0], [1, 0], [1, 1]], "reward": [5.0, 9.0, 1.0, 0.0]}
    _, output = run(made, args=SimpleNamespace(scale_rewards="batch"), options={"eps": 0.0})
    deviation = torch.tensor([5.0, 1.0, 0.0]).std()  # sqrt(7)
    wanted = torch.tensor([[0, 0], [0, 0], [0.5, 0], [-0.5, -0.5]]) / deviation
    assert_close(output["advantages"], wanted)


def test_a_reward_lies_on_the_last_token_that_was_written():
    """huggingface/trl#3750, #1893: on padding behind it, it would be lost or discounted away."""
    _, output = run(MADE, credit="discounted_return", options={"gamma": 0.5})
    wanted = [[0.25, 0, 0.5, 1], [0, 0, 0, 0], [1.5, 0, 3, 0], [1, 0, 0, 0]]
    assert output["advantages"].tolist() == wanted
