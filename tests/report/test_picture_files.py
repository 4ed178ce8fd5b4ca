"""Files of pictures: what they are called, that they are the same again, and what goes wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import pytest
from PIL import Image

from tests.report.examples import comparison, document, failing_check, good_run
from tests.report.timings import sweep, timed
from toolkit.cli import main
from toolkit.report.figures import draw, style
from toolkit.results import save


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pictures of one comparison."""
    folder = tmp_path_factory.mktemp("pictures")
    draw([sweep([8])], folder)
    return folder


def test_pictures_come_as_png_and_svg_named_by_what_they_show(drawn: Path) -> None:
    assert sorted(path.name for path in drawn.iterdir()) == sorted(
        f"{stem}.{kind}"
        for stem in ("latency-lenet5", "roofline", "speedups-lenet5")
        for kind in ("png", "svg")
    )
    with Image.open(drawn / "roofline.png") as picture:
        assert picture.size[0] == 1280
    assert "<dc:date>" not in (drawn / "roofline.svg").read_text(encoding="utf-8")


def test_the_same_results_give_the_same_bytes_whatever_a_user_has_set_for_plots(
    drawn: Path, tmp_path: Path
) -> None:
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "pink", "savefig.dpi": 30}):
        again = draw([sweep([8])], tmp_path)
        assert mpl.rcParams["font.size"] == 30
    assert [path.read_bytes() for path in again] == [
        (drawn / path.name).read_bytes() for path in again
    ]


def test_pictures_of_one_kind_are_named_by_what_tells_them_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "save", lambda made, stem: [stem])
    names = [path.name for path in draw([sweep([1, 8]), sweep([8])], tmp_path)]
    assert names == [
        *("speedups-lenet5", "throughput-lenet5"),
        *("latency-lenet5-batch-1", "latency-lenet5-batch-8", "roofline"),
        *("speedups-lenet5-2", "latency-lenet5", "roofline-2"),
    ]


def test_names_that_no_picture_can_hold_are_written_out(tmp_path: Path) -> None:
    rows = [
        timed("eager", 9.0, 1.0, model="$a_b^\n{x}\x1b"),
        timed("eager", 8.0, 1.1, model="é" * 200),
    ]
    held = comparison(*rows, baseline=f"{rows[0].model} eager")
    (png, *_) = draw([document("bench", comparisons=[held])], tmp_path)
    assert len(png.name) < 120


def test_report_draws_into_a_folder_and_says_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(good_run(), tmp_path / "run.json")
    folder = tmp_path / "new" / "figures"
    assert main(["report", str(tmp_path / "run.json"), "--figures", str(folder)]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"wrote {folder / 'speedups-lenet5.svg'}" in printed.err
    assert (folder / "speedups-lenet5.svg").is_file()


def test_results_without_timings_make_no_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(failing_check(), tmp_path / "check.json")
    assert main(["report", str(tmp_path / "check.json"), "--figures", str(tmp_path / "f")]) == 3
    assert "nothing was timed" in capsys.readouterr().err
    assert not (tmp_path / "f").exists()


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(good_run(), tmp_path / "run.json")
    place = tmp_path / "run.json" / "figures"
    assert main(["report", str(tmp_path / "run.json"), "--figures", str(place)]) == 3
    assert f"cannot write pictures to {place}" in capsys.readouterr().err


def test_without_matplotlib_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save(good_run(), tmp_path / "run.json")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["report", str(tmp_path / "run.json"), "--figures", str(tmp_path / "f")]) == 3
    said = capsys.readouterr().err
    assert "pictures need matplotlib" in said
    assert "pip install 'torch-export-toolkit[report]'" in said


def test_a_picture_of_one_model_with_a_long_name_counts_no_others(tmp_path: Path) -> None:
    held = comparison(timed("eager", 9.0, 1.0, model="m" * 200))
    names = {path.name for path in draw([document("bench", comparisons=[held])], tmp_path)}
    assert "latency-" + "m" * 80 + ".png" in names


def test_pictures_of_one_name_never_take_each_other_s_files(tmp_path: Path) -> None:
    held = [
        comparison(timed("eager", 9.0, 1.0, model=name), baseline=baseline)
        for name, baseline in (("net", "eager"), ("net", "onnx"), ("net-2", "eager"))
    ]
    paths = draw([document("bench", comparisons=held)], tmp_path)
    names = sorted(path.name for path in paths if path.match("latency-*.png"))
    assert names == ["latency-net-2-2.png", "latency-net-2.png", "latency-net.png"]
