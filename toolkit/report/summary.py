"""The last line: what passed, what did not, and what the exit code means."""

from __future__ import annotations

from collections import Counter

from toolkit.report.numbers import counted
from toolkit.report.self_tests import self_test_summary
from toolkit.results import CheckStatus, Document

EXIT_MEANINGS = {
    0: "all good",
    1: "a check said no",
    2: "the command does not make sense",
    3: "refused, or the environment lacks something",
    4: "something could not be judged",
    130: "interrupted",
    143: "terminated",
}

_CHECK_WORDS: dict[CheckStatus, str] = {
    "pass": "passed",
    "fail": "failed",
    "limit": "that cannot be had (limit)",
    "error": "could not be judged",
    "timeout": "timed out",
    "crash": "crashed",
    "out-of-memory": "ran out of memory",
    "refused": "refused",
}


def summary_line(document: Document) -> str:
    """What was done, and the exit code with its meaning."""
    parts = [*_trained(document), *_exported(document), *_checked(document), *_timed(document)]
    parts += self_test_summary(document.self_tests or [])
    code = document.exit_code
    ending = f"exit\N{NO-BREAK SPACE}{code}: {EXIT_MEANINGS.get(code, 'unknown')}"
    return " · ".join([*parts, ending])


def _trained(document: Document) -> list[str]:
    promised = [model for model in document.all_trained if model.metric.floor is not None]
    missed = [model for model in promised if not model.metric.met]
    free = len(document.all_trained) - len(promised)
    failed = f", {counted(len(missed), 'floor')} missed" if missed else ""
    told = [f"{counted(len(promised) - len(missed), 'floor')} met{failed}"] if promised else []
    return [*told, f"{free} trained without a floor"] if free else told


def _exported(document: Document) -> list[str]:
    states = Counter(form.status for model in document.all_exports for form in model.forms)
    if not states:
        return []
    failed = f", {counted(states['error'], 'error')}" if states["error"] else ""
    limits = f", {counted(states['limit'], 'limit')}" if states["limit"] else ""
    return [f"{counted(states['ok'], 'form')} exported{limits}{failed}"]


def _checked(document: Document) -> list[str]:
    states = Counter(result.status for result in document.all_results)
    if not states:
        return []
    found = [f"{states[name]} {word}" for name, word in _CHECK_WORDS.items() if states[name]]
    return [f"{counted(states.total(), 'check')}: {', '.join(found)}"]


def _timed(document: Document) -> list[str]:
    verdicts = Counter(
        variant.verdict for held in document.all_comparisons for variant in held.variants
    )
    skipped = verdicts.pop("not timed", 0)
    if not verdicts and not skipped:
        return []
    rest = f", {skipped} not timed" if skipped else ""
    noisy = f", {verdicts['noisy']} noisy" if verdicts["noisy"] else ""
    return [f"{counted(verdicts.total(), 'variant')} timed{noisy}{rest}"]
