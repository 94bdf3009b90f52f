"""The log of completions as the installed TRL writes it, read back as rollouts."""

import types
import warnings
from collections import defaultdict, deque

import pytest

pytest.importorskip("trl")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import trl_tiny as tiny
    from transformers import Trainer
    from trl import GRPOTrainer

import creditlib as cl
from creditlib import rollouts
from creditlib.testing import assert_close

# What TRL and transformers warn of is theirs.
pytestmark = pytest.mark.filterwarnings("ignore")

USER = [{"role": "user", "content": "go"}]
PICTURE = [
    {
        "role": "user",
        "content": [{"type": "image", "image": object()}, {"type": "text", "text": "go"}],
    }
]


def call(name, **arguments):
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


def logged(folder, monkeypatch, prompts, completions, rewards, **extra):
    """`GRPOTrainer.log` itself on a trainer that has nothing but its lists of completions."""
    trainer = object.__new__(GRPOTrainer)
    size = len(prompts)
    trainer.model = types.SimpleNamespace(training=True)
    trainer.state = types.SimpleNamespace(global_step=3)
    trainer.args = types.SimpleNamespace(report_to=[], output_dir=str(folder))
    trainer.accelerator = types.SimpleNamespace(is_main_process=True)
    trainer._metrics = {"train": defaultdict(list)}
    trainer.log_completions, trainer.num_completions_to_print = True, 0
    trainer._logs = {
        "images": deque(),
        "prompt": deque(prompts),
        "completion": deque(completions),
        "rewards": {name: deque(values) for name, values in rewards.items()},
        "advantages": deque([0.0] * size),
        "extra": {name: deque(values) for name, values in extra.items()},
    }
    (folder / "completions").mkdir()
    monkeypatch.setattr(Trainer, "log", lambda self, logs, start_time=None: None)
    monkeypatch.setattr("trl.trainer.grpo_trainer.is_rich_available", lambda: False)
    GRPOTrainer.log(trainer, {})
    return rollouts.read(folder / "completions")


def test_conversations_with_tools(tmp_path, monkeypatch):
    """Two rows of one prompt, 1 and 0: credit 1/2 and -1/2 on each turn."""
    first = [
        {"role": "assistant", "content": "I look.", "tool_calls": [call("walk", steps=2)]},
        {"role": "tool", "name": "walk", "content": "room 2"},
        {"role": "assistant", "content": None, "tool_calls": [call("ask", who="cook")]},
        {"role": "tool", "name": "ask", "content": "soup"},
        {"role": "assistant", "content": "done"},
    ]
    second = [{"role": "assistant", "content": "no", "reasoning_content": "too far"}]
    found = logged(
        *(tmp_path, monkeypatch, [USER, USER], [first, second]), {"accuracy": [1.0, 0.0]}
    )
    assert [row["turns"] for row in found.trajectories] == [
        [
            {"observation": "go", "text": 'I look.\nwalk({"steps": 2})'},
            {"observation": "room 2", "text": 'ask({"who": "cook"})'},
            {"observation": "soup", "text": "done"},
        ],
        [{"observation": "go", "text": "too far\nno"}],
    ]
    assert found.groups == {"3/1": [0, 1]}
    assert cl.apply("grpo", found.tensors, scale=None).tolist() == [0.5, -0.5]
    anchor = found.tensors["anchor"]
    assert anchor[0, 0] == anchor[1, 0] != anchor[0, 1]


def test_texts_gaps_and_extra_columns(tmp_path, monkeypatch):
    nan = float("nan")
    found = logged(
        *(tmp_path, monkeypatch, ["p", "p", "q"], ["a", "b", "c"]),
        {"accuracy": [1.0, nan, 0.5], "form": [0.0, nan, nan]},
        depth=[1, 2, 3],
    )
    assert found.tensors["valid"].tolist() == [True, False, True]
    assert found.tensors["reward"].tolist() == [1.0, 0.0, 0.5]
    assert found.tensors["rewards"].isnan().tolist() == [[False] * 2, [True] * 2, [False, True]]
    assert found.trajectories[2]["turns"] == [{"observation": "q", "text": "c"}]
    assert found.notes[-1] == "unknown keys are not read: `depth` (3 rows)."


def test_images_become_a_placeholder_and_a_note(tmp_path, monkeypatch):
    answer = [{"role": "assistant", "content": "a dog"}]
    found = logged(*(tmp_path, monkeypatch, [PICTURE], [answer]), {"accuracy": [1.0]})
    assert found.trajectories[0]["turns"] == [{"observation": "[image]\ngo", "text": "a dog"}]
    assert any("differ only in an image" in note for note in found.notes)


def test_a_run_of_the_trainer_on_conversations(tmp_path):
    """One step of training; the file holds what the trainer kept of it."""
    words = tiny.chat_tokenizer()
    trainer, seen = tiny.trained(
        GRPOTrainer,
        tmp_path,
        1,
        processing_class=words,
        model=tiny.model(len(words)),
        train_dataset=tiny.Dataset.from_dict({"prompt": [USER, [*USER, *USER]] * 3}),
        config={"log_completions": True, "num_completions_to_print": 0},
    )
    found = rollouts.read(tmp_path / "completions")
    rewards = seen[-1]["rewards"][:, 0]
    assert found.tensors["valid"].tolist() == (~rewards.isnan()).tolist()
    assert_close(found.tensors["reward"], rewards.nan_to_num(0.0))
    assert found.tensors["turn_count"].tolist() == [1] * 12
    written = [completion[0]["content"] for completion in trainer._logs["completion"]]
    assert [row["turns"][0]["text"] for row in found.trajectories] == written
    assert {row["turns"][0]["observation"] for row in found.trajectories} == {"go"}
