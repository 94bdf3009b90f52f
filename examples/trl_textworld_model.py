"""The language model of `trl_textworld`: tokenizer, random weights, and a supervised beginning."""

from __future__ import annotations

import importlib
import os
import random
from collections.abc import Sequence
from typing import Any

import torch

from examples.textworld.games import Game
from examples.trl_textworld_play import Episode, Player, observation, token_of

__all__ = ["make_model", "make_tokenizer", "warm_up"]

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before transformers is imported

# A token is a sentence, up to the sign that ends it: an observation is then some eight tokens.
_SENTENCE = r"[^.?!]+[.?!]*"


def make_tokenizer(games: Sequence[Game]) -> Any:
    """A vocabulary of the sentences that these games say, and a token for each command."""
    tokenizers: Any = importlib.import_module("tokenizers")
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(unk_token="<unknown>"))
    pattern = tokenizers.Regex(_SENTENCE)
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Split(pattern, "isolated")
    inner.decoder = tokenizers.decoders.Fuse()
    special = ["<pad>", "<end>", "<unknown>"]
    trainer = tokenizers.trainers.WordLevelTrainer(special_tokens=special, show_progress=False)
    texts = [observation(game, state) for game in games for state in range(len(game.won))]
    inner.train_from_iterator(texts, trainer)
    commands = sorted({name for game in games for edges in game.following for name in edges})
    inner.add_tokens([token_of(name) for name in commands])
    transformers: Any = importlib.import_module("transformers")
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        eos_token="<end>",
        unk_token="<unknown>",
        padding_side="left",
    )


def make_model(tokenizer: Any, seed: int) -> Any:
    """A small Llama with random weights."""
    transformers: Any = importlib.import_module("transformers")
    torch.manual_seed(seed)
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
    )


def warm_up(
    model: Any, tokenizer: Any, players: Sequence[Player], *, turns: int, steps: int, seed: int
) -> float:
    """Supervised: every command that the game admits gets equal probability, in random play.

    It stands for what pretraining does for a real model, and says nothing about winning. Returns
    the probability that the model's answer is admitted, in the last step.
    """
    dice = random.Random(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    share = 0.0
    for _ in range(steps):
        episodes = [Episode(player) for player in players for _ in range(8)]
        admitted = [_play_at_random(each, turns, dice) for each in episodes]
        texts = [each.ids for each in episodes]
        batch = tokenizer.pad({"input_ids": texts}, return_tensors="pt")
        width = batch["input_ids"].shape[1]
        rows = [row for row, each in enumerate(admitted) for _ in each]
        places = [
            width - len(texts[row]) + p for row in range(len(texts)) for p, _ in admitted[row]
        ]
        wanted = torch.zeros(len(rows), len(tokenizer))
        for number, tokens in enumerate(tokens for each in admitted for _, tokens in each):
            wanted[number, tokens] = 1.0
        hidden = model.model(**batch).last_hidden_state[rows, places]
        log_probability = model.lm_head(hidden).log_softmax(-1)
        loss = -(log_probability * wanted).sum() / wanted.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        share = float((log_probability.detach().exp() * wanted).sum() / len(rows))
    return share


def _play_at_random(
    episode: Episode, turns: int, dice: random.Random
) -> list[tuple[int, list[int]]]:
    """Play; for each turn the place of the token before the answer, and the admitted answers."""
    found: list[tuple[int, list[int]]] = []
    for _ in range(turns):
        if episode.ended:
            break
        tokens = list(episode.admitted)
        found.append((len(episode.ids) - 1, tokens))
        episode.answer(dice.choice(tokens))
        episode.read()
    return found
