"""The settings of Sphinx; `python -m docs.site` runs it on the sources that it stages."""

from pathlib import Path

from creditlib.version import __version__

project = "creditlib"
copyright = "The creditlib authors, Apache-2.0"
version = release = __version__
language = "en"

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4  # the anchors that GitHub gives, so one link works on both
highlight_language = "none"
nitpicky = True

html_theme = "furo"
html_title = "creditlib"
html_show_sphinx = False
html_copy_source = False  # the source of a generated page is a docstring
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/favicon.svg"
html_search_scorer = str(Path(__file__).parent / "site" / "scorer.js")
