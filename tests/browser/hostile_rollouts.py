"""Rollouts whose texts try to become part of the page: each payload that runs leaves a mark.

What is executed sets `window.canary`, opens a dialog or asks for an address. What becomes an
element has the attribute `data-canary`, whether or not a policy keeps its script from running.
"""

import json

RUN = "window.canary=1;alert(1)"
PAYLOADS = (
    f"<script data-canary>{RUN}</script>",
    f"</script><script data-canary>{RUN}</script>",
    f"<!--<script data-canary>{RUN}</script>",
    f"</style></template></textarea></title><script data-canary>{RUN}</script>",
    f'<img data-canary src="https://canary.invalid/x.png" onerror="{RUN}">',
    f"<svg data-canary onload='{RUN}'><a data-canary href='javascript:{RUN}'>x</a></svg>",
    f"\"'><b data-canary onfocus='{RUN}' autofocus tabindex=0>bold</b>",
    f'" data-canary onmouseover="{RUN}" x="',
    f"' data-canary onmouseover='{RUN}' x='",
    "<iframe data-canary srcdoc='<script>parent.canary=1</script>'></iframe>",
    "<base data-canary href='https://canary.invalid/'>",
    "<link data-canary rel=stylesheet href=https://canary.invalid/x.css>",
    f"<meta data-canary http-equiv=refresh content='0;url=javascript:{RUN}'>",
    f"javascript:{RUN}",
    f"[a link](javascript:{RUN}) https://canary.invalid/page",
    "&lt;b data-canary&gt;&#60;i data-canary&#62;&amp;",
    "{{ 7*7 }} {% raw %} ${7*7} `${7*7}` \\u003cb data-canary\\u003e",
    "\x1b[31mred\x1b[0m \x1b]8;;https://canary.invalid/\x07link\x1b]8;;\x07 \x9b31m bell \x07",
    "right to left \u202egnp.exe\u202c isolates \u2066a\u2069 \u2067b mark \u200f\u061c",
    "a lone surrogate \ud83d here, and \udc00\ud800 there",
    "NUL \x00 form feed \x0c return \r line \u2028 paragraph \u2029 mark \ufeff end \uffff",
    "__proto__",
    "constructor",
    "",
)
NAN = float("nan")
FILE = "<b data-canary onfocus=canary=1 autofocus tabindex=0>.jsonl"


def hostile_rows():
    """Groups named by the payloads, turns made of them, and every degenerate trajectory."""
    rows = []
    for number, text in enumerate(PAYLOADS):
        other = PAYLOADS[number - 1]
        turn = {"observation": text, "text": other, "action": {text: [other]}, "reward": 0.5}
        for member in range(2):
            rows.append(
                {
                    "group": text,
                    "id": f"{text}{member}",
                    "outcome": float(member),
                    "answer": {text: text},
                    f"key {text}": text,
                    "turns": [turn, {**turn, "text": text, "reward": float(member)}],
                }
            )
    whole = {"observation": "x" * 1_000_000, "text": "y" * 1000, "reward": 1.0}
    nested = {"observation": [{"role": "user", "content": PAYLOADS[0]}], "text": "z", "reward": 0.0}
    rows += [
        {"group": "long", "id": "1", "outcome": 1.0, "turns": [whole, nested]},
        {"group": "long", "id": "2", "outcome": 0.0, "turns": [nested, nested]},
        {"group": "no turns", "id": "1", "outcome": 1.0, "turns": []},
        {"group": "no turns", "id": "2", "outcome": 0.0, "turns": []},
        {"group": "unscored", "id": "1", "outcome": NAN, "turns": [nested]},
        {"group": "unscored", "id": "2", "outcome": None, "turns": [nested]},
        {"group": "partly", "id": "1", "outcome": NAN, "turns": [nested]},
        {"group": "partly", "id": "2", "outcome": 1.0, "turns": [nested]},
        {"group": "g" * 3000, "id": "i" * 3000, "outcome": 1.0, "turns": [nested] * 60},
        {"group": 7, "outcome": -1e37, "turns": [{"reward": 1e37}, {"reward": -0.0}]},
        {"group": 7, "outcome": 1e37, "turns": [{"reward": -1e-37}]},
    ]
    return rows


def write_rows(path, rows):
    """A file of creditlib's own schema; NaN and lone surrogates stand in it as JSON writes them."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
