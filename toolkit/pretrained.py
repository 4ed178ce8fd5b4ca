"""Published weights: from torch's cache, or downloaded to it once, and loaded where they fit.

They lie where `torch.hub` keeps them (`TORCH_HOME`), so that what other programs downloaded serves
too. The name of a published file ends in the first digits of its SHA-256; one that lies in the
cache is compared with them as much as one that was just downloaded.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import urlparse

from toolkit.checkpoints import own_state, read_state, take_over
from toolkit.errors import MissingError, SpecError, ToolkitError, WeightsError
from toolkit.events import Observe, Progress, ignore
from toolkit.hashing import file_sha256
from toolkit.reasons import one_line, plain
from toolkit.spec import Pretrained

if TYPE_CHECKING:
    from torch import Tensor, nn

STALL_S = 10.0
"""How long a download may give nothing, its first byte included."""
POLL_S = 0.25
COUNTER = "num_batches_tracked"
"""A buffer that older files lack and that changes nothing at inference."""
_DIGITS = re.compile(r"-([0-9a-f]{8,64})\.")
_MEGABYTE = 1 << 20

_OTHERWISE = (
    "or name a file with --weights FILE, or take seeded ones with --weights random: `train` starts "
    "from them, the other commands take them untrained"
)

_UNREACHABLE: dict[str, str] = {}
"""Hosts that did not answer in this process, and how: they are not asked again."""


def load(
    module: nn.Module, pretrained: Pretrained, model: str, observe: Observe = ignore
) -> tuple[str, ...]:
    """Load published weights into `module`, in place; the names of tensors that they leave seeded.

    Raises `MissingError` where they cannot be had, `WeightsError` where what there is is not what
    was published, or does not fit: only where `adapt` or `fetch` leaves tensors out may any be
    missing.
    """
    state, source = _published(pretrained, model, observe)
    lacking = tuple(name for name in own_state(module) if name not in state)
    new = tuple(name for name in lacking if not name.endswith(COUNTER))
    chosen = pretrained.adapt is not None or pretrained.fetch is not None
    take_over(module, state, source, may_lack=lacking if chosen else set(lacking) - set(new))
    return new


def _published(
    pretrained: Pretrained, model: str, observe: Observe
) -> tuple[Mapping[str, Tensor], str]:
    """The published tensors by the model's own names, and what they are called."""
    if pretrained.fetch is not None:
        observe(Progress(model, "build", f"loading {pretrained.weights}"))
        return _fetched(pretrained.fetch, pretrained.weights), pretrained.weights
    file = published_file(pretrained.weights, model, observe)
    state = read_state(file)
    return state if pretrained.adapt is None else pretrained.adapt(state), file.name


def _fetched(fetch: Callable[[], Mapping[str, Tensor]], weights: str) -> Mapping[str, Tensor]:
    """What a library's own loader gives; whatever it raises means that there is nothing."""
    try:
        return fetch()
    except ToolkitError:
        raise
    except Exception as error:  # a hub's client raises errors of its own packages
        raise MissingError(
            f"the published weights {weights} cannot be had: {one_line(str(error))}",
            hint=f"download them once where there is a network; {_OTHERWISE}",
        ) from error


def published_file(name: str, model: str, observe: Observe = ignore) -> Path:
    """The file of published weights in torch's cache, downloaded if need be, its hash compared.

    `name` is a member of torchvision's enums, or an address.
    """
    import torch

    url = _address(name)
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name
    digits = _DIGITS.search(file.name)
    if digits is None:
        raise SpecError(f"{file.name} does not end in digits of its SHA-256: it cannot be trusted")
    with _naming(file):
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            _download(url, file, digits[1], model, observe)
        found = file_sha256(file)
    if not found.startswith(digits[1]):
        raise WeightsError(
            f"{file.name} in torch's cache is not the published file: its SHA-256 is another",
            hint="remove it, and it is downloaded again",
        )
    return file


def _address(name: str) -> str:
    if "://" in name:
        return name
    from torchvision.models import get_weight

    try:
        return str(get_weight(name).url)
    except (ValueError, AttributeError, KeyError) as error:
        raise SpecError(f"torchvision publishes no weights called {name}") from error


def _download(url: str, file: Path, digits: str, model: str, observe: Observe) -> None:
    host = urlparse(url).netloc
    if host in _UNREACHABLE:
        raise _unavailable(file, _UNREACHABLE[host])
    failures: list[Exception] = []

    def fetch() -> None:
        import torch

        try:
            torch.hub.download_url_to_file(url, str(file), digits, progress=False)
        except Exception as failure:  # told by the thread that waits
            if isinstance(failure, HTTPError):
                failure.close()
            failures.append(failure)

    # In a thread of its own: nothing bounds how long a name is looked up or a host connected to.
    worker = threading.Thread(target=fetch, daemon=True)
    worker.start()
    stalled = _watch(worker, file, model, observe)
    if stalled:
        _UNREACHABLE[host] = f"{host} gave nothing for {STALL_S:g} s"
        raise _unavailable(file, _UNREACHABLE[host])
    if failures:
        _refuse(file, host, failures[0])


def _watch(worker: threading.Thread, file: Path, model: str, observe: Observe) -> bool:
    """Tell how far the download is until it ends; whether it gave nothing for too long."""
    had, last = 0, time.monotonic()
    while True:
        worker.join(POLL_S)
        if not worker.is_alive():
            return False
        partial = file.parent.glob(f"{file.name}.*.partial")
        size = sum(each.stat().st_size for each in partial if each.exists())
        if size > had:
            had, last = size, time.monotonic()
            detail = f"downloading {file.name}: {size / _MEGABYTE:.0f} MB"
            observe(Progress(model, "build", detail))
        elif time.monotonic() - last > STALL_S:
            return True


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """A cache that cannot be used is a reason to do without the file, as a silent host is."""
    try:
        yield
    except OSError as error:
        raise _unavailable(file, str(error)) from error


def _refuse(file: Path, host: str, failure: Exception) -> None:
    if isinstance(failure, RuntimeError):  # torch's word for another hash
        raise WeightsError(
            f"{host} gave another {file.name} than the published one: nothing was kept"
        ) from failure
    reason = str(failure)
    # An HTTPError is an answer: the host is there, and this file is not.
    if isinstance(failure, URLError | TimeoutError) and not isinstance(failure, HTTPError):
        reason = _UNREACHABLE[host] = str(getattr(failure, "reason", failure))
    raise _unavailable(file, reason) from failure


def _unavailable(file: Path, reason: str) -> MissingError:
    return MissingError(
        f"the published weights {file.name} cannot be had: {plain(reason)}",
        hint=f"put the file into torch's cache (TORCH_HOME/hub/checkpoints); {_OTHERWISE}",
    )
