"""How long `toolkit --help` takes against importing what it is made of.

    python bench/help_startup.py [--runs 10] [COMMAND…]

Both commands take turns and the fastest run of each counts. COMMAND is what is measured: the
console script beside this Python, or `python -m toolkit`, with `--help`, unless it is given.
Exits 1 when the ratio is over 2.5.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

BOUND = 2.5
IMPORTS = [sys.executable, "-c", "import typer, rich"]


def help_command() -> list[str]:
    """The installed command's help, or the module's where there is no console script."""
    script = Path(sys.executable).with_name("toolkit")
    words = [str(script)] if script.exists() else [sys.executable, "-m", "toolkit"]
    return [*words, "--help"]


def seconds(command: list[str]) -> float:
    """Wall time of one run; raises when it fails."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="the start-up time of the help")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("command", nargs=argparse.REMAINDER, help="default: toolkit --help")
    options = parser.parse_args()
    command = options.command or help_command()
    for each in (command, IMPORTS):  # files into the cache, .pyc files written
        seconds(each)
    pairs = [(seconds(command), seconds(IMPORTS)) for _ in range(options.runs)]
    help_s, imports_s = (min(times) for times in zip(*pairs, strict=True))
    ratio = help_s / imports_s
    name = " ".join([Path(command[0]).name, *command[1:]])
    print(f"{name[:19]:19}  {1000 * help_s:7.0f} ms")
    print(f"import typer, rich   {1000 * imports_s:7.0f} ms")
    print(f"ratio                {ratio:7.2f}    bound {BOUND}")
    sys.exit(int(ratio > BOUND))


if __name__ == "__main__":
    main()
