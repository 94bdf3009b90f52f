import json
import os

import pyarrow.parquet
from credit_cases import plain, spread

from creditlib import rollouts
from creditlib.rollouts.crediting.manifest import KEY, is_finished, manifest_of, manifest_path
from creditlib.rollouts.crediting.plan import make_plan
from creditlib.rollouts.crediting.sources import expand, open_sources

ROWS = [plain("a", 1.0), plain("a", 0.0)]


def opened(path):
    return open_sources(expand(path), "auto", False)[0]


def test_a_manifest_names_inputs_estimators_and_options(tmp_path):
    spread(tmp_path, ROWS, files=2)
    sources = opened(tmp_path)
    plan = make_plan("grpo", {"grpo": {"scale": None}})
    found = json.loads(manifest_of(sources[0], sources, plan, {"stitch": False}))
    assert found["input"] == "0.parquet"
    assert found["inputs"] == 2
    assert found["estimators"] == [["grpo", "grpo", {"scale": "None"}]]
    assert found["options"] == {"stitch": "False"}
    assert found["digest"] != json.loads(manifest_of(sources[0], sources[:1], plan, {}))["digest"]


def test_an_output_is_finished_if_it_is_whole_equal_and_not_older(tmp_path):
    spread(tmp_path, ROWS, files=1)
    (path,) = rollouts.credit(tmp_path, "grpo").outputs
    manifest = pyarrow.parquet.read_schema(path).metadata[KEY]
    sources = opened(tmp_path / "0.parquet")
    output = tmp_path / "0.credit.parquet"
    assert is_finished(output, manifest, sources)
    assert not is_finished(output, b"other", sources)
    assert not is_finished(tmp_path / "none", manifest, sources)
    later = output.stat().st_mtime_ns + 10**9
    os.utime(tmp_path / "0.parquet", ns=(later, later))
    assert not is_finished(output, manifest, sources)
    output.write_bytes(b"PAR1 half")
    assert not is_finished(output, manifest, [])


def test_the_manifest_of_lines_lies_beside_them(tmp_path):
    spread(tmp_path, ROWS, files=1)
    rollouts.credit(tmp_path, "grpo", to="jsonl")
    assert manifest_path(tmp_path / "0.credit.jsonl").is_file()
    again = rollouts.credit(tmp_path, "grpo", to="jsonl", resume=True)
    assert again.kept == again.outputs
    manifest_path(tmp_path / "0.credit.jsonl").unlink()
    once = rollouts.credit(tmp_path, "grpo", to="jsonl", resume=True, overwrite=True)
    assert once.kept == ()
