from pathlib import Path

import creditlib.vocabulary.install_hint as module
from creditlib.vocabulary.install_hint import install_hint

CHECKOUT = Path(__file__).parents[2]


def test_in_a_checkout_the_checkout_is_installed(monkeypatch, tmp_path):
    monkeypatch.chdir(CHECKOUT)
    assert install_hint("laws") == "pip install -e '.[laws]'"
    monkeypatch.chdir(tmp_path)
    assert install_hint("laws") == f"pip install -e '{CHECKOUT.resolve()}[laws]'"


def test_elsewhere_the_package_is_installed(monkeypatch, tmp_path):
    installed = tmp_path / "site-packages" / "creditlib" / "vocabulary" / "install_hint.py"
    monkeypatch.setattr(module, "__file__", str(installed))
    assert install_hint("cli") == "pip install 'creditlib[cli]'"


def test_every_extra_that_a_sentence_names_exists():
    text = (CHECKOUT / "pyproject.toml").read_text("utf-8")
    for extra in ("cli", "parquet", "anchors", "laws", "demo"):
        assert f"\n{extra} = [" in text
