import numpy as np

from creditlib.rollouts.crediting.summary import CREDIT_QUANTILES, Summary, counted, merge_counts


def test_quantiles_add_up_and_are_exact_to_a_part_in_1024():
    values = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    parts = merge_counts(counted(part) for part in np.array_split(values, 7))
    assert parts == counted(values)
    for share in CREDIT_QUANTILES:
        wanted = float(np.quantile(values, share, method="inverted_cdf"))
        assert abs(parts.quantile(share) - wanted) * 1024 <= abs(wanted)
    assert parts.quantile(0.0) == values.min()
    assert parts.quantile(1.0) == values.max()


def test_zero_of_either_sign_is_one_value_and_nothing_has_no_quantile():
    found = counted(np.array([0.0, -0.0], dtype=np.float32))
    assert list(found.bins.values()) == [2]
    assert found.quantile(0.5) == 0.0
    assert np.isnan(counted(np.array([], dtype=np.float32)).quantile(0.5))


def test_a_summary_is_plain_values():
    found = Summary(outputs=("a",), credit={"grpo": {0.5: 1.0}}).as_dict()
    assert found["outputs"] == ["a"]
    assert found["credit"] == {"grpo": {"0.5": 1.0}}
