"""The pages of the reference: one for each public name, made of its signature and docstring."""

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

from creditlib import presets
from creditlib.vocabulary.argument_lines import (
    ArgumentLine,
    argument_lines,
    text_without_arguments,
)
from docs.print_pages.functions import signature_of, table
from docs.site.docstrings import Part, parts_of, prose
from docs.site.members import TOPICS, Member, members

INDENT: dict[str, Any] = {"initial_indent": "    ", "subsequent_indent": "    "}


def pages() -> dict[str, str]:
    """Every page of the reference by its place in the site."""
    every = members()
    link = linker(every)
    made = {f"reference/{member.place}.md": page(member, link) for member in every}
    for topic in TOPICS:
        made[f"reference/{topic}-functions.md"] = topic_page(topic, every, link)
    made["reference/presets.md"] = presets_page(link)
    made["reference/index.md"] = index_page()
    return made


def linker(every: list[Member]) -> Callable[[str], str]:
    """The function that turns a name in a docstring into a link to its page, if it has one."""
    places: dict[str, str] = {}
    for member in reversed(every):  # the first one of a name wins: estimators stand first
        for name in (member.name, member.written, member.written.removeprefix("cl.")):
            places[name] = member.place

    def link(code: str) -> str:
        called = re.fullmatch(r"([\w.]+)(\([^()]*\))?", code)
        name = called[1] if called else ""
        if name.startswith("presets."):
            return f"[`{code}`](presets.md)"
        return f"[`{code}`]({places[name]}.md)" if name in places else f"`{code}`"

    return link


def page(member: Member, link: Callable[[str], str]) -> str:
    """The page of a function or a class."""
    itself = link(member.name)

    def to_others(code: str) -> str:
        return (
            f"`{code}`"
            if link(code).partition("](")[2] == itself.partition("](")[2]
            else link(code)
        )

    if inspect.isclass(member.thing) and issubclass(member.thing, Exception):
        lines: tuple[ArgumentLine, ...] = ()
        text, shown = inspect.getdoc(member.thing) or "", []
    else:
        lines = argument_lines(member.thing)
        text, shown = text_without_arguments(member.thing), ["", call(member)]
    parts = parts_of(text, {line.name for line in lines}, to_others)
    topic = TOPICS[member.topic][0]
    # The page stands in the table of its topic. Hundreds of lines at the side would help nobody.
    head = ["---", "orphan: true", "---", "", f"# {member.name}", ""]
    head += [f"[Reference](index.md) › [{topic}]({member.topic}-functions.md)"]
    body = [*head, *shown, *described(lines, parts, to_others, "##")]
    if inspect.isclass(member.thing):
        body += methods(member, to_others)
    if used := [name for name in presets.__all__ if _is_preset_of(name, member)]:
        body += ["", "## Presets", "", ", ".join(f"[`{name}`](presets.md)" for name in used)]
    return "\n".join(body) + "\n"


def described(
    lines: tuple[ArgumentLine, ...], parts: list[Part], link: Callable[[str], str], level: str
) -> list[str]:
    """What a thing does, then its arguments, then the parts that have a heading."""
    body: list[str] = []
    for part in (part for part in parts if not part.heading):
        body += ["", part.text]
    tensors = [line for line in lines if is_tensor(line)]
    options = [line for line in lines if not is_tensor(line)]
    if tensors:
        body += ["", f"{level} Tensors", "", *tensor_table(tensors, link)]
    if options:
        title = "Options" if tensors else "Arguments"
        body += ["", f"{level} {title}", "", *option_table(options, link)]
    for part in (part for part in parts if part.heading):
        body += ["", f"{level} {part.heading}", "", part.text]
    return body


def call(member: Member) -> str:
    """How it is imported and called, with every default."""
    imported = "import creditlib as cl"
    if not member.written.startswith("cl."):
        imported = f"from {member.module} import {member.name}"
    whole = signature_of(member.thing, member.written)
    if len(whole) > 96:
        inside = whole.removeprefix(f"{member.written}(").removesuffix(")")
        whole = f"{member.written}(\n{textwrap.fill(inside, 90, **INDENT)}\n)"
    return f"```text\n{imported}\n\n{whole}\n```"


