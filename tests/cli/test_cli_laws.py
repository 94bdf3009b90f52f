import json
import subprocess
import sys

from cli_runs import error_of, run

from creditlib.testing import LAWS
from creditlib.vocabulary.install_hint import install_hint


def test_every_law_is_listed_with_its_tier():
    output = run("laws").output
    assert all(f" {name} " in output for name in LAWS)
    rows = [line.split() for line in output.splitlines()]
    found = {row[0]: row[1] for row in rows if len(row) > 1 and row[0] in LAWS}
    assert found == {name: law.tier for name, law in LAWS.items()}


def test_a_tier_and_json():
    read = json.loads(run("laws", "--tier", "contract", "--json").stdout)
    assert [each["law"] for each in read] == [
        name for name, law in LAWS.items() if law.tier == "contract"
    ]
    assert read[0]["sentence"] == LAWS[read[0]["law"]].sentence


def test_a_tier_that_is_none_is_one_sentence(monkeypatch, capsys):
    assert error_of(monkeypatch, capsys, "laws", "--tier", "contracts") == (
        "creditlib: laws: `--tier` must be one of 'contract', 'invariance', 'property', got "
        "'contracts' (did you mean 'contract'?).\n"
    )


def test_without_hypothesis_one_sentence_says_what_to_install():
    program = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "sys.argv = ['creditlib', 'laws']\n"
        "from creditlib.cli import main; main()"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == f"creditlib: laws: the laws need hypothesis: {install_hint('laws')}.\n"
