"""docs/estimators.md: what each function computes, from which tensors."""

from docs.print_pages.functions import Function, all_functions, links_to_papers

HEAD = """# Functions

This page lists what each public function computes, and the tensors that it needs. Tensors in
brackets are optional. `help(cl.grpo)` also prints special and degenerate cases, options, the laws
that the function breaks by design, and an example.

This page is printed from docstrings by `python -m docs.print_pages`."""
KINDS = {
    "advantage": "an advantage",
    "returns": "returns without a baseline",
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
