"""What the documents say is there: links, files, folders, commands, options and make targets."""

from __future__ import annotations

import functools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_import_order import ROWS

CHECKOUT = Path(__file__).resolve().parents[1]
DOCUMENTS = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "exported/README.md",
)

FENCED = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
PATH_LIKE = re.compile(r"^(?:(?:toolkit|models|tests|bench|exported|\.ci)/[\w./-]*|[\w/]+\.py)$")
COMMAND = re.compile(r"^(?:\$ )?(toolkit|make) +(.+)$", re.MULTILINE)
MAIN = "import sys; from toolkit.cli import main; sys.exit(main())"


def text_of(document: str) -> str:
    return (CHECKOUT / document).read_text(encoding="utf-8")


def prose_of(document: str) -> str:
    """The document without its code blocks."""
    return FENCED.sub("", text_of(document))


def shown(document: str, program: str) -> list[list[str]]:
    """The words after `program` in every command of the document's shell blocks."""
    blocks = "\n".join(SHELL.findall(text_of(document))).replace("\\\n", " ")
    found = [rest for name, rest in COMMAND.findall(blocks) if name == program]
    return [shlex.split(rest, comments=True) for rest in found]


def anchors_of(document: Path) -> set[str]:
    """The names that a link can give to a document's headings, as GitHub makes them."""
    headings = HEADING.findall(FENCED.sub("", document.read_text(encoding="utf-8")))
    bare = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in bare}


@functools.cache
def help_of(command: str) -> str:
    """What `toolkit COMMAND --help` prints; empty when there is no such command."""
    child = subprocess.run(
        [sys.executable, "-c", MAIN, command, "--help"],
        env=os.environ | {"COLUMNS": "200", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return child.stdout if child.returncode == 0 else ""


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_relative_link_leads_somewhere(document: str) -> None:
    folder = (CHECKOUT / document).parent
    for link in LINK.findall(prose_of(document)):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = folder / place if place else CHECKOUT / document
        assert target.exists(), f"{document} links to {link}"
        assert not anchor or anchor in anchors_of(target), f"{document} links to {link}"


def test_the_readme_shows_the_two_commands() -> None:
    assert ["run"] in shown("README.md", "make")
    assert ["run", "lenet5"] in shown("README.md", "toolkit")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_that_is_shown_exists_with_its_options(document: str) -> None:
    for words in shown(document, "toolkit"):
        command = words[0]
        if command.startswith("-"):
            continue
        assert help_of(command), f"{document} shows `toolkit {command}`, which is no command"
        for word in words[1:]:
            option = word.partition("=")[0]
            if option.startswith("--"):
                known = re.search(rf"{re.escape(option)}\b", help_of(command))
                assert known, (
                    f"{document} shows `toolkit {command} {option}`, which it does not take"
                )


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_that_is_shown_exists(document: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    shown_targets = {word for words in shown(document, "make") for word in words if "=" not in word}
    assert shown_targets <= targets


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_every_file_and_folder_that_is_named_exists(document: str) -> None:
    named = [name for name in CODE.findall(prose_of(document)) if PATH_LIKE.match(name)]
    places = ((name, CHECKOUT / name, CHECKOUT / "toolkit" / name) for name in named)
    assert [name for name, *tried in places if not any(path.exists() for path in tried)] == []


def test_the_table_of_rooms_is_the_one_that_is_enforced() -> None:
    rows = re.findall(r"^\| (\d+) \| ([^|]*) \|", text_of("ARCHITECTURE.md"), re.MULTILINE)
    table = [{Path(name).stem for name in CODE.findall(cell)} for _, cell in rows]
    assert [int(number) for number, _ in rows] == list(range(len(ROWS)))
    assert table == [set(row) for row in ROWS]
