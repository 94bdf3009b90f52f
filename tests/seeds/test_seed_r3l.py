"""R3L against the authors' functions, which compute in float32."""

import pytest
from seed_numbers import assert_complete, cases, compare

from creditlib import presets, recipes

pytestmark = pytest.mark.usefixtures("quick_backend")


def rows(x):
    return {"reward": x["reward"], "group": x["group"]}


RUNS = {
    "credit": lambda x: recipes.r3l(**rows(x), **presets.R3L_OFFICIAL),
    "soft": lambda x: recipes.r3l(**rows(x), soft=0.5, **presets.R3L_OFFICIAL),
    "opmd": lambda x: recipes.r3l(**rows(x), amplify=1.0, lone="raw"),
    "mask": lambda x: x["turn"] >= x["pivot"][:, None],
}


def test_every_output_is_compared():
    assert_complete("r3l", RUNS)


@cases(RUNS)
def test_the_numbers(source, name, dtype):
    compare("r3l", source, name, dtype, RUNS[name], "golden")
