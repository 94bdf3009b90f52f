"""The sources of the site: the pages of docs/, and pages that are made of signatures."""

import hashlib
import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BUILD = ROOT / "build"
SOURCE = BUILD / "docs-source"  # what Sphinx reads
SITE = BUILD / "docs"
BUILT_OF = SITE / "built_of.txt"  # the fingerprint of what the site was built of
LINK = re.compile(r"(?<=\]\()([^)\s#]+)(#[^)\s]*)?(?=\))")
FENCED = re.compile(r"(^ *```.*?^ *```)", re.DOTALL | re.MULTILINE)
PICTURES = (".svg", ".png")

# Pages that lie outside docs/, with their place in the site.
OUTSIDE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "benchmarks/README.md": "benchmarks.md",
}
# Pages that the site has in another form. A heading of the first two is a page of the reference.
REPLACED = {
    "docs/estimators.md": "reference/index.md",
    "docs/recipes.md": "reference/recipes-functions.md",
    "README.md": "index.md",
}
PREFIXES = {"docs/estimators.md": "", "docs/recipes.md": "recipes."}


def pages() -> dict[str, Path]:
    """Every page that is written by hand or printed: its place in the site, and its file."""
    inside = {str(file.relative_to(DOCS)): file for file in sorted(DOCS.rglob("*.md"))}
    kept = {place: file for place, file in inside.items() if f"docs/{place}" not in REPLACED}
    return kept | {place: ROOT / name for name, place in OUTSIDE.items()}


def sources(made: dict[str, str]) -> dict[str, bytes]:
    """Every file that the site is built of, by its place: pages with their links moved, pictures.

    `made` holds further pages, by their places.
    """
    every = pages()
    texts = {place: moved(file.read_text(), file, SOURCE / place) for place, file in every.items()}
    for place in [place for place in every if place.endswith("/README.md")]:
        texts[place] += contents(place, list(every))
    files = {place: text.encode() for place, text in (texts | made).items()}
    for picture in sorted(file for file in DOCS.rglob("*") if file.suffix in PICTURES):
        files[str(picture.relative_to(DOCS))] = picture.read_bytes()
    return files


def stage(files: dict[str, bytes]) -> None:
    """Write the files that a build reads, and remove others.

    A file that is as it was keeps its time, so a second build reads only what changed.
    """
    for old in [file for file in SOURCE.rglob("*") if file.is_file()]:
        if str(old.relative_to(SOURCE)) not in files:
            old.unlink()
    for place, content in files.items():
        file = SOURCE / place
        if not file.is_file() or file.read_bytes() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def fingerprint(files: dict[str, bytes]) -> str:
    """A number that tells if a site was built of these files and today's settings."""
    settings = [
        DOCS / "conf.py",
        DOCS / "site" / "scorer.js",
        *sorted((DOCS / "_static").iterdir()),
    ]
    parts = [(str(file), file.read_bytes()) for file in settings] + sorted(files.items())
    known = hashlib.sha256()
    for place, content in parts:
        known.update(f"{place} {len(content)} ".encode() + content)
    return known.hexdigest()


def contents(place: str, every: list[str]) -> str:
    """The navigation of a folder below its README: the pages that stand beside it."""
    folder = place.removesuffix("README.md")
    beside = [page.removeprefix(folder) for page in every if page.startswith(folder)]
    names = [
        page.removesuffix(".md") for page in beside if page not in ("README.md", "own_loop.md")
    ]
    return "\n".join(["", "```{toctree}", ":hidden:", "", *names, "```", ""])


def moved(text: str, file: Path, staged: Path) -> str:
    """The text of a page with its relative links as they are from where it is staged."""

    def target(link: re.Match[str]) -> str:
        path, anchor = link[1], link[2] or ""
        if re.match(r"[a-z]+:", path):
            return link[0]
        return place_of((file.parent / path).resolve(), anchor, staged)

    parts = FENCED.split(text)
    return "".join(
        part if index % 2 else LINK.sub(target, part) for index, part in enumerate(parts)
    )


def place_of(target: Path, anchor: str, staged: Path) -> str:
    """The link from a staged page to a file of the repository, or to the page made of it."""
    if target.is_dir():
        target = target / "README.md"
    name = target.relative_to(ROOT).as_posix()
    up = "../" * (len(staged.relative_to(SOURCE).parents) - 1)
    if name in PREFIXES and anchor:
        return f"{up}reference/{PREFIXES[name]}{anchor[1:]}.md"
    if name in REPLACED or name in OUTSIDE:
        return up + (REPLACED | OUTSIDE)[name] + anchor
    if name.startswith("docs/") and target.suffix != ".py":
        return up + name.removeprefix("docs/") + anchor
    return os.path.relpath(target, staged.parent)
