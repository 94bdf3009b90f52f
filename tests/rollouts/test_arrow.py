import sys

from creditlib.rollouts.arrow import arrow_file_systems, arrow_modules


def test_without_pyarrow_one_sentence_says_what_needs_it(monkeypatch, refusal):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert refusal(arrow_modules).startswith("rollouts: Parquet files need pyarrow: pip install ")
    assert refusal(arrow_file_systems).startswith("rollouts: Addresses need pyarrow: pip install ")
