import io
import json

from rich.console import Console

from creditlib.report import law_list
from creditlib.testing import LAWS


def test_the_laws_are_listed_by_tier(refusal):
    every = law_list.laws_in()
    assert len(every) == len(LAWS)
    tiers = [law.tier for law in every]
    assert tiers == sorted(tiers)  # contract, invariance, property
    few = law_list.laws_in("property")
    assert few == [law for law in every if law.tier == "property"]
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(law_list.laws_table(few))
    text = console.export_text()
    assert all(law.name in text for law in few)
    read = json.loads(law_list.laws_as_json(few))
    assert read[0].keys() == {"law", "tier", "sentence", "bugs"}
    assert refusal(law_list.laws_in, "propety") == (
        "laws: `--tier` must be one of 'contract', 'invariance', 'property', got 'propety' "
        "(did you mean 'property'?)."
    )
