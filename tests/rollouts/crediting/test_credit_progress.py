from credit_cases import plain, spread

from creditlib import rollouts


def test_every_stage_is_told_and_the_bytes_end_at_all(tmp_path):
    spread(tmp_path, [plain("a", 1.0), plain("a", 0.0), plain("b", 1.0)], files=2, kind="jsonl")
    told = []
    rollouts.credit(tmp_path, "rloo", progress=told.append)
    assert [step.stage for step in told] == ["read", "read", "credit", "write", "write"]
    assert [step.rows for step in told] == [2, 3, 3, 3, 3]
    assert told[-1].groups == 2
    assert told[1].bytes == told[-1].bytes == told[-1].of_bytes
