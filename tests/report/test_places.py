"""Where in the user's files a model is defined."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.report.places import LARGEST_SOURCE_BYTES, Place, place_of


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("nets/net.py:Net", 5),
        ("nets.net:Net.inner", 5),
        ("nets/net.py:build", 14),
        ("nets/net.py:tuned", 17),
        ("nets/net.py:Elsewhere", None),
    ],
)
def test_a_model_of_the_users_own_has_a_file_and_a_line(
    actions: Path, word: str, line: int | None
) -> None:
    assert place_of(word) == Place(Path("nets/net.py"), line)


@pytest.mark.parametrize(
    "word",
    [
        "lenet5",
        "timm:test_vit",
        "nets/none.py:Net",
        "none.net:Net",
        "nets",
        "",
        ":",
        "a\0b:C",
        "x" * 9999,
    ],
)
def test_other_words_have_no_place(actions: Path, word: str) -> None:
    assert place_of(word) is None


def test_a_package_is_its_init_file(actions: Path) -> None:
    (actions / "nets" / "__init__.py").write_text("def net():\n    return 1\n", encoding="utf-8")
    assert place_of("nets:net") == Place(Path("nets/__init__.py"), 1)


@pytest.mark.parametrize(
    "source",
    [b"class Net(:\n", b"\0", b"\xff\xfe\x00class Net", b"#" * (LARGEST_SOURCE_BYTES + 1)],
    ids=["no Python", "null", "no UTF-8", "too large"],
)
def test_a_file_that_cannot_be_read_as_code_has_no_line(actions: Path, source: bytes) -> None:
    (actions / "odd.py").write_bytes(source)
    assert place_of("odd.py:Net") == Place(Path("odd.py"), None)


def test_files_are_named_from_the_root_of_the_repository(
    actions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(actions / "nets")
    assert Place(Path("net.py")).seen_from(actions) == "nets/net.py"
    assert Place(actions / "nets" / "net.py").seen_from(actions) == "nets/net.py"
    assert Place(Path("../../elsewhere.py")).seen_from(actions) is None
    assert Place(Path("net.py")).seen_from(None) == "net.py"
    assert Place(actions / "net.py").seen_from(None) is None
