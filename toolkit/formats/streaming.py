"""Archives that torch writes, streamed to their place on disk."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast


def stream(save: Callable[[IO[bytes]], object], path: Path) -> None:
    """Let `save` write the file `path`; raises OSError where the disk does not take it.

    Torch names the root of an archive after the file where it is given a path, and aborts the
    process where a write fails: it is given neither a path nor a failure.
    """
    with path.open("wb") as file:
        patient = _PatientStream(file)
        save(cast(IO[bytes], patient))
        if patient.failure is not None:
            raise patient.failure


class _PatientStream(io.RawIOBase):
    """Takes everything that is written; of a failing disk it keeps the first `failure`."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self.file = file
        self.failure: OSError | None = None

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._tried(lambda: self.file.seek(offset, whence), offset)

    def write(self, data: object, /) -> int:
        view = memoryview(data)  # type: ignore[arg-type]
        return self._tried(lambda: self.file.write(view), view.nbytes)

    def _tried(self, act: Callable[[], int], otherwise: int) -> int:
        if self.failure is None:
            try:
                return act()
            except OSError as error:
                self.failure = error
        return otherwise
