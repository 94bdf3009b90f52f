import json

import pytest

from creditlib.report.page.assets import asset, json_text, policy, template


def test_data_end_no_element():
    text = json_text({"</script>": ["<!--", "&amp;", "\u2028"]})
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text) == {"</script>": ["<!--", "&amp;", "\u2028"]}


def test_the_policy_names_what_may_run():
    """The SHA-256 of no bytes is 47DEQpj8..., in base64."""
    nothing = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    assert f"style-src '{nothing}'; script-src '{nothing}'" in policy("", "")
    assert policy("a", "") != policy("b", "")


def test_a_value_that_the_page_lacks_is_an_error():
    with pytest.raises(Exception, match="undefined"):
        template().render()
    assert asset("page.js").startswith('"use strict"')
