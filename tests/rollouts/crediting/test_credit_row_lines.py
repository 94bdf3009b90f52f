from credit_cases import lines

from creditlib.rollouts.crediting.row_lines import tolerant_rows


def test_a_broken_line_is_named_and_the_next_one_is_read(tmp_path):
    path = lines(tmp_path / "a.jsonl", {"n": 1}, "", '{"n": ', "[1]", {"n": 2})
    found = list(tolerant_rows(path))
    assert [(place, row) for place, row, _ in found] == [
        (f"{path} line 1", {"n": 1}),
        (f"{path} line 3", None),
        (f"{path} line 4", None),
        (f"{path} line 5", {"n": 2}),
    ]
    assert f"{path} line 3 column 6" in found[1][2]
    assert found[2][2].endswith(f"got a list in {path} line 4.")


def test_an_array_is_read_as_a_whole(tmp_path):
    path = lines(tmp_path / "a.json", "[" + '{"n": 1}' + "]")
    assert [row for _, row, _ in tolerant_rows(path)] == [{"n": 1}]
