"""Words for variants: `NAME[+channels_last][+threads=N]`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from toolkit.errors import UsageError
from toolkit.runtimes.base import RunOptions
from toolkit.variants import table
from toolkit.variants.base import Variant

EAGER = "eager"
CHANNELS_LAST = "channels_last"
THREADS = "threads"
FORM = "NAME, NAME+channels_last, NAME+threads=N, or both"
_THREADS = re.compile(r"threads=(\d{1,4})")


@dataclass(frozen=True)
class Chosen:
    """A variant with its options; `word` says the same, in the one order that we write.

    `threads` None are those of everything else in the table.
    """

    word: str
    variant: Variant
    channels_last: bool = False
    threads: int | None = None

    def options(self, device: str, threads: int) -> RunOptions:
        """How it is run where a table's device and threads are these."""
        return RunOptions(device, self.threads or threads, channels_last=self.channels_last)

    def alone(self, threads: int) -> bool:
        """Whether it needs a process of its own beside variants with that many threads.

        torch has one number of threads for everything in a process.
        """
        other = self.threads not in (None, threads)
        return self.variant.alone or (other and not self.variant.own_threads)

    @property
    def plain(self) -> bool:
        """Whether it is eager, or a form as it was checked: nothing more is to be judged."""
        of_form = self.variant.name in (EAGER, self.variant.format)
        return of_form and not self.channels_last

    @property
    def settings(self) -> dict[str, str]:
        """Its options but for the threads, as a row of results has them."""
        return {CHANNELS_LAST: "on"} if self.channels_last else {}


def parse(word: str) -> Chosen:
    """The variant that a word chooses; raises `UsageError` with the nearest known names."""
    name, *options = word.strip().split("+")
    variant = table.get(name)
    layout, threads = False, None
    for option in options:
        match = _THREADS.fullmatch(option)
        if options.count(option) > 1 or (match and threads is not None):
            raise _refused(word, f"+{option.partition('=')[0]} stands there twice")
        if option == CHANNELS_LAST:
            layout = True
        elif match and int(match[1]) > 0:
            threads = int(match[1])
        else:
            raise _refused(word, f"there is no option +{option}")
    if layout and variant.one_layout is not None:
        raise UsageError(f"{name} does not take +{CHANNELS_LAST}: {variant.one_layout}")
    return Chosen("+".join(_written(name, layout, threads)), variant, layout, threads)


def _refused(word: str, objection: str) -> UsageError:
    return UsageError(f"{word}: {objection}", hint=f"a variant is {FORM}, N from 1 to 9999")


def _written(name: str, layout: bool, threads: int | None) -> Iterator[str]:
    yield name
    if layout:
        yield CHANNELS_LAST
    if threads is not None:
        yield f"{THREADS}={threads}"
