"""Faults of what leads to a composed credit: layouts, missing scores, parts and metrics."""

from mutants.mutants_machine import Mutant, by_hand

_GDPO = "estimators/trajectory/test_gdpo.py"
_LAYOUTS = "inputs/test_layouts.py"
_WALK = "test_every_combination_gives_the_numbers_of_a_loop_or_is_refused"
_TWO_SIDES = by_hand(_LAYOUTS, "test_a_left_padded_prompt_with_a_right_padded_response_by_hand")
_PEERS = by_hand("test_diagnostics.py", "test_turns_that_met_a_peer_by_hand")

MUTANTS = [
    Mutant(
        "a missing score is a score of 0",
        "estimators/trajectory/gdpo.py",
        "    scored = valid_rows(valid, rewards)[:, None] & ~rewards.isnan()\n",
        "    scored = valid_rows(valid, rewards)[:, None].expand(rewards.shape)\n"
        "    rewards = rewards.nan_to_num(0)\n",
        "gdpo",
        by_hand(_GDPO, "test_a_missing_score_by_hand"),
    ),
    Mutant(
        "a row without any score enters the whitening",
        "estimators/trajectory/gdpo.py",
        "torch.where(scored.any(1), weight",
        "torch.where(valid_rows(valid, credit), weight",
        "gdpo",
        by_hand(_GDPO, "test_a_missing_score_by_hand"),
    ),
    Mutant(
        "rounding of objectives that cancel is whitened",
        "estimators/trajectory/gdpo.py",
        "torch.where(credit.abs() > rounding, credit,",
        "torch.where(rounding >= 0, credit,",
        "gdpo",
        by_hand(_GDPO, "test_objectives_that_cancel_by_hand"),
    ),
    Mutant(
        "the rounding of a score is measured by that score alone",
        "estimators/trajectory/gdpo.py",
        "torch.finfo(size.dtype).eps * peak",
        "torch.finfo(size.dtype).eps * size",
        "gdpo",
        by_hand("fuzz/test_fuzz.py", "test_scores_near_a_mean_cancel"),
    ),
    Mutant(
        "a scale that is rounding divides",
        "estimators/trajectory/grpo.py",
        'if scale_over == "centered_batch" and scale not in ("std", None):',
        'if scale_over == "centered_batch" and scale == "mad":',
        "grpo",
        by_hand("test_option_combinations.py", f"{_WALK}[grpo]"),
    ),
    Mutant(
        "the weight of the episode term is ignored",
        "estimators/turn/gigpo.py",
        "credit = episode_weight * episode +",
        "credit = episode +",
        "gigpo",
        by_hand("estimators/turn/test_gigpo.py", "test_the_parts_by_hand"),
    ),
    Mutant(
        "credit of trajectories meets the axis of turns",
        "algebra/composition.py",
        "as_float(credit[:, None] if credit.ndim == 1 else credit)",
        "as_float(credit)",
        "per_turn",
        by_hand(
            "algebra/test_algebra_composition.py",
            "test_a_square_batch_meets_the_right_axis_by_hand",
        ),
    ),
    Mutant(
        "credit past the last turn is taken for padding",
        "algebra/composition.py",
        "    if not bool(beyond.any()):\n",
        "    if not bool(beyond.all()):\n",
        "per_turn",
        by_hand(
            "algebra/test_algebra_composition.py",
            "test_credit_past_the_last_turn_is_refused_by_hand",
        ),
    ),
    Mutant(
        "tokens are packed as if all padding lay on the right",
        "inputs/layouts.py",
        "    where = present.reshape(-1)\n",
        "    where = present.sort(1, descending=True).values.reshape(-1)\n",
        "to_tokens",
        _TWO_SIDES,
    ),
    Mutant(
        "tokens are unpacked as if all padding lay on the right",
        "inputs/layouts.py",
        '    where = _mask("unpack", "present", present)\n',
        '    where = _mask("unpack", "present", present).sort(1, descending=True).values\n',
        "to_tokens",
        _TWO_SIDES,
    ),
    Mutant(
        "labels are a mask of turns",
        "inputs/layouts.py",
        "wrong = ((x != 0) & (x != 1)).nonzero()",
        "wrong = x.isnan().nonzero()",
        "to_tokens",
        by_hand(_LAYOUTS, "test_labels_are_no_mask_by_hand"),
    ),
    Mutant(
        "tokens that nobody wrote count in a turn's length",
        "inputs/layouts.py",
        "turn.to(torch.int64).clamp(min=-1) + 1",
        "turn.to(torch.int64).clamp(min=0) + 1",
        "to_tokens",
        by_hand(_LAYOUTS, "test_turn_lengths_by_hand"),
    ),
    Mutant(
        "a turn is its own peer",
        "diagnostics.py",
        "torch.where(met, turns - 1,",
        "torch.where(met, turns,",
        "diagnose",
        _PEERS,
    ),
    Mutant(
        "a trajectory that comes back has met another one",
        "diagnostics.py",
        "torch.where(met, turns - own,",
        "torch.where(met, turns - 1,",
        "diagnose",
        _PEERS,
    ),
    Mutant(
        "the share of a term counts padding",
        "diagnostics.py",
        "where = _real(value, turn_count, valid) if width else valid_rows(valid, value)",
        "where = ~value.isnan()",
        "diagnose",
        by_hand("test_diagnostics.py", "test_the_share_of_each_term_by_hand"),
    ),
]
