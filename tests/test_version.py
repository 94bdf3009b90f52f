from importlib.metadata import version

import creditlib
from creditlib.version import __version__


def test_the_package_has_the_version_it_was_installed_with():
    assert creditlib.__version__ == __version__ == version("creditlib")
