"""The loop that every objective shares: batches, progress, divergence, early ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from toolkit.errors import TrainingError
from toolkit.events import Observe, Progress
from toolkit.spec import TrainingPlan
from toolkit.training.batches import Batches
from toolkit.training.objectives import Objective, Standing
from toolkit.training.optimisers import set_rate
from toolkit.training.stopping import Best, Patience

PROGRESS_EVENTS = 50


@dataclass(frozen=True)
class Ended:
    """How the loop ended: the epochs that were completed, and whether Ctrl-C ended it."""

    epochs: int
    interrupted: bool


class Loop:
    """One training: `train` to learn from, `validation` to stop by where the plan has patience."""

    def __init__(
        self,
        objective: Objective,
        module: nn.Module,
        plan: TrainingPlan,
        train: Batches,
        validation: Batches | None,
    ) -> None:
        self.objective, self.plan = objective, plan
        self.train, self.validation = train, validation
        self.best = Best(module)
        self.steps = max(1, len(train) // plan.batch_size)
        self.total = self.steps * plan.epochs
        self.every = math.ceil(self.total / PROGRESS_EVENTS)
        self.done = self.told = 0
        self.epochs = 0
        self.standing = Standing()

    def run(self, model: str, observe: Observe) -> Ended:
        """All epochs, or as many as patience and the user allow; progress under the model's name.

        Ctrl-C ends it with the best weights so far: by the validation loss, else by what the
        objective says of held-out data; those of the moment where neither is known.
        """
        patience = Patience(self.plan.patience)

        def tell(loss: float) -> None:
            self.told = self.done
            observe(Progress(model, "train", self._said(loss), self.done, self.total))

        try:
            for _ in range(self.plan.epochs):
                self._epoch(tell)
                if patience.ends(better=self.best.offer(self._score())):
                    break
        except KeyboardInterrupt:
            self.best.restore()
            return Ended(self.epochs, interrupted=True)
        if self.plan.patience is not None:
            self.best.restore()
        return Ended(self.epochs, interrupted=False)

    def _epoch(self, tell: Callable[[float], None]) -> None:
        """One pass over the samples, and what they came to."""
        loss = math.nan
        for inputs, targets in self.train.shuffled(self.plan.batch_size):
            set_rate(self.plan, self.objective.optimisers, self.done / self.total)
            loss = self.objective.step(inputs, targets)
            self.done += 1
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss became {loss} at step {self.done} of {self.total}",
                    hint="a lower learning rate in the training plan",
                )
            if self._due() and self.done % self.steps:
                tell(loss)
        self.standing = self.objective.after_epoch()
        self.epochs += 1
        if self._due() or self.done == self.total:
            tell(loss)

    def _due(self) -> bool:
        """Whether it is time for progress: about fifty times in all."""
        return self.done - self.told >= self.every

    def _score(self) -> float | None:
        """More is better: the validation loss with its sign turned, else the standing's score."""
        if self.validation is None:
            return self.standing.score
        loss = self.objective.loss_on(self.validation)
        return None if loss is None else -loss

    def _said(self, loss: float) -> str:
        said = f" · {self.standing.said}" if self.standing.said else ""
        return f"loss {loss:.3g}{said}"
