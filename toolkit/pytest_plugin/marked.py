"""`@pytest.mark.parity`: a function that returns a model becomes one item a format."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pytest

from toolkit.pytest_plugin.choices import PREFIX, layered, told

FORM = "_parity_form"
"""The parameter that an item's format is kept as."""
USAGE = (
    f"{PREFIX}(inputs=..., formats=[...], dynamic=..., ...): the function returns a model; each "
    "format of it becomes a test of its own. Keywords are those of parity.check."
)


def parametrise(metafunc: pytest.Metafunc) -> None:
    """One item a format for a function with the mark; raises `CollectError` for a wrong one."""
    marks = list(metafunc.definition.iter_markers(PREFIX))
    if not marks:
        return
    from toolkit.errors import UsageError
    from toolkit.pytest_plugin.checking import Form
    from toolkit.pytest_plugin.keywords import formats_of, require_known
    from toolkit.spec import FORMAT_NAMES

    try:
        _require_function(metafunc)
        said = _said(marks)
        require_known(said)
        asked = formats_of(layered(metafunc.config, said))
    except UsageError as error:
        place = metafunc.definition.nodeid
        raise pytest.Collector.CollectError(f"{place}: mark parity: {told(error)}") from None
    forms = [Form(name, asked=bool(asked)) for name in asked or FORMAT_NAMES]
    metafunc.fixturenames.append(FORM)
    metafunc.parametrize(FORM, forms, ids=[form.name for form in forms])


def _said(marks: list[pytest.Mark]) -> dict[str, Any]:
    """The keywords of every mark of a function, those of the nearest win."""
    from toolkit.errors import UsageError

    if any(mark.args for mark in marks):
        raise UsageError("it takes keywords alone", hint='as in parity(inputs={"x": "batch,8"})')
    said: dict[str, Any] = {}
    for mark in reversed(marks):
        said |= mark.kwargs
    return {name: value for name, value in said.items() if value is not None}


def _require_function(metafunc: pytest.Metafunc) -> None:
    from toolkit.errors import UsageError

    function = metafunc.function
    hint = "it is called with its fixtures, and what it returns is checked"
    if inspect.iscoroutinefunction(function):
        raise UsageError("the function must return a model: it is a coroutine", hint=hint)
    if PREFIX in metafunc.fixturenames:
        raise UsageError(
            "the function takes the fixture parity too", hint="use the mark or the fixture"
        )


def form_of(item: pytest.Item) -> Any:
    """The format of an item of the mark, None for any other item."""
    call: Any = getattr(item, "callspec", None)
    parameters: Mapping[str, Any] = {} if call is None else call.params
    return parameters.get(FORM)


def refuse_unmarkable(item: pytest.Item) -> None:
    """Fail an item that has the mark and would not be checked: it must not look as if it were."""
    __tracebackhide__ = True
    if form_of(item) is None and item.get_closest_marker(PREFIX) is not None:
        pytest.fail(
            "the mark parity is for functions that return a model, and not for methods of "
            "unittest.TestCase: nothing was checked",
            pytrace=False,
        )


def call(item: pytest.Function, parity: Any) -> None:
    """Call the function of an item with its fixtures, and check the model that it returns."""
    __tracebackhide__ = True
    names = item._fixtureinfo.argnames
    model = item.obj(**{name: item.funcargs[name] for name in names})
    if model is None:
        raise pytest.UsageError(f"{item.originalname} has the mark parity and returned no model")
    parity.run(model, _said(list(item.iter_markers(PREFIX))), form_of(item))
