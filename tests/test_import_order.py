"""A module imports only from rooms above its own: DESIGN's table, as data, against the sources."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]

# From the top down. A room is a module of toolkit/ or a folder of it, and may import from the rows
# above its own and from itself. The same table stands in ARCHITECTURE.md.
ROWS: tuple[tuple[str, ...], ...] = (
    ("_version", "errors"),
    ("calling", "flattening", "ports"),
    ("spec", "events", "folders", "grammar", "seeds", "reasons", "transfer", "parameter_list"),
    ("hashing", "words", "images", "labels", "signatures"),
    ("inputs", "data", "user_code", "libraries", "preprocessing"),
    ("registry", "probing", "operators"),
    ("training", "checkpoints"),
    ("trained_cache", "pretrained"),
    ("weights",),
    ("bundle",),
    ("formats", "runtimes", "parity", "timing"),
    (
        *("results", "capacity", "dynamics", "locating", "operations", "planting"),
        *("reproduction", "variants"),
    ),
    ("options", "report", "baselines", "cold"),
    ("stages",),
    ("comparing", "benching"),
    ("pipeline",),
    ("isolation",),
    ("outcome", "settings", "given"),
    ("sweep",),
    ("api",),
    ("__init__",),
    ("cli",),
    ("pytest_plugin",),
    ("__main__",),
)

# Within one row only protocols are shared.
SHARED_IN_ROW = frozenset({"toolkit.formats.base", "toolkit.runtimes.base"})

# What a part must not know, whatever its row: importing part → what it must not import.
NEVER: Mapping[str, tuple[str, ...]] = {
    "toolkit.timing.statistics": ("toolkit.timing.measuring", "torch", "onnxruntime"),
    "toolkit.timing.measuring": ("torch", "onnxruntime"),
    "toolkit.parity.compare": ("torch", "onnxruntime"),
    "toolkit.parity.findings": ("torch", "onnxruntime"),
    "toolkit.results": ("torch", "onnxruntime"),
    "toolkit.report": ("toolkit.timing.measuring", "torch", "onnxruntime"),
}

# What the command's own process imports before it starts a child: no torch, by no detour.
WITHOUT_TORCH = (
    *("toolkit.errors", "toolkit.events", "toolkit.folders", "toolkit.words", "toolkit.results"),
    *("toolkit.options", "toolkit.report", "toolkit.isolation", "toolkit.sweep", "toolkit.cli"),
    *("toolkit.parity.compare", "toolkit.timing", "toolkit.baselines"),
    *("toolkit.variants.base", "toolkit.variants.table", "toolkit.variants.words"),
)

MODELS_MAY_IMPORT = frozenset({"toolkit.spec", "toolkit.transfer"})
LIBRARIES_OF_MODELS = frozenset({"torch", "torchvision"})
ROW_OF = {room: number for number, row in enumerate(ROWS) for room in row}


def modules(root: Path) -> dict[str, Path]:
    """Every module of a tree laid out like the checkout, by its installed name."""
    found: dict[str, Path] = {}
    for folder, package in (("toolkit", "toolkit"), ("models", "toolkit.models")):
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(root / folder).with_suffix("").parts
            inner = parts[:-1] if parts[-1] == "__init__" else parts
            found[".".join((package, *inner))] = path
    return found


def imports(name: str, path: Path, known: Mapping[str, Path]) -> Iterator[tuple[int, str]]:
    """Line and absolute name of every import, those inside functions included."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join((*above, *([node.module] if node.module else []))) if node.level else ""
            base = base or node.module or ""
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                is_module = inner in known or (base == "toolkit" and alias.name in ROW_OF)
                yield node.lineno, inner if is_module else base


def room(name: str) -> str:
    """The room of a module of toolkit; the package itself is `__init__`."""
    return name.split(".")[1] if "." in name else "__init__"


def within(name: str, part: str) -> bool:
    """Whether a dotted name is `part` or lies under it."""
    return name == part or name.startswith(f"{part}.")


def objection(name: str, target: str) -> str | None:
    """Why the module must not import the target, or None."""
    if within(name, "toolkit.models"):
        return _objection_to_a_model(target)
    if within(target, "toolkit.models") or within(target, "models"):
        return "the catalogue is found with toolkit.registry, never imported"
    for part, banned in NEVER.items():
        if within(name, part) and any(within(target, word) for word in banned):
            return f"{part} must not know it"
    if not within(target, "toolkit") or room(target) == room(name):
        return None
    return _objection_to_the_row(name, target)


def _objection_to_a_model(target: str) -> str | None:
    top = target.split(".", maxsplit=1)[0]
    siblings = within(target, "toolkit.models")
    library = top in sys.stdlib_module_names or top in LIBRARIES_OF_MODELS
    if siblings or library or target in MODELS_MAY_IMPORT:
        return None
    return "models/ imports toolkit.spec, toolkit.transfer, torch, torchvision and siblings only"


def _objection_to_the_row(name: str, target: str) -> str | None:
    own, other = ROW_OF.get(room(name)), ROW_OF.get(room(target))
    if own is None or other is None:
        return None  # the missing row is said once, for the module itself
    if other < own or (other == own and target in SHARED_IN_ROW):
        return None
    where = "beside" if other == own else "below"
    return f"{room(target)} stands {where} {room(name)} in the table"


