"""Facts about the machine, and what the doctor says of them."""

from __future__ import annotations

import getpass
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from toolkit.timing import doctor, machine
from toolkit.variants import needs


def test_facts_are_read_without_importing_torch_or_onnxruntime() -> None:
    code = (
        "import sys; from toolkit.timing import machine, doctor; machine.facts();"
        "print([m for m in ('torch', 'onnxruntime', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_facts_name_the_processor_and_the_cores_and_no_host_or_user() -> None:
    facts = machine.facts()
    assert facts.cpu
    assert 1 <= facts.cores_usable <= facts.cores
    assert facts.memory_bytes > 0
    words = json.dumps(asdict(facts)).split()
    assert platform.node() not in words
    assert getpass.getuser() not in words


def test_what_is_not_installed_has_no_version() -> None:
    assert machine.version("surely-not-installed-anywhere") is None
    assert machine.version("numpy") is not None


@pytest.mark.parametrize(
    ("limits", "quota"), [("150000 100000\n", 1.5), ("max 100000\n", None), ("", None)]
)
def test_a_container_limit_is_read_in_cores(
    tmp_path: Path, limits: str, quota: float | None
) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(limits)
    assert machine.cpu_quota(file) == quota
    assert machine.cpu_quota(tmp_path / "absent") is None


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the platform pins no process")
def test_usable_cores_follow_the_affinity_of_the_process() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert machine.cores_usable() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_the_doctor_lists_devices_and_execution_providers_in_rows_of_one_shape() -> None:
    rows = doctor.rows()
    assert {tuple(row) for row in rows} == {("item", "status", "detail", "hint")}
    assert {row["status"] for row in rows} <= {"ok", "missing", "note"}
    told = {row["detail"] for row in rows if row["item"] == "execution provider"}
    assert "CPUExecutionProvider" in told
    assert "cpu" in {row["detail"] for row in rows if row["item"] == "device"}


def test_the_doctor_says_how_to_get_a_runtime_of_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "EXTRAS", ("surely-not-installed-anywhere",))
    extra = next(row for row in doctor.rows() if row["item"] == "surely-not-installed-anywhere")
    assert extra["status"] == "note"
    assert extra["hint"] == "pip install 'torch-export-toolkit[surely-not-installed-anywhere]'"


@pytest.mark.parametrize(("compiler", "status"), [("python3", "ok"), ("surely-not-here", "note")])
def test_the_doctor_and_the_variants_look_for_the_same_compiler(
    compiler: str, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / ("python3.exe" if os.name == "nt" else "python3")
    program.touch(mode=0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CXX", f"{compiler} -O2")
    (row,) = (row for row in doctor.rows() if row["item"] == "c++ compiler")
    assert row["status"] == status
    assert compiler in row["detail"]
    assert (needs.cpp_compiler() is None) == (status == "ok")


def test_the_doctor_says_how_to_get_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "REQUIRED", ("surely-not-installed-anywhere",))
    missing = [row for row in doctor.rows() if row["status"] == "missing"]
    assert [row["hint"] for row in missing] == ["pip install surely-not-installed-anywhere"]
