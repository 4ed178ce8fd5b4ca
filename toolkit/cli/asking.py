"""What a command's options ask for: models, and how the work on each is to be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from toolkit.cli.model_options import ENTRIES, ModelOptions, told
from toolkit.words import ModelWords, display_name, plain_word

if TYPE_CHECKING:
    from toolkit.cli.work import Common

Options = TypeVar("Options")


@dataclass(frozen=True)
class Ask(Generic[Options]):
    """Models that are all to be done in one way; `perform` does what several of these ask for.

    `forms` are what is made of each model, and `device` must be there before any work.
    """

    chosen: ModelOptions
    common: Common
    options: Options
    perform: Callable[[Asks[Options]], int]
    forms: tuple[str, ...] = ()
    device: str = "cpu"
    resume: bool = False


@dataclass(frozen=True)
class Asks(Generic[Options]):
    """What was typed, and what each entry of the settings asks for, by name."""

    typed: Ask[Options]
    entries: Mapping[str, Ask[Options]] = field(default_factory=dict)
    altered: bool = False
    """Whether more was typed about the models of the entries than their names."""
    named: tuple[str, ...] = ()
    """The models and entries as they were typed; none where all entries are meant."""

    @property
    def everything(self) -> bool:
        """Whether every model of the catalogue is meant."""
        return self.typed.chosen.everything

    @property
    def device(self) -> str:
        """A device that must be there before any work: a GPU, where one is asked for."""
        asked = [ask.device for ask in (self.typed, *self.entries.values())]
        return next((device for device in asked if device != "cpu"), "cpu")

    def words(self) -> list[ModelWords]:
        """The model words, their grammar checked; raises `UsageError`."""
        typed = self.typed.chosen
        found = typed.words() if typed.names_any or not self.entries else []
        for name, ask in self.entries.items():
            found += [
                replace(words, entry=name, altered=self.altered) for words in ask.chosen.words()
            ]
        return found

    def in_order(self) -> list[ModelWords]:
        """The model words in the order that they were named in: the first may be a baseline."""
        places = {plain_word(word): place for place, word in enumerate(self.named)}
        return sorted(self.words(), key=lambda one: places.get(one.entry or one.word, 0))

    def options_of(self, words: ModelWords) -> Options:
        """How the work on this model is to be done."""
        ask = self.typed if words.entry is None else self.entries[words.entry]
        return ask.options

    def asked(self, key: str) -> dict[str, Any]:
        """All that was said, for a sweep that goes on later under the same options."""
        typed = _asked(key, self.typed) if self.typed.chosen.names_any else {}
        entries = {name: _of_entry(key, ask) for name, ask in self.entries.items()}
        return {**typed, ENTRIES: entries} if entries else typed


def _of_entry(key: str, ask: Ask[Any]) -> dict[str, Any]:
    """An entry goes by its name, so the model that it means is told beside it."""
    models = ask.chosen.names.models or ()
    return {"model": ", ".join(map(display_name, map(plain_word, models))), **_asked(key, ask)}


def _asked(key: str, ask: Ask[Any]) -> dict[str, Any]:
    return {key: ask.options, **told(ask.chosen)}
