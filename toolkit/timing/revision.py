"""Which commit was timed: read from git, where there is one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

LONGEST_S = 5.0
"""A table can do without its commit; nobody waits longer for it."""

CHANGED = "+"

_READ_ONLY = ("-c", "core.fsmonitor=false")
"""A checkout's settings may name a program that `git status` would start."""


def commit(folder: Path) -> str | None:
    """The commit of the checkout around a folder, `+` at its end where tracked files differ.

    None without a checkout, without a commit and without git.
    """
    found = _git(folder, "rev-parse", "--verify", "HEAD")
    if not found:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{found}{CHANGED}" if changed else found


def own_commit() -> str | None:
    """The commit of the toolkit itself, where it runs from its own checkout."""
    package = Path(__file__).resolve().parents[1]
    top = _git(package, "rev-parse", "--show-toplevel")
    # Installed into an environment that lies within somebody's checkout, it is not theirs.
    is_ours = top is not None and Path(top).resolve() == package.parent
    return commit(package) if is_ours else None


def _git(folder: Path, *words: str) -> str | None:
    try:
        ended = subprocess.run(
            ["git", "-C", str(folder), *_READ_ONLY, *words],
            capture_output=True,
            text=True,
            check=True,
            timeout=LONGEST_S,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return ended.stdout.strip()