def violations(root: Path) -> list[str]:
    """Every import against the order, and every module without a row, one line each."""
    known = modules(root)
    found = [
        f"{path.relative_to(root).as_posix()} has no row: add {room(name)!r} to ROWS in"
        " tests/test_import_order.py and to the table in ARCHITECTURE.md"
        for name, path in known.items()
        if not within(name, "toolkit.models") and room(name) not in ROW_OF
    ]
    for name, path in known.items():
        for line, target in dict.fromkeys(imports(name, path, known)):
            reason = objection(name, target)
            if reason:
                place = path.relative_to(root).as_posix()
                found.append(f"{place}:{line} imports {target}: {reason}")
    return found


def plant(root: Path, files: Mapping[str, str]) -> None:
    """A small tree in the project's layout."""
    for name, source in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")


SOUND = {
    "toolkit/__init__.py": "from toolkit._version import __version__\n",
    "toolkit/_version.py": "__version__ = '1'\n",
    "toolkit/errors.py": "import sys\n",
    "toolkit/spec.py": "from toolkit import errors\nfrom toolkit.errors import ToolkitError\n",
    "toolkit/formats/__init__.py": "",
    "toolkit/formats/base.py": "from toolkit.spec import ModelSpec\n",
    "toolkit/parity/__init__.py": "",
    "toolkit/parity/compare.py": "import numpy\nfrom toolkit.formats.base import Format\n",
    "toolkit/timing/statistics.py": "import scipy\n",
    "toolkit/timing/measuring.py": "from .statistics import median\n",
    "toolkit/report/terminal.py": "from toolkit.errors import ToolkitError\n",
    "toolkit/pipeline.py": "def check():\n    from toolkit.parity import compare\n",
    "models/__init__.py": "",
    "models/mlp.py": "import math\nfrom torch import nn\nfrom toolkit.spec import Port\n",
    "models/vae.py": "from . import mlp\nfrom .mlp import MLP\n",
}


def test_the_sources_keep_the_import_order() -> None:
    assert violations(CHECKOUT) == []


def test_every_part_with_a_rule_of_its_own_exists() -> None:
    known = modules(CHECKOUT)
    assert [part for part in (*NEVER, *WITHOUT_TORCH) if part not in known] == []


def test_what_starts_the_command_does_not_load_torch() -> None:
    parts = [name for name in modules(CHECKOUT) for part in WITHOUT_TORCH if within(name, part)]
    lines = [f"import {name}" for name in parts]
    lines.append("import sys; sys.exit('torch is loaded' if 'torch' in sys.modules else 0)")
    child = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr


def test_every_room_of_the_checkout_is_looked_at() -> None:
    looked_at = {room(name) for name in modules(CHECKOUT)}
    assert {"errors", "spec", "formats", "runtimes", "parity", "models"} <= looked_at


def test_a_tree_in_order_has_no_violation(tmp_path: Path) -> None:
    plant(tmp_path, SOUND)
    assert violations(tmp_path) == []


@pytest.mark.parametrize(
    ("file", "source", "expected"),
    [
        ("toolkit/spec.py", "import toolkit.pipeline", "pipeline stands below spec"),
        ("toolkit/spec.py", "from toolkit import pipeline", "pipeline stands below spec"),
        ("toolkit/spec.py", "from . import pipeline", "pipeline stands below spec"),
        ("toolkit/spec.py", "from .pipeline import check", "pipeline stands below spec"),
        ("toolkit/spec.py", "from toolkit import __version__", "__init__ stands below spec"),
        ("toolkit/spec.py", "def f():\n    import toolkit.formats", "formats stands below spec"),
        ("toolkit/parity/plan.py", "from ..formats import onnx", "formats stands beside parity"),
        ("toolkit/formats/onnx.py", "import toolkit.parity.compare", "parity stands beside"),
        ("toolkit/parity/compare.py", "from torch import nn", "parity.compare must not know it"),
        ("toolkit/timing/statistics.py", "from . import measuring", "must not know it"),
        ("toolkit/timing/statistics.py", "from .measuring import measure", "must not know it"),
        ("toolkit/report/csv.py", "import torch.nn", "toolkit.report must not know it"),
        ("toolkit/report/csv.py", "from toolkit.pipeline import check", "pipeline stands below"),
        ("toolkit/registry.py", "import toolkit.models.mlp", "found with toolkit.registry"),
        ("toolkit/registry.py", "from toolkit import models", "found with toolkit.registry"),
        ("toolkit/registry.py", "from models import mlp", "found with toolkit.registry"),
        ("models/vae.py", "from toolkit.errors import ToolkitError", "models/ imports"),
        ("models/vae.py", "import timm", "models/ imports"),
    ],
)
def test_a_planted_violation_is_named(
    tmp_path: Path, file: str, source: str, expected: str
) -> None:
    plant(tmp_path, SOUND | {file: source})
    (found,) = violations(tmp_path)
    assert found.startswith(f"{file}:")
    assert expected in found


def test_a_module_without_a_row_is_told_where_to_add_it(tmp_path: Path) -> None:
    plant(tmp_path, SOUND | {"toolkit/new.py": "import toolkit.cli"})
    (found,) = violations(tmp_path)
    assert found.startswith("toolkit/new.py has no row: add 'new' to ROWS in tests/test_import_ord")


def test_tests_and_measurements_find_the_catalogue_through_the_registry() -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}:{line} imports {target}"
        for folder in ("tests", "bench")
        for path in sorted((CHECKOUT / folder).rglob("*.py"))
        for line, target in imports(path.stem, path, {})
        if within(target, "toolkit.models") or within(target, "models")
    ]
    assert found == []