def is_tensor(line: ArgumentLine) -> bool:
    """Whether an argument is a tensor, by its axes or by its type."""
    return line.kind == "tensor" or line.contract in ("Tensor", "Tensor | None")


def tensor_table(lines: list[ArgumentLine], link: Callable[[str], str]) -> list[str]:
    """The tensors of a function: name, dtype and axes, meaning."""
    rows = [
        [
            f"`{line.name}`",
            f"`{line.contract}`",
            ("" if line.required else "*optional*; ") + prose(line.meaning, link),
            line.unit,
        ]
        for line in lines
    ]
    return without_empty(["tensor", "dtype and axes", "meaning", "unit"], rows)


def option_table(lines: list[ArgumentLine], link: Callable[[str], str]) -> list[str]:
    """The options of a function: name, meaning, values, default, unit."""
    rows = [
        [
            f"`{line.name}`",
            prose(line.meaning, link),
            line.unit,
            f"`{line.contract}`" if line.contract else "",
            "required" if line.required else f"`{line.default}`",
        ]
        for line in lines
    ]
    return without_empty(["option", "meaning", "unit", "values", "default"], rows)


def without_empty(header: list[str], rows: list[list[str]]) -> list[str]:
    """A table without the columns that no row fills."""
    kept = [at for at in range(len(header)) if any(row[at] for row in rows)]
    return table([header[at] for at in kept], [[row[at] for at in kept] for row in rows])


def methods(member: Member, link: Callable[[str], str]) -> list[str]:
    """The public methods and properties of a class."""
    body: list[str] = []
    for name, thing in vars(member.thing).items():
        if name.startswith("_") or not (callable(thing) or isinstance(thing, property)):
            continue
        text = inspect.getdoc(thing) or ""
        lines: tuple[ArgumentLine, ...] = ()
        if inspect.isfunction(thing):
            lines, text = argument_lines(thing), text_without_arguments(thing)
        parts = parts_of(text, {line.name for line in lines}, link)
        body += ["", f"## {member.name}.{name}", *described(lines, parts, link, "###")]
    return body


def topic_page(topic: str, every: list[Member], link: Callable[[str], str]) -> str:
    """The table of a topic, and its part of the navigation."""
    title, sentence, _ = TOPICS[topic]
    own = [member for member in every if member.topic == topic]
    rows = [
        [f"[`{member.name}`]({member.place}.md)", prose(first_line(member.thing), link)]
        for member in own
    ]
    head = [f"# {title}", "", sentence, ""]
    return "\n".join([*head, *table(["name", "what it is"], rows)]) + "\n"


def first_line(thing: Any) -> str:
    """The first line of a docstring."""
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def _is_preset_of(name: str, member: Member) -> bool:
    return getattr(presets, name).function == member.name and member.topic != "audit"


def presets_page(link: Callable[[str], str]) -> str:
    """Every preset with its function and its options."""
    rows = []
    for name in presets.__all__:
        preset = getattr(presets, name)
        options = ", ".join(f"`{key}={value!r}`" for key, value in preset.items())
        rows.append([f"`{name}`", link(preset.function), options])
    head = [
        "# Presets",
        "",
        "A preset holds the options that give the numbers of a trainer or of an author's code:",
        '`cl.apply("grpo", batch, **cl.presets.TRL_GRPO)`.',
        "",
    ]
    return "\n".join([*head, *table(["preset", "function", "options"], rows)]) + "\n"


def index_page() -> str:
    """The entrance of the reference."""
    rows = [
        [f"[{title}]({topic}-functions.md)", sentence]
        for topic, (title, sentence, _) in TOPICS.items()
    ]
    tree = [
        "```{toctree}",
        ":hidden:",
        "",
        *(f"{topic}-functions" for topic in TOPICS),
        "presets",
        "```",
    ]
    head = [
        "# Reference",
        "",
        "Every public function and class. These pages are made of signatures and docstrings, as",
        "`help(cl.grpo)` is.",
        "[The vocabulary](../vocabulary.md) has every tensor argument in one table.",
        "",
    ]
    return "\n".join([*head, *table(["topic", "what is in it"], rows), "", *tree]) + "\n"
