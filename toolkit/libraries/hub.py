"""The model hub, asked only where it answers: without it the local cache has to do, at once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlparse
from urllib.request import getproxies

ANSWER_S = 3.0
"""How long the hub may take to be found and connected to; its own clients try for a minute."""
_HTTPS = 443


@contextmanager
def quietly() -> Iterator[None]:
    """The hub's client without progress bars, and without the network where the hub is silent."""
    from huggingface_hub import constants
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not _answers(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _answers(address: str) -> bool:
    """Whether the hub can be connected to; behind a proxy that is for the client to find out."""
    place = urlparse(address)
    if getproxies().get(place.scheme):
        return True
    reached = threading.Event()

    def connect() -> None:
        try:
            with socket.create_connection((place.hostname, place.port or _HTTPS), ANSWER_S):
                reached.set()
        except OSError:
            return

    # In a thread of its own: nothing bounds how long a name is looked up.
    worker = threading.Thread(target=connect, daemon=True)
    worker.start()
    worker.join(ANSWER_S)
    return reached.is_set()
