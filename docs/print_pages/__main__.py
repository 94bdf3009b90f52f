"""`python -m docs.print_pages` writes the pages; `--check` names those that differ, and exits 1."""

import sys

from docs.print_pages.functions import ROOT
from docs.print_pages.pages import PAGES


def main(check: bool) -> int:
    """Write the pages, or with `check` only compare them; 1 if a page differs."""
    different = 0
    for name, page in PAGES.items():
        file, text = ROOT / name, page()
        if not file.is_file() or file.read_text() != text:
            different += 1
            print(f"{name} {'differs: run python -m docs.print_pages' if check else 'written'}")
            if not check:
                file.write_text(text)
    return int(check and different > 0)


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
