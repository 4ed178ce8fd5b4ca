"""`python -m toolkit` is the command `toolkit`."""

import sys
from pathlib import Path


def _forget_working_folder() -> None:
    """Python puts the working folder first on the path; what lies there may be called `rich.py`.

    Where the toolkit itself is run from there it stays, but last.
    """
    if sys.flags.safe_path or not sys.path:
        return
    first = sys.path.pop(0)
    if Path(__file__).resolve().parents[1] == Path(first).resolve():
        sys.path.append(first)


if __name__ == "__main__":
    _forget_working_folder()
    from toolkit.cli import main

    main()
