"""The JSON Schema of a pyproject.toml with `[tool.toolkit]`, for editors; other tables are free."""

from __future__ import annotations

import json
from typing import Any

from toolkit.settings.tables import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEFINITIONS = "$defs"


def schema() -> dict[str, Any]:
    """The schema as a tree; the table alone is its definition `Settings`."""
    tree = Settings.model_json_schema(by_alias=True)
    definitions = tree.pop(_DEFINITIONS)
    return {
        "$schema": DIALECT,
        "title": "pyproject.toml with [tool.toolkit]",
        "type": "object",
        "properties": {"tool": _table({"toolkit": {"$ref": f"#/{_DEFINITIONS}/Settings"}})},
        _DEFINITIONS: _plain({**definitions, "Settings": tree}),
    }


def _table(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _plain(tree: Any) -> Any:
    """The tree without titles that repeat the keys, and with descriptions on one line."""
    if isinstance(tree, list):
        return [_plain(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    return {
        key: " ".join(value.split()) if key == "description" else _plain(value)
        for key, value in tree.items()
        if not (key == "title" and isinstance(value, str))
    }


def schema_text() -> str:
    """The schema as the file that is published, `toolkit/settings/settings.schema.json`."""
    return json.dumps(schema(), indent=2, ensure_ascii=True) + "\n"
