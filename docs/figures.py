"""`python -m docs.figures` runs docs/gallery.md and writes the pictures that its code draws."""

import doctest
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gallery.md"
PART = re.compile(
    r"^```python\n(?P<code>.*?)^```|^!\[[^\]]*\]\((?P<picture>pictures/[^)]*\.svg)\)",
    re.DOTALL | re.MULTILINE,
)


def drawn(page: Path = PAGE) -> Iterator[tuple[Path, Any]]:
    """Each picture of a page, and the `figure` that the code above it draws."""
    names: dict[str, Any] = {}
    for part in PART.finditer(page.read_text()):
        if part["code"]:
            for example in doctest.DocTestParser().get_examples(part["code"]):
                exec(compile(example.source, str(page), "single"), names)
        else:
            yield page.parent / part["picture"], names.pop("figure")


def main() -> None:
    """Write every picture, with the same bytes for the same picture."""
    import matplotlib

    for file, figure in drawn():
        file.parent.mkdir(exist_ok=True)
        with matplotlib.rc_context({"svg.hashsalt": file.name}):
            figure.savefig(file, metadata={"Date": None})
        print(f"{file.relative_to(ROOT)} written")


if __name__ == "__main__":
    main()
