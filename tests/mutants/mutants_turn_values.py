"""Faults of values at turns: GAE over turns and on two levels, V-trace, token baselines."""

from mutants.mutants_machine import Mutant, by_hand

TURN_GAE = "estimators/turn/test_turn_gae.py"
TWO_LEVEL = "estimators/token/test_two_level_gae.py"
V_TRACE = "estimators/turn/test_v_trace.py"
HIERARCHICAL = "estimators/turn/test_hierarchical_gae.py"
OTB = "estimators/token/test_otb.py"
VALUES = "inputs/test_layout_turn_values.py"

MUTANTS = [
    Mutant(
        "a turn that earned 0 is no turn",
        "estimators/turn/turn_gae.py",
        "where = valid_turns(turn_count, turns, valid)",
        "where = valid_turns(turn_count, turns, valid) & (turn_reward != 0)",
        "turn_gae",
        by_hand(TURN_GAE, "test_a_turn_that_earned_nothing_is_a_turn"),
    ),
    Mutant(
        "a decay of each row forgets the common one",
        "estimators/turn/turn_gae.py",
        "decay = (gamma * lam * wide(row_lam))",
        "decay = (gamma * wide(row_lam))",
        "turn_gae",
        by_hand(TURN_GAE),
    ),
    Mutant(
        "the value of a turn is read at its last token",
        "inputs/layouts/turn_values.py",
        'if at == "last" else (tokens, "amin")',
        'if at != "before" else (tokens, "amin")',
        "turn_gae",
        by_hand(VALUES),
    ),
    Mutant(
        "the token before a turn may be of another row",
        "inputs/layouts/turn_values.py",
        "exists = (read > 0) & (row[before] == row[read])",
        "exists = read > 0",
        "turn_gae",
        by_hand(VALUES),
    ),
    Mutant(
        "the bootstrap is lost where a turn is the last one",
        "algebra/turns.py",
        "torch.where(shift_left(where, 1, 0), after, last)",
        "after",
        "v_trace",
        by_hand(V_TRACE),
    ),
    Mutant(
        "later surprises are carried by the ratio as it is",
        "estimators/turn/v_trace.py",
        "weight.clamp(max=c_max)",
        "weight.clamp(max=rho_max)",
        "v_trace",
        by_hand(V_TRACE),
    ),
    Mutant(
        "the advantage reads values in place of targets",
        "estimators/turn/v_trace.py",
        "next_turn(target, where, bootstrap)",
        "next_turn(value, where, bootstrap)",
        "v_trace",
        by_hand(V_TRACE),
    ),
    Mutant(
        "the trace of turns runs on into the next segment",
        "estimators/turn/hierarchical_gae.py",
        "gamma * lam_turn * (1 - cut)",
        "gamma * lam_turn * torch.ones_like(cut)",
        "hierarchical_gae",
        by_hand(HIERARCHICAL),
    ),
    Mutant(
        "a segment forgets what later segments add",
        "estimators/turn/hierarchical_gae.py",
        "decay = gamma * (1 - cut * (1 - lam_segment))",
        "decay = gamma * (1 - cut)",
        "hierarchical_gae",
        by_hand(HIERARCHICAL),
    ),
    Mutant(
        "a restart carries the value of the next turn",
        "ops/two_level/reference.py",
        "return within, (0.0, 0.0), (within[0], 0.0)",
        "return within, (within[0], 0.0), (within[0], 0.0)",
        "two_level_gae",
        by_hand(TWO_LEVEL),
    ),
    Mutant(
        "the discount between turns is that inside one",
        "ops/two_level/reference.py",
        "across = float(turn_gamma), float(turn_gamma) * float(turn_lam)",
        "across = float(gamma), float(turn_gamma) * float(turn_lam)",
        "two_level_gae",
        by_hand(TWO_LEVEL),
    ),
    Mutant(
        "tokens are compared at their columns, tool output included",
        "estimators/token/otb.py",
        "place = _so_far(where.to(weight.dtype), where, offsets, backend)",
        "place = _so_far(torch.ones_like(weight), where | (turn < 0), offsets, backend)",
        "otb",
        by_hand(OTB),
    ),
    Mutant(
        "a baseline of tokens forgets the energy before them",
        "estimators/token/otb.py",
        "weight = _so_far(torch.where(where, wide(energy), 0.0), where, offsets, backend)",
        "weight = torch.where(where, wide(energy), 0.0)",
        "otb",
        by_hand(OTB),
    ),
    Mutant(
        "a reward that is spread back loses its sum",
        "shaping/spread_back.py",
        "value / power.cumsum(0)",
        "value",
        "spread_back",
        by_hand("shaping/test_spread_back.py"),
    ),
]
