"""Faults of the call: inputs, gradients, dtypes, shapes, and what is refused."""

from mutants.mutants_machine import Mutant

MUTANTS = [
    Mutant(
        "rewards are centered in place",
        "ops/groups/reference.py",
        "        shifted, _ = _above_minimum(value, index, where)\n",
        "        shifted, minimum = _above_minimum(value, index, where)\n        x.sub_(minimum)\n",
        "rloo",
        "inputs_are_untouched",
    ),
    Mutant(
        "returns are written into the values",
        "ops/returns/reference.py",
        "    value = torch.where(where, value.to(dtype), torch.zeros_like(value, dtype=dtype))\n",
        "    value = value.to(dtype).masked_fill_(~where, 0)\n",
        "gae",
        "inputs_are_untouched",
    ),
    Mutant(
        "the result is a view of the input",
        "estimators/turn/min_returns.py",
        "return running_min(wide(process_reward), where, backend=backend)",
        "return process_reward.copy_(running_min(wide(process_reward), where))",
        "suffix_min_returns",
        "inputs_are_untouched",
    ),
    Mutant(
        "a baseline is kept from the call before",
        "estimators/trajectory/remax.py",
        "    return wide(reward) - wide(baseline)",
        "    last = globals().get('last', 0.0)\n"
        "    globals()['last'] = float(reward.double().sum())\n"
        "    return wide(reward) - wide(baseline) - last",
        "remax",
        "the_same_batch_gets_the_same_credit",
    ),
    Mutant(
        "the result holds a gradient",
        "vocabulary/contract.py",
        "    torch.set_grad_enabled(False)  # what",
        "    torch.set_grad_enabled(True)  # what",
        "grpo",
        "credit_carries_no_gradient",
    ),
    Mutant(
        "the result is float64 whatever goes in",
        "vocabulary/contract.py",
        "return result.to(torch.float32)",
        "return result",
        "remax",
        "results_fit_their_inputs",
    ),
    Mutant(
        "the result is as coarse as the coarsest input",
        "ops/groups/reference.py",
        "return narrow(result.view(x.shape), x)",
        "return result.view(x.shape).to(x.dtype)",
        "grpo",
        "results_fit_their_inputs",
    ),
    Mutant(
        "the result is cut to the longest trajectory",
        "estimators/turn/min_returns.py",
        "running_min(wide(process_reward), where, backend=backend)",
        "running_min(wide(process_reward), where)[:, : int(where.sum(1).amax())]",
        "suffix_min_returns",
        "results_fit_their_inputs",
    ),
    Mutant(
        "credit falls with the number of the row",
        "estimators/trajectory/rloo.py",
        "lone=lone, backend=backend)",
        "lone=lone, backend=backend) / (group * 0 + 1).cumsum(0)",
        "rloo",
        "equal_trajectories_get_equal_credit",
    ),
    Mutant(
        "unknown options are ignored",
        "vocabulary/contract.py",
        "        if not names.allow(len(args), given):\n",
        "        kwargs = {name: kwargs[name] for name in kwargs if name in names.every}\n"
        "        given = by_name = kwargs\n"
        "        if not names.allow(len(args), given):\n",
        "grpo",
        "unknown_options_are_refused",
    ),
    Mutant(
        "the greedy rollout's reward has no effect",
        "estimators/trajectory/remax.py",
        "wide(reward) - wide(baseline)",
        "wide(reward) - 0 * wide(baseline)",
        "remax",
        "every_argument_is_heard",
    ),
    Mutant(
        "a missing tensor counts as 0",
        "vocabulary/contract.py",
        "        given: dict[str, Any] = cast(",
        "        found = [x for x in kwargs.values() if isinstance(x, Tensor)]\n"
        "        needed = [tensor.name for tensor in tensors if tensor.required]\n"
        "        for name in needed:\n"
        "            kwargs[name] = 0 * found[0] if kwargs[name] is None else kwargs[name]\n"
        "        given: dict[str, Any] = cast(",
        "remax",
        "missing_tensors_are_refused",
    ),
    Mutant(
        "an empty batch has no smallest value",
        "ops/whiten/reference.py",
        "pivot = torch.cat([lowest, edge]).amin()",
        "pivot = lowest.amin()",
        "reinforce_plus_plus_baseline",
        "no_trajectories_no_credit",
    ),
    Mutant(
        "fewer than two tokens cannot be whitened",
        "ops/whiten/reference.py",
        "    mass = reproducible_sum(row_weight, count)\n",
        "    mass = reproducible_sum(row_weight, count)\n"
        "    if float(mass) < 2:\n"
        "        raise ValueError('too few to whiten')\n",
        "reinforce_plus_plus",
        "every_batch_is_taken",
    ),
]
