"""`predict`, and what `show --pictures` does: what models are for, run in a child process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.cli.work import Common
from toolkit.errors import UsageError
from toolkit.options import PredictOptions
from toolkit.words import ModelWords, parse_formats

if TYPE_CHECKING:
    from toolkit.sweep import Sweep


def predict(
    bundle: str,
    images: Sequence[Path],
    common: Common,
    *,
    formats: str | None,
    top: int,
    device: str,
    trust: bool,
    libraries: Sequence[str] = (),
) -> int:
    """Classify image files through a form of a bundle; one that cannot be read is a row."""
    options = PredictOptions(_one_format(formats), top, device, trust, tuple(libraries))

    def work(sweep: Sweep) -> None:
        sweep.predict(bundle, images, options)

    return common.session("predict", _predictions).run(work)


def _one_format(formats: str | None) -> str | None:
    if formats is None:
        return None
    names = parse_formats([formats])
    if len(names) != 1:
        raise UsageError(f"-f {formats}: images go through one form", hint="as in -f script")
    return names[0]


def _predictions(sweep: Sweep) -> dict[str, object]:
    return {"rows": [row.model_dump() for row in sweep.predicted] or None}


def draw(name: str, folder: Path, common: Common, *, weights: str, seed: int) -> int:
    """Write the pictures of a generative model into a folder, and say which."""
    words = ModelWords(name, weights=weights, seed=seed)

    def work(sweep: Sweep) -> None:
        sweep.draw(words, folder)

    return common.session("show", _pictures).run(work)


def _pictures(sweep: Sweep) -> dict[str, object]:
    return {"rows": [row.model_dump() for row in sweep.pictures] or None}
