"""Jobs in a child process, so that a crash, a hang or a full memory ends one row and no sweep.

A job is a generator function of the pipeline, by name, with plain values as arguments. What it
yields crosses over as it comes; how the child ended is a value too. This contains accidents and
is no sandbox. The parent imports no torch. `TOOLKIT_CHILDREN=spawn` starts every child afresh
where a fork server would be used, `TOOLKIT_CHILDREN=forkserver` uses one on macOS too.
"""

from toolkit.isolation.jobs import DEFAULT_TIMEOUT_S, Death, Limits, run_job, unenforced
from toolkit.isolation.starting import expect_exports

__all__ = ["DEFAULT_TIMEOUT_S", "Death", "Limits", "expect_exports", "run_job", "unenforced"]
