"""docs/estimators.md: what each function computes, from which tensors."""

from docs.print_pages.functions import Function, all_functions, links_to_papers

HEAD = """# Functions

What each public function computes, and from which tensors. `help(cl.grpo)` says more: special and
degenerate cases, options, laws that are broken by design, an example. Tensors in brackets are
optional.

This page is printed from docstrings by `python -m docs.print_pages`."""
KINDS = {
    "advantage": "an advantage",
    "returns": "returns, which no baseline is subtracted from",
    "factor": "a factor on credit",
    "reward": "a reward",
    "statistic": "a statistic",
}


def section(function: Function) -> list[str]:
    """The section of a function."""
    result = KINDS.get(function.result.kind, "a tensor")
    contract = f", `{function.result.contract}`" if function.result.contract else ""
    needs = [*function.needs, *(f"[{name}]" for name in function.optional)]
    papers = links_to_papers(function)
    return [
        "",
        f"### {function.name}",
        "",
        function.first_line,
        *(["", "```text", function.formula, "```"] if function.formula else []),
        "",
        f"- call: `{function.signature}`",
        f"- needs: {', '.join(needs)}",
        f"- gives: {result}{contract}",
        *([f"- paper: {papers}"] if papers else []),
    ]


def page() -> str:
    """The whole page, without the recipes: they have their own."""
    lines = [HEAD]
    for heading, functions in all_functions().items():
        if heading != "Recipes":
            lines += ["", f"## {heading}"]
            lines += [line for function in functions for line in section(function)]
    return "\n".join(lines) + "\n"
