"""TorchScript archives rewritten so that the same model gives the same bytes.

An archive as torch writes it differs for four reasons: members ending in `.debug_pkl` hold the
paths of source files, `serialization_id` is a hash over those, classes are numbered
(`___torch_mangle_7`) by everything that the process compiled before, and the constants of a class
stand in the order of a set of strings, which also moves the numbers of temporaries. Here the
first two are left out, the classes are numbered in the order in which the model mentions them,
constants are sorted and temporaries are numbered method by method.
"""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
from collections.abc import Iterator, Mapping

from toolkit.errors import ExportError

Members = dict[str, bytes]

_ROOT = "archive"
_CODE = "code/"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MANGLE = re.compile(r"___torch_mangle_\d+")
_QUALIFIED = re.compile(r"__torch__(?:\.\w+)+")
_TEMPORARY = re.compile(r'"(?:\\.|[^"\\])*"|(?<![\w.])_\d+\b')
_METHOD = re.compile(r"(?=^ *def )", re.MULTILINE)
_CONSTANTS = re.compile(r"(?:^  \w+ : Final\[.*\n)+", re.MULTILINE)
_DEFINITION = re.compile(r"^(?:class|def) (\w+)", re.MULTILINE)


def members(data: bytes) -> Members:
    """The members of an archive by their path below its one root folder."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [info.filename for info in archive.infolist()]
        return {name.split("/", 1)[1]: archive.read(name) for name in names}


def packed(parts: Mapping[str, bytes]) -> bytes:
    """An uncompressed archive of these members, without times."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(f"{_ROOT}/{name}", _EPOCH), content)
    return stream.getvalue()


def canonical(parts: Mapping[str, bytes]) -> Members:
    """The members of the same program, independent of machine and process."""
    kept = {name: content for name, content in parts.items() if not _is_local(name)}
    names = _canonical_names(_definitions(kept), kept)
    pickles = ("data.pkl", "constants.pkl")
    rest = {name: content for name, content in kept.items() if not name.startswith(_CODE)}
    for name in pickles:
        if name in rest:
            rest[name] = _rename_globals(rest[name], names)
    return {**rest, **_renamed_code(_definitions(kept), names)}


def _is_local(name: str) -> bool:
    return name.endswith((".debug_pkl", "serialization_id"))


def _definitions(parts: Mapping[str, bytes]) -> dict[str, str]:
    """Qualified name → source text of every class and function in the archive."""
    found: dict[str, str] = {}
    for name, content in parts.items():
        if name.startswith(_CODE) and name.endswith(".py"):
            qualifier = name.removeprefix(_CODE).removesuffix(".py").replace("/", ".")
            for title, text in _split(content.decode()):
                found[f"{qualifier}.{title}"] = _normalised(text)
    return found


def _split(source: str) -> Iterator[tuple[str, str]]:
    starts = [match.start() for match in _DEFINITION.finditer(source)]
    for start, end in zip(starts, [*starts[1:], len(source)], strict=True):
        text = source[start:end].rstrip("\n") + "\n"
        match = _DEFINITION.match(text)
        assert match is not None
        yield match[1], text


def _canonical_names(definitions: Mapping[str, str], parts: Members) -> dict[str, str]:
    """Old → new qualified names: the first of each kind unnumbered, the others from 0."""
    counts: dict[str, int] = {}
    names: dict[str, str] = {}
    for old in _mentioned(definitions, parts):
        plain = ".".join(word for word in old.split(".") if not _MANGLE.fullmatch(word))
        count = counts.get(plain, 0)
        counts[plain] = count + 1
        stem, title = plain.rsplit(".", 1)
        names[old] = plain if count == 0 else f"{stem}.___torch_mangle_{count - 1}.{title}"
    return names


def _mentioned(definitions: Mapping[str, str], parts: Members) -> list[str]:
    """Every definition, in the order in which the data and then the code lead to it."""
    order: dict[str, None] = {}
    pending = [name for _, name in _globals(parts["data.pkl"]) if name in definitions]
    while pending:
        name = pending.pop(0)
        if name not in order:
            order[name] = None
            pending.extend(_known_names(definitions[name], definitions))
    return [*order, *sorted(set(definitions) - set(order))]


def _known_names(text: str, definitions: Mapping[str, str]) -> list[str]:
    found = (_known(match[0], definitions) for match in _QUALIFIED.finditer(text))
    return [name for name in found if name is not None]


def _known(mention: str, definitions: Mapping[str, str]) -> str | None:
    """The definition that a dotted mention starts with (it may go on to a member of it)."""
    words = mention.split(".")
    for end in range(len(words), 1, -1):
        name = ".".join(words[:end])
        if name in definitions:
            return name
    return None


def _normalised(text: str) -> str:
    """Class constants sorted (torch lists them in hash order), temporaries numbered by method."""
    ordered = _CONSTANTS.sub(lambda block: "".join(sorted(block[0].splitlines(True))), text)
    return "".join(map(_renumbered, _METHOD.split(ordered)))


def _renumbered(method: str) -> str:
    numbers: dict[str, str] = {}

    def renamed(match: re.Match[str]) -> str:
        if match[0].startswith('"'):
            return match[0]
        return numbers.setdefault(match[0], f"_{len(numbers)}")

    return _TEMPORARY.sub(renamed, method)


def _renamed_code(definitions: Mapping[str, str], names: Mapping[str, str]) -> Members:
    files: dict[str, list[tuple[str, str]]] = {}
    for old, text in definitions.items():
        stem, title = names[old].rsplit(".", 1)
        path = f"{_CODE}{stem.replace('.', '/')}.py"
        files.setdefault(path, []).append((title, _rename_text(text, definitions, names)))
    return {
        path: "".join(text for _, text in sorted(files[path])).encode() for path in sorted(files)
    }


def _rename_text(text: str, definitions: Mapping[str, str], names: Mapping[str, str]) -> str:
    def renamed(match: re.Match[str]) -> str:
        known = _known(match[0], definitions)
        return match[0] if known is None else names[known] + match[0][len(known) :]

    return _QUALIFIED.sub(renamed, text)


def _globals(pickled: bytes) -> Iterator[tuple[int, str]]:
    """Position and `module.class` of each GLOBAL opcode; nothing is unpickled."""
    try:
        for opcode, argument, position in pickletools.genops(pickled):
            if opcode.name == "GLOBAL" and position is not None:
                yield position, str(argument).replace(" ", ".")
    except UnicodeDecodeError:
        raise ExportError(
            "a class or its file has a name that is not ASCII: torch.jit.save writes it and "
            "torch.jit.load cannot read it",
            hint="rename it, or take onnx and pt2",
        ) from None


def _rename_globals(pickled: bytes, names: Mapping[str, str]) -> bytes:
    rewritten = bytearray()
    done = 0
    for position, old in _globals(pickled):
        stem, title = names.get(old, old).rsplit(".", 1)
        rewritten += pickled[done:position] + f"c{stem}\n{title}\n".encode()
        done = position + len(f"c{old}\n".encode())
    return bytes(rewritten + pickled[done:])
