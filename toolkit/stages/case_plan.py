"""The case plan of a model: what is drawn, samples of its own data, and the user's arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from toolkit import registry, weights
from toolkit.bundle import Bundle
from toolkit.inputs import Array
from toolkit.parity.plan import Case, plan
from toolkit.spec import BATCH, ModelSpec
from toolkit.training.held_out import held_out_batches
from toolkit.words import ModelWords


def cases_of(
    words: ModelWords,
    spec: ModelSpec,
    given: Sequence[Mapping[str, Array]] = (),
    bundle: Bundle | None = None,
) -> tuple[Case, ...]:
    """All cases of a check; `given` are the user's own arrays, `bundle` the one that words mean."""
    return plan(spec, seed=words.seed, given=given, held_out=_held_out(words, spec, bundle))


def _held_out(
    words: ModelWords, spec: ModelSpec, bundle: Bundle | None
) -> list[Mapping[str, Array]]:
    """A batch of every tested size; none for a model that is not trained on embedded data."""
    source = spec if bundle is None else registry.catalogue().get(bundle.manifest.word, spec)
    trained = weights.plan_of(source, words.training)
    if trained is None or BATCH not in spec.traced_sizes:
        return []
    noted = words.training.data if bundle is None else bundle.manifest.weights.data
    followed = replace(trained, data=noted or trained.data)
    return held_out_batches(spec, followed, spec.dimension(BATCH).tested, words.seed)
