"""Faults of the call: what is written over, what leaks out, what is refused."""

from mutants.mutants_machine import Mutant

MUTANTS = [
    Mutant(
        "rewards are centred in place",
        "ops/groups.py",
        "    shifted, _ = _pivoted(x, index, take)\n    if by",
        "    shifted, pivot = _pivoted(x, index, take)\n    x.sub_(pivot)\n    if by",
        "rloo",
        "inputs_are_untouched",
    ),
    Mutant(
        "returns are written over the values",
        "ops/returns.py",
        "    value = torch.where(mine, value.to(dtype), torch.zeros_like(value, dtype=dtype))\n",
        "    value = value.to(dtype).masked_fill_(~mine, 0)\n",
        "gae",
        "inputs_are_untouched",
    ),
    Mutant(
        "the result is a view of the input",
        "estimators/min_returns.py",
        "return narrow(suffix_min(wide(process_reward), real, minimum), process_reward)",
        "return process_reward.copy_(suffix_min(wide(process_reward), real, minimum))",
        "suffix_min_returns",
        "inputs_are_untouched",
    ),
    Mutant(
        "a running baseline is left over from the call before",
        "estimators/remax.py",
        "    return narrow(wide(reward) - wide(baseline), reward, baseline)",
        "    last = globals().get('last', 0.0)\n"
        "    globals()['last'] = float(reward.double().sum())\n"
        "    return narrow(wide(reward) - wide(baseline) - last, reward, baseline)",
        "remax",
        "the_same_batch_gets_the_same_credit",
    ),
    Mutant(
        "the result holds a gradient",
        "contract.py",
        "        with torch.no_grad():\n            return function(*args, **kwargs)",
        "        return function(*args, **kwargs)",
        "grpo",
        "credit_carries_no_gradient",
    ),
    Mutant(
        "the result is float64 whatever goes in",
        "ops/precision.py",
        "return result.to(torch.float64 if double else torch.float32)",
        "return result.to(torch.float64)",
        "grpo",
        "results_fit_their_inputs",
    ),
    Mutant(
        "the result is as coarse as the coarsest input",
        "ops/precision.py",
        "return result.to(torch.float64 if double else torch.float32)",
        "return result.to(inputs[0].dtype)",
        "grpo",
        "results_fit_their_inputs",
    ),
    Mutant(
        "the result is cut to the longest trajectory",
        "estimators/min_returns.py",
        "return narrow(suffix_min(wide(process_reward), real, minimum), process_reward)",
        "return narrow(suffix_min(wide(process_reward), real, minimum), process_reward)"
        "[:, : int(real.sum(1).amax())]",
        "suffix_min_returns",
        "results_fit_their_inputs",
    ),
    Mutant(
        "credit fades with the number of the row",
        "estimators/rloo.py",
        "return narrow(credit, reward)",
        "return narrow(credit / (group * 0 + 1).cumsum(0), reward)",
        "rloo",
        "equal_trajectories_get_equal_credit",
    ),
    Mutant(
        "options nobody knows are swallowed",
        "estimators/grpo.py",
        '    backend: Backend = "auto",\n) -> Credit:',
        '    backend: Backend = "auto",\n    **_: object,\n) -> Credit:',
        "grpo",
        "unknown_options_are_refused",
    ),
    Mutant(
        "the greedy rollout's reward is not passed on",
        "estimators/remax.py",
        "wide(reward) - wide(baseline)",
        "wide(reward) - 0 * wide(baseline)",
        "remax",
        "every_argument_is_heard",
    ),
    Mutant(
        "what is missing counts as 0",
        "contract.py",
        "        if not torch.compiler.is_compiling():\n            given",
        "        given = [x for x in kwargs.values() if isinstance(x, Tensor)]\n"
        "        needed = [tensor.name for tensor in tensors if tensor.required]\n"
        "        for name in needed:\n"
        "            kwargs[name] = 0 * given[0] if kwargs[name] is None else kwargs[name]\n"
        "        if not torch.compiler.is_compiling():\n            given",
        "remax",
        "missing_tensors_are_refused",
    ),
    Mutant(
        "an empty batch has no smallest value",
        "ops/whitening.py",
        "pivot = torch.cat([lowest, edge]).amin()",
        "pivot = lowest.amin()",
        "reinforce_plus_plus_baseline",
        "no_trajectories_no_credit",
    ),
    Mutant(
        "fewer than two tokens cannot be whitened",
        "ops/whitening.py",
        "    mass = steady_sum(heft, count)\n",
        "    mass = steady_sum(heft, count)\n"
        "    if float(mass) < 2:\n        raise ValueError('too few to whiten')\n",
        "reinforce_plus_plus",
        "every_batch_is_taken",
    ),
]
