"""`python -m docs.site` builds the site into build/docs; a warning of Sphinx is an error."""

import sys

from sphinx.cmd.build import main as sphinx

from docs.site import reference
from docs.site.stage import BUILD, BUILT_OF, DOCS, SITE, SOURCE, fingerprint, sources, stage


def build() -> int:
    """Build what changed; 0 if Sphinx had nothing to warn of."""
    files = sources(reference.pages())
    stage(files)
    BUILT_OF.unlink(missing_ok=True)
    options = ["-q", "-W", "--keep-going", "-j", "2", "-d", str(BUILD / "docs-trees")]
    wrong = sphinx([*options, "-b", "html", "-c", str(DOCS), str(SOURCE), str(SITE)])
    if not wrong:
        BUILT_OF.write_text(fingerprint(files))
    return wrong


if __name__ == "__main__":
    sys.exit(build())
