"""`list`, `show` and `doctor`: what there is, without running a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from toolkit._version import __version__
from toolkit.cli.session import command_line, environment, write_json
from toolkit.errors import ModelNotFoundError
from toolkit.spec import ALL_FORMATS, ModelSpec, Port

if TYPE_CHECKING:
    from toolkit.results import Document, ListedModel


def list_models(*, json: bool) -> int:
    """Print the catalogue."""
    from toolkit import registry

    models = [_listed(spec) for spec in registry.catalogue().values()]
    return _tell(_document("list", models=models), json=json)


def show(name: str, *, json: bool) -> int:
    """Print one entry."""
    from toolkit import registry
    from toolkit.report.catalogue import show_rows
    from toolkit.words import ModelWords

    if name not in registry.catalogue():
        registry.find(ModelWords(name))  # says which names are near
        raise ModelNotFoundError("`show` is for names of the catalogue", model=name)
    return _tell(_document("show", rows=show_rows(registry.catalogue()[name])), json=json)


def doctor(*, json: bool) -> int:
    """Print what is here and what is missing; exit 3 without what the toolkit needs."""
    from toolkit.timing import doctor as facts

    rows = facts.rows()
    missing = any(row["status"] == "missing" and row.get("required") == "yes" for row in rows)
    return _tell(_document("doctor", rows=rows, exit_code=3 if missing else 0), json=json)


def variants(devices: Sequence[str], *, json: bool) -> int:
    """What can be timed on the devices, and what of it is not here."""
    from toolkit.variants import listed

    rows = []
    for device in devices:
        for one in listed(device):
            here = {"here": "no", "needs": one.missing} if one.missing else {"here": "yes"}
            row = {"variant": one.name, "runs": one.summary, "form": one.format, **here}
            origin = {"from": one.origin} if one.origin else {}
            rows.append({"device": device, **row, **origin})
    return _tell(_document("bench", rows=rows), json=json)


def _listed(spec: ModelSpec) -> ListedModel:
    from toolkit.results import ListedModel

    return ListedModel(
        name=spec.name,
        family=spec.family,
        document=spec.document,
        parameters=spec.parameters,
        inputs=[_port(port) for port in spec.inputs],
        outputs=[_port(port) for port in spec.outputs],
        trains_on=spec.training.data if spec.training else None,
        formats=[name for name in ALL_FORMATS if name not in spec.limits],
        limits=dict(spec.limits),
    )


def _port(port: Port) -> Any:
    from toolkit.results import PortShape

    return PortShape(name=port.name, shape=list(port.shape), dtype=port.dtype)


def _document(command: str, exit_code: int = 0, **parts: Any) -> Document:
    import torch  # the catalogue's modules have imported it already

    from toolkit.options import Surroundings
    from toolkit.results import Document
    from toolkit.timing import machine

    surroundings = Surroundings(tuple(machine.devices()), torch.get_num_threads())
    return Document(
        command=command,
        toolkit=__version__,
        environment=environment(surroundings),
        exit_code=exit_code,
        command_line=command_line(),
        **parts,
    )


def _tell(document: Document, *, json: bool) -> int:
    from toolkit.report.terminal import console_for, display

    if json:
        write_json(document)
    else:
        display(document, console_for())
    return document.exit_code
