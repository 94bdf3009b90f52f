"""Faults of the tasks of the engine ray: credit of another file, files of too many bytes."""

from mutants.mutants_machine import Mutant, by_hand


def _mutant(wrong: str, module: str, old: str, new: str, test: str) -> Mutant:
    file = f"rollouts/crediting/test_credit_{module}.py"
    path = f"rollouts/crediting/{module}.py"
    return Mutant(wrong, path, old, new, "credit", by_hand(file, test))


MUTANTS = [
    _mutant(
        "credit goes to the files of another task",
        "tasks",
        "found[bundle] = rows.combine_chunks()",
        "found[-1 - bundle] = rows.combine_chunks()",
        "test_two_scan_tasks_and_a_credit_task_for_each_bucket",
    ),
    _mutant(
        "the file that starts a stretch has no weight",
        "tasks",
        "            total = weight(each)",
        "            total = 0",
        "test_stretches_hold_whole_files_or_a_part_of_one",
    ),
    _mutant(
        "rows follow each other by unit before file",
        "bundles",
        'for name in ("index", "unit", "file")]',
        'for name in ("index", "file", "unit")]',
        "test_rows_follow_each_other_by_file_then_unit_then_row",
    ),
]
