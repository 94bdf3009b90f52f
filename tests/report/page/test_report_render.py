import base64
import hashlib
import json
import re
import sys
from html.parser import HTMLParser

import pytest
import torch

import creditlib as cl
from creditlib.report import report_page, write_report
from creditlib.report.page.render import build_report
from creditlib.rollouts import from_trajectories
from creditlib.vocabulary.messages import ContractError

EVIL = "</script><b data-evil>{{ 7*7 }}\x1b[31m\u202e\ud800"


def rows(groups=3, size=4, turns=3, observation="A hall. "):
    return [
        {
            "group": f"g{group}",
            "outcome": float(member == 0),
            "turns": [{"observation": observation, "text": f"go {member}"} for _ in range(turns)],
        }
        for group in range(groups)
        for member in range(size)
    ]


def data_of(html):
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL).group(1))


class Tags(HTMLParser):
    """The start tags of a page with their attributes, and the texts in them."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.inside = [], {}, ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, text):
        self.texts.setdefault(self.inside, []).append(text)


def test_numbers_are_those_of_apply():
    batch = from_trajectories(rows())
    data = data_of(report_page(batch, ["grpo", "gigpo"], options={"gigpo": {"gamma": 0.5}}))
    assert [each["name"] for each in data["estimators"]] == ["grpo", "gigpo"]
    assert data["estimators"][1]["gamma"] == 0.5
    expected = [
        cl.grpo(**{k: batch.tensors[k] for k in ("reward", "group")})[:, None].expand(-1, 3)
    ]
    expected.append(cl.apply("gigpo", batch.tensors, gamma=0.5))
    trajectories = [each for group in data["groups"] for each in group["trajectories"]]
    for row, each in enumerate(trajectories):
        for number, credit in enumerate(expected):
            held = each["credit"][number]
            held = held if isinstance(held, list) else [held] * 3
            assert held == [float(f"{x:.4g}") for x in credit[row].tolist()]


def test_the_page_allows_nothing_but_its_own_style_and_script():
    html = report_page(from_trajectories(rows()), ["grpo"])
    found = Tags(html)
    policy = next(
        attributes["content"]
        for tag, attributes in found.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    for tag in ("style", "script"):
        text = found.texts[tag][-1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "*" not in policy
    for tag, attributes in found.tags:
        assert not {"src", "style", "srcset", "action"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
        assert tag != "link"
        assert attributes.get("href", "#").startswith("#")


def test_texts_of_rollouts_are_shown_and_end_no_element():
    hostile = [
        {"group": EVIL, "id": EVIL, "outcome": float(k), "turns": [{"observation": EVIL, EVIL: 1}]}
        for k in (0, 1)
    ]

    def credit(*, reward):
        return reward

    credit.__name__ = EVIL
    html = report_page(from_trajectories(hostile), [credit, "gigpo", "opo"], title=EVIL)
    html.encode()
    found = Tags(html)
    assert not [tag for tag, attributes in found.tags if "data-evil" in attributes]
    assert sum(tag == "script" for tag, _ in found.tags) == 2
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", html)
    shown = "</script><b data-evil>{{ 7*7 }}␛[31m⟨U+202E⟩⟨U+D800⟩"
    assert found.texts["title"][0] == shown
    assert data_of(html)["groups"][0]["name"] == shown


def test_an_estimator_that_cannot_run_stands_there_with_its_reason():
    html = report_page(from_trajectories(rows()), ["grpo", "gae"])
    assert "<strong>gae</strong> gives no credit: gae works on tokens" in html
    assert "<code>token_reward</code>" in html
    assert [each["name"] for each in data_of(html)["estimators"]] == ["grpo"]


def test_without_any_credit_there_is_no_page(tmp_path):
    file = tmp_path / "x.html"
    with pytest.raises(ContractError, match="`estimators` must be functions that give these"):
        write_report(from_trajectories(rows()), ["gae"], file)
    with pytest.raises(ContractError, match="got none"):
        write_report(from_trajectories(rows()), [], file)
    assert not list(tmp_path.iterdir())


def test_wrong_files_and_limits_are_refused_before_the_work(tmp_path):
    batch = from_trajectories(rows())
    for name, fact in (
        ("x.txt", "ends in .html"),
        ("none/x.html", "in a folder that exists"),
        (".", "ends in .html"),
    ):
        with pytest.raises(ContractError, match=fact):
            write_report(batch, ["grpo"], tmp_path / name)
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(ContractError, match="which is a folder"):
        write_report(batch, ["grpo"], tmp_path / "folder.html")
    with pytest.raises(ContractError, match="`limit` must be at least 1, got 0"):
        report_page(batch, ["grpo"], limit=0)


def test_a_file_that_is_there_is_replaced(tmp_path):
    file = tmp_path / "x.html"
    file.write_text("old")
    found = write_report(from_trajectories(rows()), ["grpo"], file)
    assert file.read_text("utf-8") == found.html


def test_a_large_batch_is_sampled_by_group_and_the_page_says_so():
    batch = from_trajectories(rows(groups=10))
    found = build_report(batch, ["grpo"], limit=12)
    data = data_of(found.html)
    assert [group["index"] for group in data["groups"]] == list(found.groups)
    assert len(found.groups) == 3
    assert all(len(group["trajectories"]) == 4 for group in data["groups"])
    assert found.html == build_report(batch, ["grpo"], limit=12).html
    assert re.search(r'id="sample">This page holds 3 of 10 groups\s+\(12 of\s+40', found.html)
    assert found.summary.groups == 10
    assert 'id="sample"' not in report_page(batch, ["grpo"])


def test_a_group_larger_than_the_limit_is_sampled_and_the_page_says_so():
    """One of 30 trajectories solves the task: credit 29/30 and −1/30, also in a sample of 20."""
    batch = from_trajectories(rows(groups=1, size=30))
    found = build_report(batch, ["grpo"], options={"grpo": {"scale": None}}, limit=20)
    (group,) = data_of(found.html)["groups"]
    assert [len(each) for each in found.groups.values()] == [20]
    assert found.cut_groups == 1
    assert len(group["trajectories"]) == 20
    assert {each["credit"][0] for each in group["trajectories"]} <= {0.9667, -0.03333}
    assert (group["members"], group["mean"]) == (30, 0.03333)
    assert "20 of 30 shown" in group["tags"]
    text = " ".join(found.html.split())
    assert "holds 1 of 1 group (20 of 30 trajectories)" in text
    assert "1 group is too large to be shown whole, and stands here with some" in text
    assert build_report(batch, ["grpo"], limit=30).cut_groups == 0


def test_options_and_similar_observations_stand_in_the_data():
    near = [dict(row, turns=[{"observation": f"A hall {k}"}]) for k, row in enumerate(rows(1))]
    for similarity in (None, 0.5):
        batch = from_trajectories(near, similarity=similarity)
        given = {"gigpo": {"leave_out": "trajectory"}}
        data = data_of(report_page(batch, ["grpo", "gigpo"], options=given))
        assert [each["options"] for each in data["estimators"]] == ["", "leave_out='trajectory'"]
        assert data["similar"] is (similarity is not None)


def test_one_large_group_with_long_texts_stays_small():
    """Below the limit of trajectories no row is left out; some lose their texts."""
    draw = torch.Generator().manual_seed(0)
    texts = torch.randint(33, 0x2000, (300, 4, 200), generator=draw).tolist()
    batch = from_trajectories(
        [
            {
                "group": 0,
                "outcome": float(row % 2),
                "turns": [{"observation": "".join(map(chr, each))} for each in turns],
            }
            for row, turns in enumerate(texts)
        ]
    )
    found = build_report(batch, ["grpo"], limit=300)
    (group,) = data_of(found.html)["groups"]
    assert len(group["trajectories"]) == 300
    assert len(found.html.encode()) < 300 * 1_430 + 50_000
    assert any(tag.startswith("texts of ") for tag in group["tags"])
    assert "trajectories of one group have texts, the others" in " ".join(found.html.split())


def test_two_thousand_trajectories_take_less_than_three_megabytes():
    """Texts that cannot be compressed are cut, and then some groups have none."""
    draw = torch.Generator().manual_seed(0)
    texts = torch.randint(33, 0x2000, (2000, 8, 100), generator=draw).tolist()
    batch = from_trajectories(
        [
            {
                "group": row // 8,
                "outcome": float(row % 3),
                "turns": [
                    {"observation": "".join(map(chr, each)), "reward": 0.1} for each in turns
                ],
            }
            for row, turns in enumerate(texts)
        ]
    )
    found = build_report(batch, ["grpo", "gigpo"])
    assert 2e6 < len(found.html.encode()) < 3e6
    groups = data_of(found.html)["groups"]
    assert len(groups) == 250
    assert 0 < found.with_texts < 250
    assert sum("without texts" in group["tags"] for group in groups) == 250 - found.with_texts
    assert f"{250 - found.with_texts} groups have no texts" in found.html


@pytest.mark.parametrize(
    "given",
    [
        [{"group": 0, "outcome": None, "turns": []}],
        [{"group": 0, "outcome": 1.0, "turns": []}, {"group": 1, "outcome": None, "turns": [{}]}],
        [{"group": "", "outcome": 1e37, "turns": [{"text": ""}]}],
    ],
)
def test_degenerate_batches_become_a_page(given):
    html = report_page(from_trajectories(given), ["grpo", "rloo"])
    assert len(data_of(html)["groups"]) == len({row["group"] for row in given})


def test_credit_that_is_not_finite_is_on_the_page():
    def broken(*, reward, turn_reward):
        return turn_reward / 0

    batch = from_trajectories(rows(groups=1, size=2, turns=2))
    data = data_of(report_page(batch, [broken]))
    held = [each["credit"][0] for each in data["groups"][0]["trajectories"]]
    assert held == [["NaN", "Infinity"], "NaN"]


@pytest.mark.parametrize("dtype", [torch.int64, torch.bfloat16, torch.bool])
def test_functions_of_the_user_may_return_any_dtype(dtype):
    def own(*, reward):
        return reward.to(dtype)

    data = data_of(report_page(from_trajectories(rows(groups=1)), [own]))
    assert [each["credit"] for each in data["groups"][0]["trajectories"]] == [[1], [0], [0], [0]]


def test_credit_with_a_gradient_is_shown():
    def own(*, reward):
        return reward * torch.ones(1, requires_grad=True)

    data = data_of(report_page(from_trajectories(rows(groups=1)), [own]))
    assert data["groups"][0]["trajectories"][0]["credit"] == [1]


def test_without_jinja2_one_sentence_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ModuleNotFoundError, match=r"the page needs jinja2: pip install .*cli"):
        write_report(from_trajectories(rows()), ["grpo"], tmp_path / "x.html")


def test_the_script_is_short():
    """A reader of the page must be able to read what it runs."""
    script = Tags(report_page(from_trajectories(rows()), ["grpo"])).texts["script"][-1]
    assert script.count("\n") <= 300
    assert "innerHTML" not in script
    assert "eval" not in script
