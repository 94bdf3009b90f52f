"""The section of what is predicted, from two small files by hand."""

import pytest

from benchmarks import predicted

HEAD = "label,triton,call,kernel,programs,registers,least,most,bytes,needed,h100_share,h200_share"
KERNELS = f"""\
{HEAD}
before,3.9.0,gae 2x3,finish,1024,88,80,80,17,17,0.89,0.68
before,3.9.0,gae 2x3,all,2,,80,80,17,17,0.89,0.68
after,3.9.0,gae 2x3,finish,1024,64,40.25,60,17,,0.9,0.801
after,3.9.0,gae 2x3,all,1,,40.25,60,17,17,0.9,0.801
after,3.9.0,gae 2x3,new,4,20,1,1,1,,,
"""
LAUNCHES = """\
op,shape,variant,contestant,launches,torch_launches,host_us
gae,2x3,int8,creditlib,1,0,65.4
gae,2x3,int8,"creditlib, out=",1,0,60
gae,4x6,int8,creditlib,2,0,70
pure,2x3,,creditlib,76,70,750
pure,2x3,one thread,creditlib,76,70,750
whiten,2x3,,creditlib,,,
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / predicted.KERNELS).write_text(KERNELS)
    (tmp_path / predicted.LAUNCHES).write_text(LAUNCHES)
    return tmp_path


def test_before_and_after_are_one_line(folder):
    text = predicted.section(folder)
    assert text.startswith("## Predicted for a GPU, not measured\n")
    assert (
        "| gae 2x3 | 3.9.0 | finish | 1,024 | 88 → 64 | 80 → 40.2 to 60 | 17 | 89% → 90% |"
        " 68% → 80% |"
    ) in text
    assert "|  |  | *call* | 2 launches → 1 launch |  | 80 → 40.2 to 60 | 17 (17 needed) |" in text
    assert "|  |  | new | none → 4 | none → 20 | none → 1 | none → 1 |  |  |" in text


def test_launches_are_those_of_calls_with_fresh_results(folder):
    lines = [
        line for line in predicted.section(folder).splitlines() if "2x3" in line or "4x6" in line
    ]
    assert lines[-3:] == [
        "| gae | 2x3 int8 | 1 | 0 | 65.4 µs |",
        "|  | 4x6 int8 | 2 | 0 | 70 µs |",
        "| pure | 2x3 | 76 | 70 | 750 µs |",
    ]


def test_a_file_that_is_absent_has_no_table(folder, tmp_path):
    (folder / predicted.KERNELS).unlink()
    assert "### Machine code" not in predicted.section(folder)
    assert "### Launches and host time" in predicted.section(folder)
    (folder / predicted.LAUNCHES).unlink()
    assert predicted.section(folder) == ""
    assert predicted.section(tmp_path / "none") == ""
