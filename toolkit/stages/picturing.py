"""Pictures of what generative models do: reconstructions, interpolations, samples, as PNG."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn

from toolkit import data, registry, results
from toolkit.errors import RefusedError, ToolkitError, UsageError
from toolkit.events import Observe, Progress
from toolkit.folders import slug
from toolkit.images import tiled, unnormalised, write_png
from toolkit.spec import ModelSpec, TrainingPlan
from toolkit.stages.subject import Subject, prepare
from toolkit.words import ModelWords, display_name, told_origin

STEPS = 10
GRID_SIDE = 20
SAMPLES_A_CLASS = 10
ENLARGED = 3
_TAIL = 0.025
"""The share of the codes that the latent grid leaves out at either end."""


@dataclass(frozen=True)
class Sketch:
    """A picture before it is a file: images (N, C, H, W) in [0, 1], in rows of `columns`."""

    name: str
    shows: str
    images: Tensor
    columns: int


def draw(words: ModelWords, folder: Path, observe: Observe) -> Iterator[results.Picture]:
    """Write the entry's pictures into `folder`, trained first where it is not yet.

    Raises `UsageError` for an entry that has none, `RefusedError` where they cannot be written.
    """
    sketch = _sketching(registry.find(words))
    try:
        folder.mkdir(parents=True, exist_ok=True)  # before the training, not after it
        subject = prepare(words, observe)
        with torch.inference_mode():
            for picture in sketch(subject):
                observe(Progress(subject.shown, "draw", picture.name))
                yield _written(subject, picture, folder)
    except OSError as error:
        raise RefusedError(
            f"cannot write into {folder}: {error.strerror}",
            model=display_name(words.word),
            hint="--pictures names the folder for the pictures",
        ) from error


def _written(subject: Subject, picture: Sketch, folder: Path) -> results.Picture:
    record = subject.built.weights
    pixels = tiled(picture.images, picture.columns, enlarged=ENLARGED)
    path = folder / f"{slug(subject.spec.name)}-{picture.name}.png"
    write_png(pixels, path)
    return results.Picture(
        model=subject.shown,
        file=str(path),
        shows=picture.shows,
        width=pixels.shape[2],
        height=pixels.shape[1],
        weights=told_origin(record.origin, record.seed),
    )


def _sketching(spec: ModelSpec) -> Callable[[Subject], Iterator[Sketch]]:
    found = _SKETCHES.get(spec.training.objective) if spec.training else None
    if found is None:
        able = [name for name, entry in registry.catalogue().items() if has_pictures(entry)]
        raise UsageError(
            "there are no pictures of it",
            model=spec.name,
            hint=f"there are of: {', '.join(able)}",
        )
    return found


def has_pictures(spec: ModelSpec) -> bool:
    """Whether `draw` has something to show of an entry: its training says what it generates."""
    return spec.training is not None and spec.training.objective in _SKETCHES


def _autoencoder(subject: Subject) -> Iterator[Sketch]:
    module, plan = subject.built.module, _plan(subject)
    held_out = _held_out(subject.spec, plan)
    some = _one_of_each_class(held_out)
    yield Sketch(
        "reconstruction",
        f"{len(some)} held-out images of {plan.data} over their reconstructions",
        reconstructions(module, some),
        len(some),
    )
    pairs = list(zip(some[0::2], some[1::2], strict=False))
    rows = [interpolation(module, first, second) for first, second in pairs]
    yield Sketch(
        "interpolation",
        f"from one held-out image to another in {STEPS} steps of the latent code, a pair a row",
        torch.cat(rows),
        STEPS,
    )
    low, high = code_range(module, _all(held_out))
    ranges = ", ".join(f"{a:.2g} … {b:.2g}" for a, b in zip(low, high, strict=True))
    yield Sketch(
        "latent-grid",
        f"{GRID_SIDE} x {GRID_SIDE} codes of the latent plane, decoded: {ranges}",
        latent_grid(module, low, high),
        GRID_SIDE,
    )


def _generator(subject: Subject) -> Iterator[Sketch]:
    noise, labels = subject.spec.inputs
    images = samples(
        subject.built.module,
        classes=int(labels.high or 0) + 1,
        noise_size=int(noise.shape[-1]),
        seed=subject.words.seed,
    )
    yield Sketch(
        "samples",
        f"{SAMPLES_A_CLASS} generated images a row, one row a class; one noise a column",
        _unit(images, _plan(subject)).unsqueeze(1),
        SAMPLES_A_CLASS,
    )


_SKETCHES: Mapping[str, Callable[[Subject], Iterator[Sketch]]] = MappingProxyType(
    {"vae": _autoencoder, "cgan": _generator}
)
"""What is drawn, by the objective that the model is trained for."""


def reconstructions(vae: nn.Module, images: Tensor) -> Tensor:
    """The images (N, C, H, W), then what the autoencoder makes of each: (2N, C, H, W)."""
    return torch.cat([images, _decoded(vae, _encoded(vae, images))])


def interpolation(vae: nn.Module, first: Tensor, second: Tensor, steps: int = STEPS) -> Tensor:
    """From one image (C, H, W) to another: the codes (1 - λ) a + λ b, λ from 0 to 1, decoded."""
    start, end = _encoded(vae, torch.stack([first, second]))
    shares = torch.linspace(0, 1, steps).unsqueeze(1)
    return _decoded(vae, (1 - shares) * start + shares * end)


def latent_grid(vae: nn.Module, low: Tensor, high: Tensor, side: int = GRID_SIDE) -> Tensor:
    """The plane of a code of two between two corners, decoded: (side², C, H, W).

    The first coordinate grows to the right, the second upwards.
    """
    across, up = (torch.linspace(*ends, side) for ends in zip(low, high, strict=True))
    upwards, rightwards = torch.meshgrid(up.flip(0), across, indexing="ij")
    return _decoded(vae, torch.stack([rightwards, upwards], dim=-1).reshape(-1, 2))


def code_range(vae: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Between which values of each coordinate the codes of all but few of the images lie."""
    low, high = _encoded(vae, images).quantile(torch.tensor([_TAIL, 1 - _TAIL]), dim=0)
    return low, high


