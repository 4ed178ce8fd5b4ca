"""The file of `--junit` after a command that could not begin: never an earlier run's."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.conftest import Command

EARLIER = '<?xml version="1.0"?><testsuites><testsuite name="green" tests="1"/></testsuites>'


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "lenet5", "--budgt", "3"), "No such option"),
        (("check", "lenet5", "-f", "onx"), "unknown format onx"),
        (("check", "lenet5", "--budget", "soon"), "valid number"),
        (("chek", "lenet5"), "No such command"),
        (("check",), "which model?"),
    ],
)
@pytest.mark.parametrize("place", [("--junit", "parity.xml"), ("--junit=parity.xml",)])
def test_a_usage_error_takes_the_place_of_an_earlier_file(
    toolkit_command: Command, words: tuple[str, ...], said: str, place: tuple[str, ...]
) -> None:
    file = Path("parity.xml")
    file.write_text(EARLIER, encoding="ascii")
    assert toolkit_command(*words, *place).code == 2
    (error,) = ET.parse(file).getroot().iter("error")
    assert said in f"{error.get('message')}{error.text}"


def test_a_usage_error_overwrites_no_file_of_another_kind(toolkit_command: Command) -> None:
    before = Path("networks.py").read_bytes()
    assert toolkit_command("check", "lenet5", "--budgt", "3", "--junit", "networks.py").code == 2
    assert Path("networks.py").read_bytes() == before


def test_an_option_behind_junit_is_no_file(toolkit_command: Command) -> None:
    assert toolkit_command("check", "lenet5", "--budgt", "3", "--junit", "--json").code == 2
    assert not Path("--json").exists()
