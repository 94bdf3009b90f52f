"""docs/pictures: each picture of a report is there and small, and its command still takes it."""

from PIL import Image

from docs.screenshots import FOLDER, PICTURES, write_pictures


def test_every_picture_is_there_and_small():
    files = {file.stem: file for file in FOLDER.glob("report_*.png")}
    assert files.keys() == PICTURES.keys()
    for name, file in files.items():
        assert file.stat().st_size < 200_000
        with Image.open(file) as image:
            assert image.size == (1280, PICTURES[name].height)


def test_a_picture_is_taken(browser, tmp_path, capsys):
    write_pictures(browser, tmp_path, ["report_turn"])
    assert "report_turn.png: " in capsys.readouterr().out
    with Image.open(tmp_path / "report_turn.png") as image:
        assert image.size == (1280, PICTURES["report_turn"].height)
        assert len(image.convert("RGB").getcolors(maxcolors=10_000)) > 50, "it is not blank"
