"""Faults around the arithmetic: memory, pipes, ranks and disks."""

from mutants.mutants_machine import Mutant, by_hand

THREADS = "test_distributed_threads.py"
DISK = "rollouts/test_disk.py"
MUTANTS = [
    Mutant(
        "an operator trusts the sizes that nobody checked",
        "ops/backend/torch_library.py",
        "    check(reference.__name__, given)\n",
        "",
        "to_tokens",
        by_hand(
            "test_compiled_refusals.py",
            "test_offsets_that_leave_tokens_out_are_refused_when_the_operator_runs",
        ),
    ),
    Mutant(
        "offsets are trusted while a call is traced",
        "ops/backend/sizes.py",
        "            check_offsets(function, offsets, turn.shape[0])",
        "            pass",
        "to_tokens",
        by_hand(
            "test_compiled_refusals.py",
            "test_offsets_that_leave_tokens_out_are_refused_when_the_operator_runs",
        ),
    ),
    Mutant(
        "options are not looked at while a call is traced",
        "vocabulary/contract.py",
        "        if named:\n            _check_options(title, named, given)\n",
        "        if named and not torch.compiler.is_compiling():\n"
        "            _check_options(title, named, given)\n",
        "discounted_return",
        by_hand(
            "test_compiled_refusals.py",
            "test_an_option_out_of_range_is_refused_in_a_whole_graph",
        ),
    ),
    Mutant(
        "a pipe is opened a second time",
        "rollouts/disk.py",
        "        if not standard and file.seekable():\n",
        "        file.read(4)\n        if not standard and file.seekable():\n",
        "read",
        by_hand(DISK, "test_a_pipe_is_opened_once"),
    ),
    Mutant(
        "results may be written over an input",
        "vocabulary/out.py",
        'if name != "out" and isinstance(x, Tensor) and _has_memory(x) and _overlap(each, x):',
        'if name == "out" and isinstance(x, Tensor) and _has_memory(x) and _overlap(each, x):',
        "to_tokens",
        by_hand("vocabulary/test_out.py", "test_out_over_its_input_is_refused_by_hand"),
    ),
    Mutant(
        "two results may share memory",
        "vocabulary/out.py",
        "if any(_overlap(each, other) for other in written[number + 1 :]):",
        "if False:",
        "gae",
        by_hand("vocabulary/test_out.py", "test_results_over_each_other_are_refused_by_hand"),
    ),
    Mutant(
        "ranks compare nothing but names",
        "distributed.py",
        "    right = len(set(rows.values())) == 1 and not packed\n",
        "    right = True\n",
        "gathered",
        by_hand(THREADS, "test_rows_that_do_not_match_are_refused_on_both"),
    ),
    Mutant(
        "options are not compared between ranks",
        "distributed.py",
        "for name, x in sorted(options.items()) if x is not None]",
        "for name, x in ()]",
        "gathered",
        by_hand(THREADS, "test_options_that_differ_are_refused_on_both"),
    ),
    Mutant(
        "padding between ranks is written by turn 0",
        "distributed.py",
        'fills = {"turn": -1}',
        'fills = {"turn": 0}',
        "gathered",
        by_hand(THREADS, "test_a_row_of_tokens_is_padded_with_tokens_that_nobody_wrote"),
    ),
    Mutant(
        "a file is written in its place",
        "rollouts/disk.py",
        "    if target.exists() and not target.is_file():\n",
        "    if target.exists():\n",
        "write",
        by_hand(DISK, "test_an_error_leaves_the_old_file_as_it_was"),
    ),
]
