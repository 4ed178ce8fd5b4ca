"""What one call of a model has to do: operations and bytes, counted twice and compared."""

from toolkit.operations.graph import Sized, sized
from toolkit.operations.tally import Tally, tally
from toolkit.operations.work import Work, work_of
from toolkit.timing.roofline import AGREEMENT

__all__ = ["AGREEMENT", "Sized", "Tally", "Work", "sized", "tally", "work_of"]
