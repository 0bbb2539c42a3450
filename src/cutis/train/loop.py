"""The one trainer: a loop that any objective runs in, and that a kill at any moment can't hurt."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning.fabric import Fabric
from torch import nn

from cutis.errors import CutisError
from cutis.files import atomic_file
from cutis.models.network import Network
from cutis.train import checkpoint
from cutis.train.config import TrainConfig
from cutis.train.feed import Feed
from cutis.train.kept import CHECKPOINT
from cutis.train.objectives.base import Batch, Moment, Objective
from cutis.train.sharpness import uphill
from cutis.train.validate import Validation

VALIDATIONS = 10  # in a run that is given minutes; with epochs, one an epoch
WARM_UP = 0.1  # of a run, at most: a short one would spend all of it warming up


class Budget(Protocol):
    """How far the run is, 0..1, at a step and after so many seconds of training."""

    def progress(self, step: int, seconds: float) -> float: ...

    def validate_now(self, step: int, done: float, last: float) -> bool: ...


@dataclass(frozen=True)
class Steps:
    """So many epochs: decided by the step number alone, so that a resumed run repeats every step."""

    total: int
    per_epoch: int

    def progress(self, step: int, seconds: float) -> float:
        return step / self.total

    def validate_now(self, step: int, done: float, last: float) -> bool:
        return step % self.per_epoch == 0


@dataclass(frozen=True)
class Seconds:
    """So much wall time; a resumed run spends what was left."""

    total: float

    def progress(self, step: int, seconds: float) -> float:
        return seconds / self.total

    def validate_now(self, step: int, done: float, last: float) -> bool:
        return math.floor(done * VALIDATIONS) > math.floor(last * VALIDATIONS)


@dataclass
class Standing:
    """Where the run is; all of it is in the checkpoint."""

    step: int = 0
    seconds: float = 0.0
    done: bool = False
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, torch.Tensor] | None = None
    best_score: float = math.inf
    since_best: int = 0


class Trainer:
    """Trains `network` with `objective` on `feed`, validates its moving average, and leaves that in `teacher`."""

    def __init__(
        self,
        fabric: Fabric,
        network: Network,
        objective: Objective,
        feed: Feed,
        validation: Validation | None,
        config: TrainConfig,
        folder: Path,
    ) -> None:
        self.fabric, self.config, self.folder = fabric, config, folder
        self.objective, self.feed, self.validation = objective, feed, validation
        self.plain = network.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective.to(fabric.device)
        self.teacher = copy.deepcopy(self.plain).eval().requires_grad_(False)
        self.optimisers = [_adamw(params, config) for params in objective.players(self.plain)]
        self.standing = Standing()
        self.file = folder / CHECKPOINT

    def fit(self, budget: Budget, report: Callable[[float, str], None]) -> None:
        """Run to the end of the budget, or early if validation stops improving or the objective has had enough;
        `report` hears of progress."""
        now, last_saved = self.standing, time.monotonic()
        started = time.monotonic() - now.seconds
        with torch.random.fork_rng(devices=[]), _repeatable():
            while not now.done:
                before = budget.progress(now.step, now.seconds)
                warm = self._warm(now.step, budget.progress(now.step + 1, now.seconds))
                terms = self._step(now.step, min(before, 1.0), warm)
                now.step += 1
                now.seconds = time.monotonic() - started
                done = budget.progress(now.step, now.seconds)
                now.done = done >= 1 or self.objective.enough()
                if self.validation and (now.done or budget.validate_now(now.step, done, before)):
                    self._validate(terms)
                    now.seconds = time.monotonic() - started
                if now.done or time.monotonic() - last_saved >= self.config.checkpoint_seconds:
                    self._save()
                    last_saved = time.monotonic()
                report(min(done, 1.0), self._words(terms))
        if now.best is not None:
            self.teacher.load_state_dict(now.best)

    def _warm(self, step: int, progress: float) -> float:
        """The share of the learning rate in this step, 1 after `warmup_steps` or a tenth of the run, whichever is
        shorter. progress: after the step."""
        return min(1.0, max((step + 1) / max(1, self.config.warmup_steps), progress / WARM_UP))

    def _step(self, step: int, progress: float, warm: float) -> dict[str, float]:
        batch = self.feed.batch(step)
        self.plain.train()
        values: dict[str, float] = {}
        for player, optimiser in enumerate(self.optimisers):
            moment = Moment(step, progress, player, self.teacher)
            rate = self.config.learning_rate * warm
            for group in optimiser.param_groups:
                group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * progress))
            terms = self._gradients(batch, moment)
            owned = [p for group in optimiser.param_groups for p in group["params"]]
            if self.config.sharpness:
                with uphill(self.plain, owned, self.config.sharpness):
                    self._gradients(batch, moment)
            nn.utils.clip_grad_norm_(owned, self.config.clip)
            optimiser.step()
            values |= {name: term.item() for name, term in terms.items()}
        self.objective.after_step(self.plain, batch, Moment(step, progress, len(self.optimisers) - 1, self.teacher))
        self._average(step)
        return values

    def _gradients(self, batch: Batch, moment: Moment) -> dict[str, torch.Tensor]:
        """Of the loss, in all parameters; returns its terms. What is drawn at random depends on the step alone."""
        torch.manual_seed(self.config.seed * 1_000_003 + moment.step)  # inside fit's fork_rng
        with self.fabric.autocast():
            terms = self.objective.loss(self.plain, batch, moment)
        loss = torch.stack(list(terms.values())).sum()
        if not torch.isfinite(loss):
            raise CutisError(
                f"step {moment.step}: the loss is {loss.item()}. Start another run with a lower --learning-rate."
            )
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        self.fabric.backward(loss)
        return terms

    @torch.no_grad()
    def _average(self, step: int) -> None:
        decay = min(self.config.average, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.teacher.parameters()), list(self.plain.parameters()), 1 - decay)
        for slow, fast in zip(self.teacher.buffers(), self.plain.buffers(), strict=True):
            slow.copy_(fast)

    def _validate(self, terms: dict[str, float]) -> None:
        assert self.validation is not None
        now = self.standing
        scores = self.validation.scores(self.teacher, self.fabric)
        now.history.append({"step": now.step, "seconds": round(now.seconds, 1), **terms, **scores})
        self._log()
        if self.config.patience is None:
            return
        if scores["log_loss"] < now.best_score:
            now.best_score, now.since_best = scores["log_loss"], 0
            now.best = {k: v.clone() for k, v in self.teacher.state_dict().items()}
        else:
            now.since_best += 1
            now.done = now.done or now.since_best >= self.config.patience

    def scored(self) -> dict[str, Any]:
        """What validation says of the weights that are kept: the last entry of the log, or with patience the best; and
        what that is worth (`Validation.standing`). {} without a validation part."""
        if self.validation is None or not self.standing.history:
            return {}
        history = self.standing.history
        kept = history[-1] if self.standing.best is None else min(history, key=lambda row: row["log_loss"])
        return {**kept, **self.validation.standing(self.teacher, self.fabric, self.config.seed)}

    def _log(self) -> None:
        """log.jsonl, whole, so that a resumed run doesn't hold a validation twice."""
        with atomic_file(self.folder / "log.jsonl") as partial:
            partial.write_text("".join(json.dumps(row) + "\n" for row in self.standing.history), encoding="utf-8")

    def _words(self, terms: dict[str, float]) -> str:
        text = " ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in terms.items())
        if self.standing.history:
            text += f" · val balanced accuracy {self.standing.history[-1]['balanced_accuracy']:.3f}"
        return f"step {self.standing.step} · {text}"

    def _save(self) -> None:
        state: dict[str, Any] = {
            "network": self.plain.state_dict(),
            "teacher": self.teacher.state_dict(),
            "objective": self.objective.state_dict(),
            "optimisers": [o.state_dict() for o in self.optimisers],
            "standing": vars(self.standing),
        }
        checkpoint.save(self.file, state)

    def resume(self) -> bool:
        """Take up where the last checkpoint left off; without one, start at the beginning. Says which."""
        if not self.file.exists():
            return False
        state = checkpoint.load(self.file)
        self.plain.load_state_dict(state["network"])
        self.teacher.load_state_dict(state["teacher"])
        self.objective.load_state_dict(state["objective"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.standing = Standing(**state["standing"])
        self._log()
        return True


@contextmanager
def _repeatable() -> Iterator[None]:
    """On a GPU, the same bits from the same step: cuDNN's algorithms by what they do, not by how they were timed."""
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before


def _adamw(params: list[nn.Parameter], config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019); scales and biases aren't decayed."""
    decayed = [p for p in params if p.requires_grad and p.ndim > 1]
    others = [p for p in params if p.requires_grad and p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=config.learning_rate, fused=True)
