"""`[tool.toolkit]` of a user's pyproject.toml: found, checked, described and drafted.

The keys are the options of the command line. Nothing here imports torch or the user's code.
"""

from toolkit.settings.drafting import appended, draft
from toolkit.settings.finding import FILE_NAME, Found, find, parse, project_above, read, table_name
from toolkit.settings.proposing import Proposal, of_word, propose
from toolkit.settings.schema import schema_text
from toolkit.settings.tables import Entry, Settings, assigned

__all__ = [
    "FILE_NAME",
    "Entry",
    "Found",
    "Proposal",
    "Settings",
    "appended",
    "assigned",
    "draft",
    "find",
    "of_word",
    "parse",
    "project_above",
    "propose",
    "read",
    "schema_text",
    "table_name",
]
