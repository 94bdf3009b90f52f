"""The pages that are printed, each with the function that makes its text."""

from docs.print_pages import (
    decisions,
    estimators,
    laws,
    papers,
    quality,
    recipes,
    survey,
    turns_among_peers,
    vocabulary,
)

PAGES = {
    "docs/decisions/README.md": decisions.page,
    "docs/estimators.md": estimators.page,
    "docs/laws.md": laws.page,
    "docs/papers.md": papers.page,
    "docs/quality.md": quality.page,
    "docs/recipes.md": recipes.page,
    "docs/survey.md": survey.page,
    "docs/turns_among_peers.md": turns_among_peers.page,
    "docs/vocabulary.md": vocabulary.page,
}
