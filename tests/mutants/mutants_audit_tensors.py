"""Faults of the audit's signals, of its tensors, its references and of what it gives estimators."""

from mutants.mutants_machine import Mutant, by_hand

SEARCH = "audit/tasks/test_search.py"
REASONING = "audit/tasks/test_reasoning.py"
PIPELINE = "audit/tasks/test_pipeline.py"
TASK_TENSORS = "audit/test_task_tensors.py"
TOKEN_TENSORS = "audit/test_token_tensors.py"
REFERENCES = "audit/test_references.py"
SUBJECT = "audit/test_audit_subject.py"

MUTANTS = [
    Mutant(
        "one bit is known from the start",
        "audit/tasks/search.py",
        "return 2.0 ** (known.bit_count() - bits)",
        "return 2.0 ** (max(known.bit_count(), 1) - bits)",
        "igpo",
        by_hand(SEARCH, "test_the_success_probability_of_one_bit_by_hand"),
    ),
    Mutant(
        "the posterior of a turn is that after it",
        "audit/tasks/search.py",
        "gain.cumsum(1) - gain",
        "gain.cumsum(1)",
        "igpo",
        by_hand(SEARCH, "test_the_gain_is_what_the_library_makes_of_the_posteriors"),
    ),
    Mutant(
        "a flawed solution counts as right",
        "audit/tasks/reasoning.py",
        "done == K and not flawed",
        "done == K",
        "pure",
        by_hand(REASONING, "test_scores_by_hand"),
    ),
    Mutant(
        "a careful step may be flawed too",
        "audit/tasks/reasoning.py",
        "flaw if action == _HASTY and done < K else 0.0",
        "flaw if done < K else 0.0",
        "pure",
        by_hand(REASONING, "test_the_success_probability_by_hand"),
    ),
    Mutant(
        "undoing a stage keeps its progress",
        "audit/tasks/pipeline.py",
        'signals={"progress": float(back)}',
        'signals={"progress": float(stage)}',
        "record_progress",
        by_hand(PIPELINE, "test_prints_are_farmed_and_records_are_not"),
    ),
    Mutant(
        "a solved trajectory of full length is truncated",
        "audit/task_tensors.py",
        "(of.turn_count == of.task.turns) & ~_solved(of)",
        "(of.turn_count == of.task.turns) | _solved(of)",
        "length_gate",
        by_hand(TASK_TENSORS, "test_a_trajectory_without_an_answer_is_truncated"),
    ),
    Mutant(
        "the greedy policy is the least likely one",
        "audit/task_tensors.py",
        "of.logits.amax(-1, keepdim=True)",
        "of.logits.amin(-1, keepdim=True)",
        "remax",
        by_hand(TASK_TENSORS, "test_the_baseline_is_the_value_of_the_greedy_policy_by_hand"),
    ),
    Mutant(
        "rewards stand at the last place of a turn, and not at its last token",
        "audit/token_tensors.py",
        "place == count - 1",
        "place == MOST_TOKENS - 1",
        "discounted_return",
        by_hand(TOKEN_TENSORS, "test_rewards_stand_at_the_last_token_of_a_turn"),
    ),
    Mutant(
        "the value after the choice is the value before it",
        "audit/token_tensors.py",
        "of.at_action(of.oracle.action_value))",
        "of.at_state(of.oracle.value))",
        "gae",
        by_hand(TOKEN_TENSORS, "test_the_value_is_v_before_the_choice_and_q_after_it"),
    ),
    Mutant(
        "the others' mean keeps the own trajectory",
        "audit/references.py",
        'center="leave_one_out", lone="raw"',
        'center="mean", lone="raw"',
        "rloo",
        by_hand(REFERENCES, "test_turn_mc_by_hand"),
    ),
    Mutant(
        "a turn that no other has gets nothing",
        "audit/references.py",
        'center="leave_one_out", lone="raw"',
        'center="leave_one_out", lone="zero"',
        "rloo",
        by_hand(REFERENCES, "test_process_rewards_by_hand"),
    ),
    Mutant(
        "credit of tokens is that of the token before",
        "audit/subject.py",
        "return result[:, first_token(turns)]",
        "return result[:, :-1][:, first_token(turns)].roll(1, 1)",
        "gae",
        by_hand(SUBJECT, "test_a_shaper_reaches_rewards_of_tokens"),
    ),
    Mutant(
        "a shaper always adds",
        "audit/subject.py",
        "kept = 0.0 if self.replaces else 1.0",
        "kept = 1.0",
        "redistribute",
        by_hand(SUBJECT, "test_a_shaper_replaces_or_adds"),
    ),
    Mutant(
        "every task has what only some have",
        "audit/tensors.py",
        "if holds(task):",
        "if True:",
        "record_progress",
        by_hand("audit/test_audit_tensors.py", "test_names_are_known_before_a_tensor_is_made"),
    ),
]
