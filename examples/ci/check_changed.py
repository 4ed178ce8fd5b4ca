"""Check the models of [tool.toolkit] whose files are named; all of them where another file is."""

import subprocess
import sys
import tomllib
from pathlib import Path


def file_of(word: str) -> Path:
    """The file of `file.py:name` or `package.module:name`."""
    place = word.rpartition(":")[0]
    return Path(place if place.endswith(".py") else f"{place.replace('.', '/')}.py")


def main(changed: list[str]) -> int:
    settings = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    models = settings["tool"]["toolkit"]["models"]
    files = {name: file_of(entry.get("model", name)) for name, entry in models.items()}
    named = {Path(name) for name in changed}
    chosen = [name for name, file in files.items() if file in named]
    shared = named - set(files.values())  # a helper: any model may use it
    return subprocess.call(["toolkit", "check", "--budget", "10", *([] if shared else chosen)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
