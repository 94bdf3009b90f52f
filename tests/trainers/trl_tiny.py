"""A model, a tokenizer and rollouts for TRL's trainer that need no hub, no GPU and no luck.

As a script it is one rank of `torchrun`: `trl_tiny.py FOLDER CREDITS ROWS` trains two steps for
each credit, and writes what each rank was given.
"""

import os
import random
import sys
import warnings
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import torch
    from datasets import Dataset
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    from transformers.trainer_callback import PrinterCallback
    from trl import GRPOConfig, GRPOTrainer

PAD, EOS = 256, 257


def tokenizer():
    """One token for each byte."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {letter: number for number, letter in enumerate(letters)}
    bytewise = Tokenizer(models.BPE(vocab={**words, "<pad>": PAD, "<eos>": EOS}, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=bytewise, pad_token="<pad>", eos_token="<eos>", padding_side="left"
    )


def chat_tokenizer():
    """The same with a chat template that TRL knows, and its special tokens."""
    words = tokenizer()
    words.add_special_tokens({"eos_token": "<|im_end|>"})
    words.add_tokens(["<|im_start|>", "<tool_call>", "</tool_call>", "<think>", "</think>"])
    templates = Path(sys.modules["trl"].__file__).parent / "chat_templates"
    words.chat_template = (templates / "qwen3.jinja").read_text()
    return words


def model(vocabulary=258):
    torch.manual_seed(0)
    config = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    ends = {"pad_token_id": PAD, "eos_token_id": EOS, "bos_token_id": EOS}
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=vocabulary, num_attention_heads=2, **config, **ends)
    )


def scripted(rollouts=None):
    """A rollout_func of ragged turns with tool results between them, the same on any ranks.

    What it made is appended to `rollouts`, one mapping for each row.
    """

    def rollout(prompts, trainer):
        first = trainer.accelerator.process_index * len(prompts)
        rows = [row_of(trainer.state.global_step, first + place) for place in range(len(prompts))]
        if rollouts is not None:
            rollouts.append(rows)
        return {name: [row[name] for row in rows] for name in rows[0]}

    return rollout


def row_of(step, place):
    draw = random.Random(1000 * step + place)
    ids, mask, turns = [], [], draw.randint(1, 3)
    for turn in range(turns):
        if turn:
            gap = draw.randint(1, 3)
            ids, mask = ids + [65] * gap, mask + [0] * gap
        written = draw.randint(1, 4)
        ids, mask = ids + draw.choices(range(97, 107), k=written), mask + [1] * written
    if draw.random() < 0.7:
        ids, mask = [*ids, EOS], [*mask, 1]
    return {
        "prompt_ids": [97] * draw.randint(1, 3),
        "completion_ids": ids,
        "logprobs": [-1.0] * len(ids),
        "env_mask": mask,
        "anchor": [draw.choice(["hall", "attic", None]) for _ in range(turns)],
        "turn_reward": [float(draw.randint(0, 2)) for _ in range(turns)],
        "duration": [draw.uniform(0.5, 4.0) for _ in range(turns)],
    }


def letters(completion_ids, **others):
    """A reward of what was written; every fifth has none."""
    return [sum(ids) % 7 / 3 if sum(ids) % 5 else None for ids in completion_ids]


def lengths(completion_ids, **others):
    """Another one, which has none elsewhere."""
    return [len(ids) % 4 * 0.5 if len(ids) % 3 else None for ids in completion_ids]


def watched(base, seen):
    """A trainer that records advantages, rewards and the loss of each micro-batch."""

    class Watched(base):
        def _calculate_rewards(self, inputs, prompts, completions, completion_ids_list):
            self.rewards = super()._calculate_rewards(
                inputs, prompts, completions, completion_ids_list
            )
            return self.rewards

        def _generate_and_score_completions(self, inputs):
            output = super()._generate_and_score_completions(inputs)
            logged = list(self._logs["advantages"])
            seen.append({"output": output, "rewards": self.rewards.clone(), "logged": logged})
            return output

        def _compute_loss(self, model, inputs):
            loss = super()._compute_loss(model, inputs)
            seen[-1].setdefault("loss", []).append(loss.detach().clone())
            return loss

    return Watched


def trained(base, folder, steps=2, reward_funcs=letters, config=None, **others):
    """A trainer after some steps of plain gradient descent, and what was recorded meanwhile."""
    seen = []
    defaults = {"use_cpu": True, "bf16": False, "report_to": [], "disable_tqdm": True}
    defaults |= {"logging_steps": 1, "save_strategy": "no", "optim": "sgd", "learning_rate": 0.05}
    defaults |= {"per_device_train_batch_size": 3, "gradient_accumulation_steps": 4, "seed": 3}
    defaults |= {"num_generations": 4, "max_completion_length": 6, "loss_type": "grpo"}
    defaults |= {"max_steps": steps, "max_grad_norm": 1e9}
    data = Dataset.from_dict({"prompt": ["a", "bb", "c", "dd", "e", "ff"]})
    trainer = watched(base, seen)(
        model=others.pop("model", None) or model(),
        args=GRPOConfig(output_dir=str(folder), **defaults | (config or {})),
        reward_funcs=reward_funcs,
        processing_class=others.pop("processing_class", None) or tokenizer(),
        train_dataset=others.pop("train_dataset", data),
        **others,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return trainer, seen


def rank(credit, folder, batch):
    """Two steps of one rank; what it was given is written to the folder."""
    from creditlib.integrations.trl.trainer import CreditGRPOTrainer

    options = {"weight": "duration_weight"} if credit == "gigpo" else {"preset": "TRL_GRPO"}
    stock = credit == "stock"
    trainer, seen = trained(
        GRPOTrainer if stock else CreditGRPOTrainer,
        Path(folder) / "run",
        rollout_func=scripted(),
        reward_funcs=[letters, lengths],
        config={"per_device_train_batch_size": batch, "gradient_accumulation_steps": 1},
        **{} if stock else {"credit": credit, "credit_options": options},
    )
    metrics = [
        {k: x for k, x in entry.items() if "creditlib" in k} for entry in trainer.state.log_history
    ]
    place = trainer.accelerator.process_index
    torch.save(
        {"seen": [keep(each) for each in seen], "metrics": metrics[:2]},
        Path(folder) / f"{credit}_{trainer.accelerator.num_processes}_{place}.pt",
    )


def keep(each):
    names = ("advantages", "completion_mask", "tool_mask")
    return {"logged": each["logged"], **{name: each["output"][name] for name in names}}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[2].split(","):
        rank(wanted, sys.argv[1], int(sys.argv[3]))
