"""Pictures of what was timed, as PNG and SVG: made with matplotlib, the extra `[report]`.

Nothing here opens a window, and the same results give the same bytes.
"""

from toolkit.report.figures.drawing import draw

__all__ = ["draw"]
