"""What was timed: the rows of latency tables, with every raw sample they are derived from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from toolkit.results.rows import Measured, Value
from toolkit.results.samples import Samples

TimingVerdict = Literal["faster", "slower", "same", "unstable", "noisy", "not timed"]
Preset = Literal["quick", "usual", "rigorous"]
Bound = Literal["compute", "memory", "overhead"]
Ended = Literal["timeout", "crash", "out-of-memory", "error"]
"""How a variant came to have no times: its process ended, or (`error`) a call raised."""


class Speedup(Value):
    """Baseline ÷ variant with its 95 % interval."""

    estimate: Measured
    low: Measured
    high: Measured


class Cold(Value):
    """One start in a fresh process: seconds from an interpreter that has imported nothing.

    `start_s` is the interpreter's own start, `import_s` what the runtime's libraries take, `load_s`
    the model's file or construction, `first_call_us` the first call, `first_result_s` all of it
    together. `peak_rss_bytes` is the resident memory of the process at its largest.
    """

    start_s: Measured = None
    import_s: Measured = None
    load_s: Measured = None
    first_call_us: Measured = None
    first_result_s: Measured = None
    peak_rss_bytes: int | None = None


class Work(Value):
    """What one call has to do: operations (a multiply-add is two) and bytes that must move.

    `flops` are counted from the exported graph; `torch_flops` by torch's own counter, None where
    it could not. `bytes` are those of weights, inputs and outputs, each moved once.
    """

    flops: int
    bytes: int
    torch_flops: int | None = None
    source: str = ""


class Clean(Value):
    """The figures of the rounds in which the machine was left alone, beside those of all.

    `flagged` where they differ by more than 2 %.
    """

    rounds: int
    p50_us: Measured = None
    speedup: Speedup | None = None
    flagged: bool = False


class RoundConditions(Value):
    """What the machine was doing in one round; nothing is ever dropped for it."""

    order: list[str]
    load: Measured
    steal_s: Measured
    involuntary_switches: int | None
    cpu_per_wall: Measured
    wall_s: Measured = None


class Variant(Value):
    """One row of a latency table; times are of single calls, over every timed call.

    `sizes` are those of dynamic dimensions other than the batch; None where nothing told them.
    `settings` are options of the variant's own, such as `channels_last`. `rank` is 1 for the
    fastest; those that cannot be told apart share one. `device_p50_us` is by the device's own
    events, `device_peak_bytes` its memory for weights, inputs and a call, both of torch's variants
    alone. `placed` is the share of the graph's nodes on the provider that was asked for. `alone`
    says that it was timed in a process of its own, and is compared by minima: `set_rounds` and
    `conditions` are of its own rounds then, else they are the comparison's.
    """

    model: str
    variant: str
    format: str | None
    runtime: str
    device: str
    dtype: str
    threads: int
    batch: int | None
    p50_us: Measured
    p50_low_us: Measured
    p50_high_us: Measured
    p90_us: Measured
    p99_us: Measured
    calls: int
    items_per_s: Measured
    speedup: Speedup | None
    verdict: TimingVerdict
    sizes: dict[str, int] | None = None
    p95_us: Measured = None
    roof_percent: Measured = None
    bound: Bound | None = None
    work: Work | None = None
    load_s: Measured = None
    import_s: Measured = None
    first_call_us: Measured = None
    first_result_s: Measured = None
    peak_rss_bytes: int | None = None
    cold: list[Cold] = Field(default_factory=list)
    size_bytes: int | None = None
    sha256: str | None = None
    """Of the file that was timed, as `toolkit.baselines.fingerprint` tells it."""
    parity_score: Measured = None
    minima_ratio: Measured = None
    clean: Clean | None = None
    rank: int | None = None
    settings: dict[str, str] = Field(default_factory=dict)
    alone: bool = False
    device_p50_us: Measured = None
    device_peak_bytes: int | None = None
    placed: Measured = None
    note: str | None = None
    ended: Ended | None = None
    """How it came to have no times where parity had nothing against it: it could not be judged."""
    weights: str | None = None
    warm_up_calls: int | None = None
    samples_ns: list[Samples] = Field(default_factory=list)
    """One array of call durations a round, the rounds of one set after those of the other."""
    set_rounds: list[int] = Field(default_factory=list)
    conditions: list[RoundConditions] = Field(default_factory=list)


class Ceiling(Value):
    """What the machine was seen to reach, in the same rounds: operations and copied bytes.

    `cache_bytes_per_s` holds for work of up to `cache_bytes`, what the second-level caches of the
    threads hold. `dtype` is that of the matrix product.
    """

    device: str
    flops_per_s: Measured
    bytes_per_s: Measured
    cache_bytes_per_s: Measured = None
    cache_bytes: int | None = None
    threads: int | None = None
    dtype: str | None = None


class Comparison(Value):
    """One interleaved comparison of any number of variants.

    `aa_band` is a fraction: 0.012 where identical code was seen to differ by 1.2 %. `baseline` is
    the `variant` that the speed-ups refer to, after its model and a space where several have one.
    `set_rounds` are the rounds of each set, in the order of the samples. `family` is the number of
    claims that the intervals were widened for. `settings` hold for all variants, as TF32 does.
    """

    baseline: str
    aa_band: Measured
    rounds: int
    sets: int
    variants: list[Variant]
    seed: int = 0
    aa: Speedup | None = None
    within_one_process: bool = True
    preset: Preset | None = None
    set_rounds: list[int] = Field(default_factory=list)
    stopped: str | None = None
    family: int = 1
    ceilings: list[Ceiling] = Field(default_factory=list)
    settings: dict[str, str] = Field(default_factory=dict)
    remeasured: list[Variant] = Field(default_factory=list)
    """A baseline's artefacts, timed again in the same rounds; no rows of the table."""
    load_start: Measured = None
    load_end: Measured = None
    harness_ns: Measured = None
    conditions: list[RoundConditions] = Field(default_factory=list)
    aa_samples_ns: list[Samples] = Field(default_factory=list)
    extras_ns: dict[str, list[Samples]] = Field(default_factory=dict)
    """What took turns with the variants without being one, as the machine's ceilings."""

    @property
    def baseline_row(self) -> Variant | None:
        """The row that the speed-ups refer to: the first that goes by the baseline's name."""
        names = ((row, (row.variant, f"{row.model} {row.variant}")) for row in self.variants)
        return next((row for row, own in names if self.baseline in own), None)
