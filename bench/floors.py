"""Whether brief training reaches its floors, whatever the seed.

    python bench/floors.py [--seeds 0,1,2] [NAME…]

Trains every entry of the catalogue that promises a floor on held-out data, or those named, once a
seed, afresh; prints a Markdown table. Exits 1 when a floor is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from toolkit import registry, training
from toolkit.spec import ModelSpec, TrainingPlan
from toolkit.weights import construct

NOTES = {
    "reconstruction_loss_ratio": "held-out reconstruction loss by the first epoch's, both counted "
    "above the images' own entropy, the least that grey pixels allow.",
}
"""What a metric is, where its name does not say it: told under the table."""


def promising(names: Sequence[str]) -> Iterator[tuple[ModelSpec, TrainingPlan]]:
    """The entries whose plan has a floor, with the plan."""
    for name, spec in registry.catalogue().items():
        plan = spec.training
        if plan is not None and plan.floor is not None and (name in names or not names):
            yield spec, plan


def floor(plan: TrainingPlan) -> str:
    """`≥ 98 %`, or `≤ 0.5` for a metric in which less is better."""
    assert plan.floor is not None
    return f"{'≤' if plan.less_is_better else '≥'} {shown(plan.floor, plan)}"


def shown(value: float, plan: TrainingPlan) -> str:
    """A share in per cent, another metric as it is."""
    return f"{value:.3f}" if plan.less_is_better else f"{100 * value:.1f} %"


def row(spec: ModelSpec, plan: TrainingPlan, seeds: Sequence[int]) -> tuple[str, bool]:
    """The entry's row, and whether every seed reached the floor."""
    outcomes = [training.train(construct(spec, seed), spec, seed=seed) for seed in seeds]
    values = [outcome.metric_value for outcome in outcomes]
    cells = [
        f"`{spec.name}`",
        f"`{plan.data}`",
        plan.metric.replace("_", " "),
        floor(plan),
        *(shown(value, plan) for value in values),
        f"{max(outcome.seconds for outcome in outcomes):.1f} s",
    ]
    met = all(plan.met_by(value) for value in values)
    return f"| {' | '.join(cells)} |{'' if met else ' missed'}", met


def main() -> None:
    parser = argparse.ArgumentParser(description="training floors, by seed")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    unknown = set(options.names) - set(registry.catalogue())
    if unknown:
        parser.error(f"the catalogue has no {', '.join(sorted(unknown))}")
    seeds = [int(word) for word in options.seeds.split(",")]
    heads = ["entry", "data", "metric", "floor", *(f"seed {seed}" for seed in seeds), "slowest"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    missed = 0
    metrics: set[str] = set()
    for spec, plan in promising(options.names):
        text, met = row(spec, plan, seeds)
        print(text, flush=True)
        missed += not met
        metrics.add(plan.metric)
    for metric in sorted(metrics & set(NOTES)):
        print(f"\n{metric.replace('_', ' ')}: {NOTES[metric]}")
    sys.exit(int(missed > 0))


if __name__ == "__main__":
    main()
