"""JUnit XML: a suite a model, a test case a form, as Jenkins, GitLab and others read it.

Elements and attributes are those of Surefire's schema in the version that Jenkins checks against
(junit-10.xsd), which has properties of suites alone: a case's own stand there under its name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from toolkit.report.cases import Case, cases, told
from toolkit.report.sheet import Remark
from toolkit.report.symbols import without_controls
from toolkit.results import Document

LONGEST_TEXT = 1 << 16
"""Characters of one case's text: readers hold a whole file in memory."""
LONGEST_LINE = 1_000
"""Characters of a message or a name, which readers show in a list."""
CUT = " … (cut)"

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, written as a reference neither."""
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_VERSIONS = ("python", "torch", "torchvision", "onnx", "onnxruntime", "platform")


def format_junit(*documents: Document) -> str:
    """All documents in one file; a form that failed is a failure, one without a verdict an error.

    A limit is skipped. In ASCII, so that it reads alike in every encoding.
    """
    root = ET.Element("testsuites")
    suites = [suite for document in documents for suite in _suites(document)]
    for place, suite in enumerate(suites):
        suite.set("id", str(place))
        root.append(suite)
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.set("time", _seconds(sum(float(suite.get("time", "0")) for suite in suites)))
    ET.indent(root, " ")
    return f"{_HEAD}\n{ET.tostring(root, encoding='us-ascii').decode('ascii')}\n"


def _suites(document: Document) -> list[ET.Element]:
    found: dict[str, list[Case]] = {}
    for case in cases(document):
        found.setdefault(case.model, []).append(case)
    return [_suite(model, held, document) for model, held in found.items()]


def _suite(model: str, held: Sequence[Case], document: Document) -> ET.Element:
    suite = ET.Element("testsuite", name=line(model), tests=str(len(held)))
    named = list(zip(_names(held), held, strict=True))
    properties = ET.SubElement(suite, "properties")
    for key, value in [*_of_document(document), *(_of_cases(named))]:
        ET.SubElement(properties, "property", name=key, value=line(value))
    children = [_case(name, case) for name, case in named]
    suite.extend(children)
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(child.find(tag) is not None for child in children)))
    suite.set("time", _seconds(sum(case.seconds or 0.0 for case in held)))
    return suite


def _names(held: Iterable[Case]) -> list[str]:
    """The names of cases; of two alike the second is numbered: readers keep one of each name."""
    seen: Counter[str] = Counter()
    names = []
    for case in held:
        name = line(case.name)
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return names


def _of_document(document: Document) -> list[tuple[str, str]]:
    held = document.environment
    versions = [(name, getattr(held, name)) for name in _VERSIONS]
    command = [("command", document.command_line)] if document.command_line else []
    found = [("toolkit", document.toolkit), *versions, *command]
    return [(name, value) for name, value in found if value]


def _of_cases(named: Iterable[tuple[str, Case]]) -> list[tuple[str, str]]:
    return [
        (f"{name} {key}", str(value))
        for name, case in named
        if case.result is not None
        for key, value in (
            ("score", case.result.score),
            ("max_score", case.result.max_score),
            ("cases", case.result.cases),
            ("noise_source", case.result.noise_source),
        )
        if value is not None
    ]


def _case(name: str, case: Case) -> ET.Element:
    element = ET.Element("testcase", classname=line(case.model), name=name)
    if case.seconds is not None:
        element.set("time", _seconds(case.seconds))
    rest = list(case.remarks)
    if not case.is_good:
        level = "limit" if case.status == "limit" else "error"
        reasons = [remark for remark in rest if remark.level == level]
        rest = [remark for remark in rest if remark.level != level]
        element.append(_verdict(case.status, reasons))
    if rest:
        ET.SubElement(element, "system-out").text = text("\n".join(map(told, rest)))
    return element


def _verdict(status: str, reasons: Sequence[Remark]) -> ET.Element:
    tag = {"fail": "failure", "limit": "skipped"}.get(status, "error")
    first = reasons[0] if reasons else Remark("error", status, (), status)
    message = f"{first.name}: {first.message}"
    element = ET.Element(tag, type=line(first.name), message=line(message))
    element.text = text("\n\n".join(map(told, reasons)))
    return element


def _seconds(value: float) -> str:
    return f"{value:.3f}"


def text(words: str) -> str:
    """Text that XML can hold, cut to `LONGEST_TEXT`; what it cannot is written out."""
    return _clean(_cut(words, LONGEST_TEXT))


def line(words: str) -> str:
    """The first line of a text, as an attribute."""
    return _clean(_cut(words.strip().partition("\n")[0], LONGEST_LINE))


def _cut(words: str, longest: int) -> str:
    return words if len(words) <= longest else words[: longest - len(CUT)] + CUT


def _clean(words: str) -> str:
    return _FORBIDDEN.sub(_written_out, without_controls(words))


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
