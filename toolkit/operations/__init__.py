"""What one call of a model has to do: operations and bytes, counted twice and compared."""

from toolkit.operations.graph import Sized, sized
from toolkit.operations.tally import Tally, tally
from toolkit.operations.work import AGREEMENT, Work, work_of

__all__ = ["AGREEMENT", "Sized", "Tally", "Work", "sized", "tally", "work_of"]
