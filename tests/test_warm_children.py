"""What exporters need is imported once for the children of a sweep, and not for a single model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# In a process of its own: what a fork server holds is settled when it starts.
SWEEP = """
import sys
from toolkit.options import CheckOptions
from toolkit.sweep import Sweep
from toolkit.words import ModelWords

if __name__ == "__main__":
    asked = [ModelWords(f"told.py:{name}", ("input=batch,4",)) for name in sys.argv[1:]]
    sweep = Sweep(exporting=True)
    for words in sweep.resolve(asked, everything=False):
        sweep.check(words, CheckOptions(("trace",)))
    assert [row.status for row in sweep.checked] == ["pass"] * len(asked), sweep.failures
    assert "torch" not in sys.modules
"""

# Each import of it, in whichever child, says what that child holds already.
TOLD = """
import sys
from pathlib import Path
from torch import nn

with Path("told.txt").open("a") as lines:
    lines.write(f"{'onnxscript' in sys.modules}\\n")

class First(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(4, 2))

class Second(First):
    pass
"""


@pytest.mark.parametrize(
    ("method", "models", "held"),
    [
        ("forkserver", ["First", "Second"], True),
        ("forkserver", ["First"], False),
        ("spawn", ["First", "Second"], False),
    ],
)
def test_the_children_of_several_models_hold_what_exporters_need(
    method: str, models: list[str], held: bool, tmp_path: Path
) -> None:
    (tmp_path / "told.py").write_text(TOLD)
    (tmp_path / "sweep.py").write_text(SWEEP)
    done = subprocess.run(
        [sys.executable, "sweep.py", *models],
        cwd=tmp_path,
        env={**os.environ, "TOOLKIT_CHILDREN": method, "TOOLKIT_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    checks = (tmp_path / "told.txt").read_text().split()[-len(models) :]
    assert checks == [str(held)] * len(models)
