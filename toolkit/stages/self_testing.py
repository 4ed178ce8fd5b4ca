"""The judge tried: defects planted in a right file, and whether a check finds them."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from toolkit import formats, results
from toolkit.bundle import require_trusted
from toolkit.errors import RunError
from toolkit.events import Observe, Progress, ignore
from toolkit.options import SelfTestOptions
from toolkit.parity.budget import Budget
from toolkit.parity.reference import Reference
from toolkit.parity.verdict import Candidate, Verdict, judge
from toolkit.planting import KINDS, Defect, Graph, plant
from toolkit.reasons import reason
from toolkit.runtimes.base import RunOptions
from toolkit.runtimes.devices import execution_providers
from toolkit.runtimes.external_data import require_sound_external_data
from toolkit.runtimes.onnxruntime import OnnxRunner, session_options
from toolkit.stages.checking import FormAtHand
from toolkit.stages.counting import INPUTS, LEAST_MOVEMENT, Counting, Movement
from toolkit.stages.holding import in_onnx
from toolkit.stages.rows import explained
from toolkit.stages.sources import exportable
from toolkit.stages.subject import Subject

LARGEST_MESSAGE_BYTES = 1_900_000_000
"""Beyond it weights lie beside the file: protobuf takes messages up to 2 GiB."""
DRAWS = 8
"""So often another place is chosen for a defect with which onnxruntime does not load the file."""

Judge = Callable[..., Verdict]


@dataclass(frozen=True)
class SelfTesting:
    """What defects are planted in, and what judges them; `folder` is for large files."""

    subject: Subject
    reference: Reference
    options: SelfTestOptions
    folder: Path
    at_hand: FormAtHand | None = None
    observe: Observe = ignore
    judge: Judge = judge


def self_test(testing: SelfTesting, name: str) -> results.SelfTest:
    """Try the judge on one form, `onnx` or `onnx-legacy`; a failure of any kind is a row too."""
    began = time.monotonic()
    try:
        row = _row(testing, name)
    except Exception as failure:  # a user's code and exporters may raise anything
        row = _unjudged(testing, name, explained(failure))
    return row.model_copy(update={"seconds": round(time.monotonic() - began, 3)})


def _row(testing: SelfTesting, name: str) -> results.SelfTest:
    spec = testing.subject.spec
    if name in spec.limits:
        return _unjudged(testing, name, spec.limits[name])
    graph = Graph.of(onnx.load(_file(testing, name)), spec.traced_sizes)
    right = _runner(testing, graph.model)
    verdict = _verdict(testing, right, graph.model, testing.observe)
    if verdict.status != "pass":
        names = ", ".join(one.name for one in verdict.findings if one.severity == "error")
        why = names or testing.reference.too_little()
        return _unjudged(testing, name, f"the right file itself does not pass: {why}")
    trial = _Trial(testing, graph, Counting(testing.reference, right))
    return _judged(testing, name, list(trial.planted()))


def _file(testing: SelfTesting, name: str) -> Path:
    """The right file: the one at hand, or a fresh export."""
    subject = testing.subject
    if testing.at_hand is not None:
        path = testing.at_hand.exported.path
        require_trusted(path, name, testing.options.check.trust)
        require_sound_external_data(path)
        return path
    testing.observe(Progress(subject.spec.name, "export", name, form=name))
    exporter = formats.get(name)
    path = testing.folder / exporter.filename
    exporter.export(exportable(subject, name), path, opset=testing.options.check.opset)
    return path


Planted = tuple[str, int, results.PlantedDefect | None]
"""A kind, the generator's seed, and the defect, None where there was no place for one."""


