"""Faults of the formats that agents are stored in: whose tokens, which turn, which reward."""

from mutants.mutants_machine import Mutant, by_hand


def _mutant(wrong: str, module: str, old: str, new: str, test: str) -> Mutant:
    module = f"rollouts/{module}.py"
    return Mutant(
        wrong, module, old, new, "read", by_hand("rollouts/test_formats_by_hand.py", test)
    )


MUTANTS = [
    _mutant(
        "a message of the system is part of an observation",
        "conversation",
        "            heard = seen or (system if not turns else [])\n",
        "            heard = [*system, *seen]\n",
        "test_chat",
    ),
    _mutant(
        "what a prompt says before its last answer is observed",
        "conversation",
        '        if message["role"] == "assistant":\n            seen = []\n        elif',
        '        if message["role"] == "assistant":\n            seen = list(seen)\n        elif',
        "test_prompts",
    ),
    _mutant(
        "a key that is null is skipped for another score",
        "key_names",
        "            if found is not None:\n                return self.use(",
        "            if found and found.value is not None:\n                return self.use(",
        "test_keys",
    ),
    _mutant(
        "rows are scored by two keys",
        "pieces",
        "    if first[0] != other[0]:\n",
        "    if not first[0]:\n",
        "test_keys",
    ),
    _mutant(
        "the groups of rows without a task depend on the order of the keys of a message",
        "prompt_names",
        "sort_keys=True",
        "sort_keys=False",
        "test_prompts",
    ),
    _mutant(
        "a call behind the token ids of an answer belongs to that answer",
        "message_forms",
        "        if self._tokens[-1] is not None:  # they stand",
        "        if not self._tokens:  # they stand",
        "test_nemo_gym",
    ),
    _mutant(
        "a message behind an answer belongs to that answer",
        "message_forms",
        '        return next_kind != "function_call" and (',
        '        return next_kind == "reasoning" and (',
        "test_nemo_gym",
    ),
    _mutant(
        "a key that one turn lacks stays in the others",
        "whole_keys",
        "                turn.pop(key, None)\n",
        "                turn.get(key, None)\n",
        "test_nemo_gym",
    ),
    _mutant(
        "the weights of rewards are not read",
        "verifiers",
        'reward.get("weight", 1.0)',
        'reward.get("wait", 1.0)',
        "test_verifiers",
    ),
    _mutant(
        "template tokens of an answer count as tokens of the policy",
        "verifiers",
        "zip(ids, mask, strict=True) if is_sampled]",
        "zip(ids, mask, strict=True) if ids]",
        "test_verifiers",
    ),
    _mutant(
        "a node sees the one before it, whatever branch that is on",
        "verifiers",
        '    parent = nodes[number].get("parent")\n',
        "    parent = number - 1\n",
        "test_verifiers",
    ),
    _mutant(
        "agents that do not train are peers",
        "verifiers",
        '.get("trainable", True):\n',
        '.get("trainable", True) is not None:\n',
        "test_verifiers",
    ),
    _mutant(
        "credit is written to every token of a node",
        "verifiers",
        '"advantages": [float(value)] * count}',
        '"advantages": [float(value)] * len(ids)}',
        "test_verifiers",
    ),
    _mutant(
        "the result of a step is seen by the step itself",
        "atif",
        "dialogue_turns([*seen, _answer(step, where)], ",
        "dialogue_turns([*seen, *_results(step, where), _answer(step, where)], ",
        "test_atif",
    ),
    _mutant(
        "copied context is counted as turns",
        "atif",
        'if not cast("Row", step).get("is_copied_context"):\n',
        'if not cast("Row", step).get("is_copied"):\n',
        "test_atif",
    ),
    _mutant(
        "a step without a model is a turn",
        "atif",
        'step.get("llm_call_count") != 0:\n',
        'step.get("llm_call_count") != -1:\n',
        "test_atif",
    ),
    _mutant(
        "a trial without a trajectory is no member of its group",
        "harbor",
        "            trials |= {\n",
        "            trials &= {\n",
        "test_harbor",
    ),
    _mutant(
        "two runs of the policy are one turn",
        "atropos",
        "    return list(zip(edges[::2], edges[1::2], strict=True))\n",
        "    return list(zip(edges[:1], edges[-1:], strict=True))\n",
        "test_atropos",
    ),
    _mutant(
        "the first messages of the assistant are the texts of the runs",
        "atropos",
        "told[-len(turns) :]",
        "told[: len(turns)]",
        "test_atropos",
    ),
    _mutant(
        "an incorrect answer is a partial one",
        "inspect_logs",
        "        return _GRADES[value]\n",
        "        return _GRADES[value] or 0.5\n",
        "test_inspect",
    ),
    _mutant(
        "a trajectory that takes no part is left out of the credit of its row",
        "format_credit",
        "        return [0.0] * turns\n",
        "        return [1.0] * turns\n",
        "test_atropos",
    ),
]
