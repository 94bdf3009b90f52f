"""The TRL example, through TRL's own trainer; skipped where TRL is not installed."""

import importlib
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

pytest.importorskip("trl")
pytest.importorskip("textworld")
pytest.importorskip("scipy")

import trl

from creditlib.testing import assert_close

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:You are using 'rollout_func'"),
]
SEED = 0


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def example():
    root = str(Path(__file__).parents[2])
    if root not in sys.path:
        sys.path.insert(0, root)
    return importlib.import_module("examples.trl_textworld")


@pytest.fixture(scope="module")
def tiny(example):
    return example.Settings(updates=2, generations=12, turns=12, warm_up=40)


@pytest.fixture(scope="module")
def games(example):
    return example.make_games(SEED)


@pytest.fixture(scope="module")
def start(example, games, tiny):
    return example.prepare(games, SEED, tiny)


def turns_of(mask, ids):
    """Each turn's token with the tokens of the game behind it."""
    found = []
    for written, token in zip(mask, ids, strict=True):
        if written:
            found.append((token, []))
        else:
            found[-1][1].append(token)
    return found


def one_line(text):
    return " ".join(text.split())


def test_masks_and_anchors_are_those_of_the_commands_played(example, start, games, tiny):
    rollouts = example.Rollouts(start.players, start.tokenizer, turns=tiny.turns, seed=1)
    prompts = [player.prompt for player in start.players for _ in range(40)]
    said = rollouts(prompts, SimpleNamespace(model=start.model))
    decode, ended, refused = start.tokenizer.decode, 0, 0
    for row, prompt in enumerate(prompts):
        game = games[row // 40]
        assert decode(said["prompt_ids"][row]) == prompt == one_line(game.observations[0])
        turns = turns_of(said["env_mask"][row], said["completion_ids"][row])
        state, anchors = 0, []
        for number, (token, answer) in enumerate(turns):
            anchors.append(one_line(game.observations[state]))
            command = decode([token]).removeprefix("> ")
            refused += command not in game.following[state]
            state = game.following[state].get(command, state)
            last = number + 1 == len(turns)
            if last and game.following[state]:
                assert (answer, len(turns)) == ([], tiny.turns)
            else:
                seen = one_line(game.observations[state]) if game.following[state] else "<end>"
                assert decode(answer) == seen
        assert said["anchor"][row] == anchors
        assert said["won"][row] == game.won[state]
        assert len(said["logprobs"][row]) == len(said["env_mask"][row])
        ended += not game.following[state]
    assert ended > 0  # both branches were seen
    assert ended < len(prompts)
    assert refused > 0
    assert rollouts.won == [sum(said["won"]) / len(prompts)]


def test_answers_are_drawn_from_the_whole_softmax(example, start):
    rollouts = example.Rollouts(start.players[:1], start.tokenizer, turns=1, seed=2)
    prompts = [start.players[0].prompt] * 4000
    said = rollouts(prompts, SimpleNamespace(model=start.model))
    drawn = torch.tensor([ids[0] for ids in said["completion_ids"]])
    share = torch.bincount(drawn, minlength=len(start.tokenizer)) / len(drawn)
    with torch.no_grad():
        logits = start.model(torch.tensor([start.players[0].ids[0]])).logits[0, -1]
    # Five standard errors of a share of 4000 draws are at most 5 · √(0.25 / 4000) = 0.04.
    assert (share - logits.softmax(0)).abs().max() < 0.04
    assert len(set(drawn.tolist()) - set(start.players[0].following[0])) > 0


@pytest.fixture(scope="module", params=["grpo", "gigpo"])
def watched(request, example, start, tiny, tmp_path_factory):
    """A trainer, the rollouts of its first update, and what TRL's loss made of them."""
    base, seen = trl.GRPOTrainer, SimpleNamespace(estimator=request.param)

    def play(self, prompts, trainer):
        said = plain_play(self, prompts, trainer)
        vars(seen).setdefault("said", said)
        return said

    def loss(self, model, inputs):
        vars(seen).setdefault("inputs", inputs)
        return plain_loss(self, model, inputs)

    def score(self, *args, **more):
        found = plain_score(self, *args, **more)
        vars(seen).setdefault("log_probability", found[0].detach())
        return found

    plain_play, plain_loss = example.Rollouts.__call__, base._compute_loss
    plain_score = base._get_per_token_logps_and_entropies
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(example.Rollouts, "__call__", play)
        patch.setattr(base, "_compute_loss", loss)
        patch.setattr(base, "_get_per_token_logps_and_entropies", score)
        folder = str(tmp_path_factory.mktemp("trainer"))
        seen.trainer = example.trained(start, request.param, tiny, SEED, folder)
    return seen


@pytest.fixture(scope="module")
def run(example, tiny):
    """The seed once more, from its games on."""
    return example.run_seed(SEED, tiny)


def rows_of_loss(watched):
    """For each rollout the row that TRL's shuffled batch has it in, and its length."""
    batch = [ids.tolist() for ids in watched.inputs["completion_ids"]]
    firsts = [ids[mask == 1].tolist() for ids, mask in zip(*prompts_of(watched), strict=True)]
    left = list(range(len(batch)))
    for number, ids in enumerate(watched.said["completion_ids"]):
        row = next(
            row
            for row in left
            if batch[row][: len(ids)] == ids
            and int(watched.inputs["completion_mask"][row].sum()) == len(ids)
            and firsts[row] == watched.said["prompt_ids"][number]
        )
        left.remove(row)
        yield number, row, len(ids)


def prompts_of(watched):
    return watched.inputs["prompt_ids"], watched.inputs["prompt_mask"]


def test_the_trainer_moves_the_weights_of_its_own_copy(watched, start, tiny):
    assert type(watched.trainer).__name__ == "CreditGRPOTrainer"
    assert watched.trainer.state.global_step == tiny.updates
    assert len(watched.trainer.rollout_func.won) == tiny.updates
    after = watched.trainer.model.state_dict()
    assert any(not torch.equal(after[name], x) for name, x in start.model.state_dict().items())


def test_the_loss_scores_what_was_sampled(watched):
    compared = 0
    for number, row, length in rows_of_loss(watched):
        written = torch.tensor(watched.said["env_mask"][number]) == 1
        sampled = torch.tensor(watched.said["logprobs"][number])[written]
        assert_close(watched.log_probability[row, :length][written], sampled, "law, float32")
        assert watched.inputs["tool_mask"][row, :length].tolist() == written.int().tolist()
        compared += len(sampled)
    assert compared > 50


def test_gigpo_credits_turns_and_grpo_whole_episodes(watched):
    rows, several = 0, 0
    for number, row, length in rows_of_loss(watched):
        written = torch.tensor(watched.said["env_mask"][number]) == 1
        credit = watched.inputs["advantages"][row, :length]
        assert (credit[~written] == 0).all()
        several += len(set(credit[written].tolist())) > 1
        rows += 1
    assert rows == 24
    assert (several > 0) == (watched.estimator == "gigpo")


@pytest.mark.nightly
def test_a_seed_gives_the_same_numbers_again(watched, run):
    assert run.curves[watched.estimator] == watched.trainer.rollout_func.won


@pytest.mark.nightly
def test_estimators_differ_in_nothing_but_credit(run):
    assert set(run.curves) == {"grpo", "gigpo"}
    assert run.curves["grpo"][0] == run.curves["gigpo"][0]  # nothing is trained yet
    assert 0 < run.curves["grpo"][0] < 1


@pytest.mark.parametrize(
    ("second", "said"),
    [
        # Differences of the seeds' means: 0.5, 0.5, so no spread; then 0.5, -0.5.
        ([[0.5, 1.0], [0.5, 1.0]], "+50.0 ± 0.0 percentage points; the interval excludes 0: gigpo"),
        ([[0.5, 1.0], [-0.5, 0.0]], "contains 0: no difference is shown"),
    ],
)
def test_report_says_what_the_interval_allows(example, second, said):
    runs = [example.Run({"grpo": [0.0, 0.5], "gigpo": curve}, 80_000, 0.9) for curve in second]
    console = example.Console(width=100, highlight=False, record=True, file=io.StringIO())
    example.report(console, runs, example.Settings(updates=2), 12.3)
    printed = " ".join(console.export_text().split())
    assert said in printed
    assert "2 paired seeds" in printed
    assert "12 seconds in all" in printed
