"""Episodes of `trl_textworld`, and the function that TRL calls for rollouts.

A command is one token ("> go north"): a turn is one draw from the model's whole softmax, so the
log-probabilities in the loss are those of the policy that was sampled from. A token that is no
command, or one the game does not admit, changes nothing and costs a turn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from examples.textworld.games import Game

__all__ = ["Episode", "Player", "Rollouts", "observation", "token_of"]


def observation(game: Game, state: int) -> str:
    """What the player reads in a state, in one line."""
    return re.sub(r"\s+", " ", game.observations[state]).strip()


def token_of(command: str) -> str:
    """The text of the token that stands for a command."""
    return f"> {command}"


class Player:
    """A game whose texts and commands are tokens."""

    def __init__(self, game: Game, tokenizer: Any) -> None:
        self.texts = [observation(game, state) for state in range(len(game.won))]
        self.won = game.won
        self.prompt = self.texts[0]
        self.ids: list[list[int]] = tokenizer(self.texts)["input_ids"]
        self.following = [
            {
                tokenizer.convert_tokens_to_ids(token_of(name)): state
                for name, state in edges.items()
            }
            for edges in game.following
        ]
        self.end: int = tokenizer.eos_token_id


class Episode:
    """One game being played: the tokens so far, who wrote them, and what each turn started from."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.state = 0
        self.prompt_ids = player.ids[0]
        self.completion_ids: list[int] = []
        self.written: list[int] = []
        self.log_probabilities: list[float] = []
        self.observations: list[str] = []

    @property
    def admitted(self) -> dict[int, int]:
        """The commands the game admits now, by token, and where they lead."""
        return self.player.following[self.state]

    @property
    def ids(self) -> list[int]:
        """All tokens so far."""
        return self.prompt_ids + self.completion_ids

    @property
    def ended(self) -> bool:
        """Whether the game takes no more commands."""
        return not self.admitted

    @property
    def won(self) -> bool:
        """Whether the quest is done."""
        return self.player.won[self.state]

    def answer(self, token: int, log_probability: float = 0.0) -> None:
        """The player says a token."""
        self.observations.append(self.player.texts[self.state])
        self.state = self.admitted.get(token, self.state)
        self._append([token], 1, log_probability)

    def read(self) -> None:
        """The game says what is seen now, or that it has ended."""
        self._append([self.player.end] if self.ended else self.player.ids[self.state], 0, 0.0)

    def _append(self, tokens: list[int], written: int, log_probability: float) -> None:
        self.completion_ids += tokens
        self.written += [written] * len(tokens)
        self.log_probabilities += [log_probability] * len(tokens)


class Rollouts:
    """What TRL calls as `rollout_func`; `won` keeps the share of games won, call by call."""

    def __init__(self, players: Sequence[Player], tokenizer: Any, *, turns: int, seed: int) -> None:
        self.won: list[float] = []
        self._players = {player.prompt: player for player in players}
        self._tokenizer = tokenizer
        self._turns = turns
        self._dice = torch.Generator().manual_seed(seed)

    def __call__(self, prompts: Sequence[str], trainer: Any) -> dict[str, list[Any]]:
        """Play one episode for each prompt, with the model that is being trained.

        `env_mask` is 1 on commands and 0 on what the game said; `anchor` has, for each turn, the
        observation it started from; `won` is for the reward function.
        """
        episodes = [Episode(self._players[prompt]) for prompt in prompts]
        self.play(trainer.model, episodes)
        self.won.append(sum(each.won for each in episodes) / len(episodes))
        return {
            "prompt_ids": [each.prompt_ids for each in episodes],
            "completion_ids": [each.completion_ids for each in episodes],
            "logprobs": [each.log_probabilities for each in episodes],
            "env_mask": [each.written for each in episodes],
            "anchor": [each.observations for each in episodes],
            "won": [each.won for each in episodes],
        }

    @torch.no_grad()
    def play(self, model: Any, episodes: Sequence[Episode]) -> None:
        """All episodes side by side, to their end or for `turns` turns."""
        # As many numbers in every call, however it goes: equal ones for every estimator.
        chances = torch.rand(self._turns, len(episodes), generator=self._dice)
        reader = _Reader(model, self._tokenizer, len(episodes))
        for turn, chance in enumerate(chances.double()):
            if all(each.ended for each in episodes):
                return
            log_probability = reader.read([each.ids for each in episodes])
            ladder = log_probability.double().exp().cumsum(-1)
            token = torch.searchsorted(ladder, chance[:, None] * ladder[:, -1:])
            said = log_probability.gather(1, token)
            for each, answer, number in zip(episodes, token.tolist(), said.tolist(), strict=True):
                if each.ended:
                    continue
                each.answer(answer[0], number[0])
                if turn + 1 < self._turns or each.ended:
                    each.read()


class _Reader:
    """The model with a cache: each row is read on from where it was left.

    What is new in a row is padded on the left, so that all rows end at one place.
    """

    def __init__(self, model: Any, tokenizer: Any, rows: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._known = [0] * rows
        self._mask = torch.zeros(rows, 0, dtype=torch.int64)
        self._cache: Any = None

    def read(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Log-probability of every token behind each row: [row vocabulary]."""
        new = [list(ids[known:]) for ids, known in zip(rows, self._known, strict=True)]
        self._known = [len(ids) for ids in rows]
        batch = self._tokenizer.pad({"input_ids": new}, return_tensors="pt")
        self._mask = torch.cat([self._mask, batch["attention_mask"]], dim=1)
        place = (self._mask.cumsum(1) - 1).clamp(min=0)
        output = self._model(
            input_ids=batch["input_ids"],
            attention_mask=self._mask,
            position_ids=place[:, -batch["input_ids"].shape[1] :],
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self._cache = output.past_key_values
        return output.logits[:, -1].float().log_softmax(-1)
