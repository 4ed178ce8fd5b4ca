"""What can go wrong, one class a stage: each message says what, which model and how to mend it.

An error knows the exit code of DESIGN's table, so that the command line only has to look.
"""

from __future__ import annotations

USAGE = 2
REFUSED = 3
UNJUDGED = 4


class ToolkitError(Exception):
    """A failure that the user can act on: `message`, the `model` it concerns and a `hint`."""

    exit_code = UNJUDGED
    name = "error"

    def __init__(self, message: str, *, model: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.model = model
        self.hint = hint

    def __str__(self) -> str:
        where = f"{self.model}: " if self.model else ""
        return f"{where}{self.message}"

    def __reduce__(self) -> tuple[object, ...]:
        """Cross process borders whole: keyword arguments included."""
        return (_rebuild, (type(self), self.message, self.model, self.hint))


def _rebuild(
    kind: type[ToolkitError], message: str, model: str | None, hint: str | None
) -> ToolkitError:
    return kind(message, model=model, hint=hint)


class UsageError(ToolkitError):
    """The words of the command do not make sense (exit 2)."""

    exit_code = USAGE
    name = "usage"


class SpecError(UsageError):
    """A model's description contradicts itself."""

    name = "spec"


class ModelNotFoundError(UsageError):
    """No model goes by this word."""

    name = "model-not-found"


class InputsError(UsageError):
    """The inputs that were given do not fit the model."""

    name = "inputs"


class SettingsError(UsageError):
    """The table [tool.toolkit] of a pyproject.toml does not make sense."""

    name = "settings"


class MissingError(ToolkitError):
    """The environment lacks something: a GPU, an extra, a data set (exit 3)."""

    exit_code = REFUSED
    name = "missing"


class FallbackError(MissingError):
    """A runtime would have used another device than the one asked for."""

    name = "fallback"


class DataError(MissingError):
    """A data set cannot be had."""

    name = "data"


class RefusedError(ToolkitError):
    """The toolkit will not do this: an unsafe or altered file (exit 3)."""

    exit_code = REFUSED
    name = "refused"


class WeightsError(RefusedError):
    """A weights file does not belong to the model, or cannot be read safely."""

    name = "weights"


class BundleError(RefusedError):
    """A bundle is not whole, not ours, or written by a newer version."""

    name = "bundle"


class ImageError(RefusedError):
    """An image file cannot be read, or is more than a model should be given."""

    name = "image"


class ResultsError(RefusedError):
    """A results file cannot be read."""

    name = "results"


class BuildError(ToolkitError):
    """The model's own code raised while it was built or run."""

    name = "build"


class TrainingError(ToolkitError):
    """Training diverged or could not run."""

    name = "training"


class ExportError(ToolkitError):
    """An exporter refused the model."""

    name = "export"


class RunError(ToolkitError):
    """A runtime could not load or run an exported form."""

    name = "run"


class UnreadableError(RunError):
    """A file is not what its name says: no model that any runtime could load (exit 3)."""

    exit_code = REFUSED
    name = "refused"
