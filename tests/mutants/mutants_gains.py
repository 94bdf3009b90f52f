"""Faults of information gain: IGPO and A²TGPO."""

from mutants.mutants_machine import Mutant, by_hand, core

ZERO_GAIN = "test_a_gain_of_exactly_zero_is_a_gain_like_any_other"

MUTANTS = [
    Mutant(
        "a gain is how far the belief is from the first one",
        "estimators/turn/information_gain.py",
        "rise = next_turn(belief) - belief",
        "rise = next_turn(belief) - belief[:, :1]",
        "information_gain",
        core("igpo_ig_prob"),
    ),
    Mutant(
        "a turn is paid for what the turn before gained",
        "estimators/turn/information_gain.py",
        "rise = next_turn(belief) - belief",
        "rise = belief - belief.roll(1, 1)",
        "information_gain",
        core("igpo_ig_prob"),
    ),
    Mutant(
        "the belief after the last turn is read",
        "estimators/turn/information_gain.py",
        "gains = valid_turns(turn_count - 1, gold_log_prob.shape[1], valid)",
        "gains = valid_turns(turn_count, gold_log_prob.shape[1], valid)",
        "information_gain",
        "padding_changes_nothing",
    ),
    Mutant(
        "gains are discounted before they are normalised",
        "estimators/turn/igpo.py",
        "    x = torch.cat([wide(information_gain), wide(reward)[:, None]], 1)\n",
        "    x = torch.where(gains, wide(information_gain), wide(reward)[:, None])\n"
        "    x = torch.cat([returns_to_go(x, where, gamma), wide(reward)[:, None]], 1)\n"
        "    gamma = 0.0\n",
        "igpo",
        core("igpo_v2_joint_g0.9"),
    ),
    Mutant(
        "gains are normalised column by column",
        "estimators/turn/igpo.py",
        '== (turns if pool == "separate" else -1)',
        "* 1",
        "igpo",
        core("igpo_v2_separate_g1.0"),
    ),
    Mutant(
        "the gain of the last turn is read",
        "estimators/turn/igpo.py",
        "gains = valid_turns(turn_count - 1, turns, valid)",
        "gains = valid_turns(turn_count, turns, valid)",
        "igpo",
        by_hand("estimators/turn/test_igpo.py"),
    ),
    Mutant(
        "a gain of exactly 0 is no turn",
        "estimators/turn/igpo.py",
        "gains = valid_turns(turn_count - 1, turns, valid)",
        "gains = valid_turns(turn_count - 1, turns, valid) & (information_gain != 0)",
        "igpo",
        by_hand("estimators/turn/test_igpo.py", ZERO_GAIN),
    ),
    Mutant(
        "the outcome is added at every turn",
        "estimators/turn/igpo.py",
        "z = torch.where(gains, z[:, :-1], z[:, -1:])",
        "z = torch.where(gains, z[:, :-1], 0.0) + z[:, -1:]",
        "igpo",
        core("igpo_v2_joint_g1.0"),
    ),
    Mutant(
        "the gain of the answer is read",
        "estimators/turn/a2tgpo.py",
        "    gains = valid_turns(turn_count - 1, turns, valid)\n    # The outcome",
        "    gains = valid_turns(turn_count, turns, valid)\n    # The outcome",
        "a2tgpo",
        by_hand("estimators/turn/test_a2tgpo.py"),
    ),
    Mutant(
        "gains are compared with those of all turns",
        "estimators/turn/a2tgpo.py",
        "column = torch.arange(x.shape[1], device=x.device)[None]",
        "column = (torch.arange(x.shape[1]) // max(x.shape[1] - 1, 1))[None]",
        "a2tgpo",
        core("a2tgpo_turn_group_alpha.3"),
    ),
    Mutant(
        "sums of gains grow with the turns still to come",
        "estimators/turn/a2tgpo.py",
        "alpha * sums / left.sqrt()",
        "alpha * sums",
        "a2tgpo",
        core("a2tgpo_turn_group_alpha.3"),
    ),
    Mutant(
        "every clip range is about twice as wide",
        "estimators/turn/a2tgpo.py",
        "scale = 1 + width * torch.tanh(z / 2)",
        "scale = 2 + width * torch.tanh(z / 2)",
        "a2tgpo_clip_scale",
        "equal_turns_weigh_one",
    ),
]
