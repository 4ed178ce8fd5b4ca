"""Ctrl-C during `toolkit train`: the best weights so far are kept, told and usable."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from torch import nn

from tests.cli.conftest import COMMAND
from toolkit.checkpoints import load_state
from toolkit.hashing import state_dict_sha256

NETWORK = """
from torch import nn
from toolkit.spec import ModelSpec, Port, TrainingPlan

SPEC = ModelSpec(
    "patient",
    lambda: nn.Linear(784, 10),
    (Port("input", ("batch", 784)),),
    training=TrainingPlan("digits", "cross_entropy", "accuracy", 0.5, epochs=4000),
)
"""


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_ctrl_c_in_a_terminal_keeps_the_best_weights_so_far_and_says_where(
    tmp_path: Path, method: str
) -> None:
    (tmp_path / "network.py").write_text(NETWORK)
    home = tmp_path / "home"
    variables = {"TOOLKIT_CHILDREN": method, "TOOLKIT_HOME": str(home), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*COMMAND, "train", "network.py:SPEC", "--json"],
        cwd=tmp_path,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        told.append(line)
        if "accuracy" in line:  # an epoch has ended: there are best weights
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to parent and child
            break
    out, rest = process.communicate(timeout=120)
    assert process.returncode == 130, [*told, rest]
    document = json.loads(out)
    (row,) = document["models"]
    assert (row["interrupted"], document["exit_code"]) == (True, 130)
    assert row["metric"]["value"] > 0.5
    assert 1 <= row["epochs"] < 4000
    (kept,) = home.rglob("*.safetensors")
    assert row["file"] == str(kept)
    assert str(kept) in rest
    assert "best epoch by the held-out metric" in rest
    assert "Traceback" not in "".join(told) + rest
    network = nn.Linear(784, 10)
    load_state(network, kept)
    assert state_dict_sha256(network.state_dict()) == row["weights"]["sha256"]