@dataclass(frozen=True)
class _Trial:
    """The right file, and what its faulty copies are held against."""

    testing: SelfTesting
    graph: Graph
    counting: Counting

    def planted(self) -> Iterator[Planted]:
        """One defect of every kind for every seed."""
        pairs = [(kind, seed) for kind in KINDS for seed in self.testing.options.seeds]
        for done, (kind, seed) in enumerate(pairs):
            told = Progress(self.testing.subject.spec.name, "self-test", kind, done, len(pairs))
            yield kind, seed, self._defect(kind, seed, told)

    def _defect(self, kind: str, seed: int, told: Progress) -> results.PlantedDefect | None:
        """One defect, counted and judged; None where no place gives a file that loads."""
        testing = self.testing
        generator = np.random.default_rng([seed, zlib.crc32(kind.encode())])
        for _ in range(DRAWS):
            testing.observe(told)
            defect = plant(self.graph, kind, generator)
            if defect is None:
                return None
            try:
                faulty = _runner(testing, defect.model)
            except RunError:
                continue
            movement = self.counting.movement(faulty, lambda: testing.observe(told))
            verdict = _verdict(testing, faulty, defect.model, lambda _: testing.observe(told))
            return _told(defect, seed, movement, verdict)
        return None


def _told(defect: Defect, seed: int, movement: Movement, verdict: Verdict) -> results.PlantedDefect:
    errors = [one.name for one in verdict.findings if one.severity == "error"]
    return results.PlantedDefect(
        kind=defect.kind,
        seed=seed,
        where=defect.where,
        counted=movement.counts,
        moved=movement.how,
        movement=movement.times,
        found=verdict.status == "fail",
        findings=list(dict.fromkeys(errors)),
        cases=verdict.cases,
    )


def _verdict(
    testing: SelfTesting, candidate: Candidate, model: onnx.ModelProto, observe: Observe
) -> Verdict:
    """By the values alone: what could be read off the file only says where to look."""
    options = testing.options.check
    return testing.judge(
        testing.reference,
        candidate,
        limits=options.limits,
        held=lambda: in_onnx(model),
        budget=Budget(options.budget_s),
        observe=observe,
        until_failed=True,
    )


def _runner(testing: SelfTesting, model: onnx.ModelProto) -> OnnxRunner:
    """The model as `check` runs a file; raises `RunError` where onnxruntime does not load it."""
    import onnxruntime

    subject, device = testing.subject, testing.options.check.device
    settings = session_options(RunOptions(device=device, libraries=subject.libraries_for("onnx")))
    try:
        session: Any = onnxruntime.InferenceSession(
            _loadable(testing, model), settings, providers=execution_providers(device)
        )
    except Exception as failure:
        raise RunError(reason(failure), model=subject.spec.name) from failure
    return OnnxRunner(session, subject.spec, device)


def _loadable(testing: SelfTesting, model: onnx.ModelProto) -> bytes | str:
    held_bytes = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    if held_bytes < LARGEST_MESSAGE_BYTES:
        message: bytes = model.SerializeToString()
        return message
    path = testing.folder / "planted.onnx"
    path.with_suffix(".data").unlink(missing_ok=True)  # what is there would be added to
    whole = onnx.ModelProto()
    whole.CopyFrom(model)  # saving takes the weights out of it
    onnx.save(whole, path, save_as_external_data=True, location=path.with_suffix(".data").name)
    return str(path)


def _judged(testing: SelfTesting, name: str, planted: list[Planted]) -> results.SelfTest:
    defects = [defect for _, _, defect in planted if defect is not None]
    absent: dict[str, list[int]] = {}
    for kind, seed, defect in planted:
        if defect is None:
            absent.setdefault(kind, []).append(seed)
    row = _plain(testing, name).model_copy(update={"defects": defects, "absent": absent})
    if row.missed:
        return row.model_copy(update={"status": "fail"})
    if row.counted:
        return row.model_copy(update={"status": "pass"})
    what = "counts: nothing is shown" if defects else "could be planted"
    return row.model_copy(update={"message": f"no defect {what}"})


def _unjudged(testing: SelfTesting, name: str, message: str) -> results.SelfTest:
    return _plain(testing, name).model_copy(update={"message": " ".join(message.split())})


def _plain(testing: SelfTesting, name: str) -> results.SelfTest:
    return results.SelfTest(
        model=testing.subject.shown,
        format=name,
        device=testing.options.check.device,
        status="error",
        noise_source=testing.reference.noise_source,
        least_movement=LEAST_MOVEMENT,
        inputs=INPUTS,
        seeds=list(testing.options.seeds),
        cases=len(testing.reference.cases),
        left_out=len(testing.reference.left_out),
        weights=testing.subject.built.weights.origin,
    )