def samples(
    generator: nn.Module,
    *,
    classes: int,
    noise_size: int,
    columns: int = SAMPLES_A_CLASS,
    seed: int = 0,
) -> Tensor:
    """Generated images (classes · columns, H, W): a row a class, the same noise in a column."""
    source = torch.Generator().manual_seed(seed)
    noise = torch.randn(columns, noise_size, generator=source).repeat(classes, 1)
    images: Tensor = generator(noise, torch.arange(classes).repeat_interleave(columns))
    return images


def _encoded(vae: nn.Module, images: Tensor) -> Tensor:
    """The mean of each image's code."""
    mean: Tensor = vae.get_submodule("encoder")(images)[0]
    return mean


def _decoded(vae: nn.Module, codes: Tensor) -> Tensor:
    images: Tensor = vae.get_submodule("decoder")(codes)
    return images


def _plan(subject: Subject) -> TrainingPlan:
    plan = subject.spec.training
    if plan is None:
        raise ToolkitError("it has no training plan", model=subject.shown)
    return plan


def _held_out(spec: ModelSpec, plan: TrainingPlan) -> data.Samples:
    wanted = data.Wanted(spec.inputs[0].shape[1:], plan.pixel_range, plan.mean, plan.std)
    return data.load(plan.data, wanted).held_out


def _all(samples: data.Samples) -> Tensor:
    return samples.take(torch.arange(len(samples.targets)))[0]


def _one_of_each_class(samples: data.Samples) -> Tensor:
    """The first image of every class, in their order."""
    targets = samples.targets
    rows = [int((targets == each).nonzero()[0]) for each in sorted(set(targets.tolist()))]
    return samples.take(torch.tensor(rows))[0]


def _unit(pixels: Tensor, plan: TrainingPlan) -> Tensor:
    """Pixels as the plan has them, in [0, 1]."""
    if plan.mean:
        return unnormalised(pixels, plan.mean, plan.std)
    low, high = plan.pixel_range
    return (pixels - low) / (high - low)
