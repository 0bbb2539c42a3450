"""What `cutis papers` does, a function an action."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cutis.errors import CutisError, nearest
from cutis.extras import require
from cutis.files import atomic_file
from cutis.papers.claim import Claim, Made
from cutis.papers.metrics import gap
from cutis.papers.page import page
from cutis.papers.registry import every_claim, find_claim, verdict_of
from cutis.papers.results import (
    BESIDE_FIELDS,
    WORLD_FIELDS,
    beside_file,
    beside_row,
    interval,
    read,
    record,
    row_of,
    steps,
    world_row,
    worlds_file,
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class How:
    """world: one only, or None. data: of the real world. seeds: how many. budget: of each training. scale: share of the
    worlds' images. folder: where they are kept; None is a temporary one."""

    world: str | None = None
    data: Path | None = None
    seeds: int = 5
    budget: Mapping[str, Any] = field(default_factory=dict)
    scale: float = 1.0
    folder: Path | None = None

    @property
    def told(self) -> str:
        return ", ".join(f"{k}={v}" for k, v in {**self.budget, "scale": self.scale}.items())


def list_all(results: Path, say: Say) -> None:
    """A line a claim and world."""
    known, found = every_claim(), read(results)
    width = max(map(len, known))
    for claim in known.values():
        for world, result in verdict_of(claim, found):
            told = f"{result['verdict']} ({result['date']})" if result else "not run yet"
            say(f"{claim.id:<{width}}  {world:<13}  {told:<26}  {claim.title}  [{claim.where}]")
    say("next: cutis papers show ID")


def show(name: str, results: Path, say: Say) -> None:
    claim = find_claim(name)
    for head, words in (
        ("", claim.title),
        ("paper", claim.citation),
        ("claim", claim.claim),
        ("idea", claim.idea),
        ("equation", claim.equation),
        ("ours differs", claim.differences),
        ("code", f"src/cutis/{claim.where}"),
        ("to train with it", claim.use),
    ):
        say(f"{head}: {words}" if head else words)
    beside = [row for row in read(beside_file(results), BESIDE_FIELDS) if row["id"] == claim.id]
    for world, result in verdict_of(claim, read(results)):
        if result is None:
            say(f"{world}: not run yet. Run: cutis papers run {claim.id} --world {world}")
        else:
            told = f"{result['metric']} {result['before']} -> {result['after']}, effect {result['effect']}"
            say(f"{world}: {result['verdict']} ({told}{interval(result)}, {result['seeds']} seeds, {result['date']})")
        for row in beside:
            if row["world"] == world:
                say(f"  {row['metric']} {row['before']} -> {row['after']}, {row['effect']}{interval(row)}")
        if note := claim.notes.get(world):
            say(f"  {note}")


def run(name: str, how: How, results: Path, say: Say) -> None:
    """Run the trials of one claim, or of "all", and record each as it ends."""
    require("train")
    from cutis.papers.trial import run_trial

    _check(how)
    chosen = list(every_claim().values()) if name == "all" else [find_claim(name)]
    trials = [(claim, trial) for claim in chosen for trial in claim.trials if how.world in (None, trial.world)]
    if not trials:
        raise CutisError(f"{name}: no trial in {how.world}; its worlds are {', '.join(_worlds(chosen))}.")
    with _worlds_in(how) as make:
        for claim, trial in trials:
            if how.world is None and _is_real(trial.world) and how.data is None:
                say(f"{claim.id} in {trial.world}: left out; it asks for --data DATASET")
                continue
            say(f"{claim.id} in {trial.world}: {how.seeds} seeds of baseline and method")
            outcome = run_trial(trial, make(trial.world), range(how.seeds), how.budget)
            for e in outcome.effects:
                between = "no interval" if e.low is None else f"{e.low:+.3f} to {e.high:+.3f}"
                say(f"  {e.metric}: {e.before:.3f} -> {e.after:.3f}, {e.value:+.3f} ({between})")
            before, after = outcome.seconds
            say(f"  {outcome.verdict}; {before:.0f} s -> {after:.0f} s a training, peak memory {outcome.memory:.0f} MB")
            told = (range(how.seeds), how.told)
            record(results, row_of(claim.id, trial.world, trial.metric.better, outcome, *told))
            for metric, e in zip(trial.beside, outcome.effects[1:], strict=True):
                record(beside_file(results), beside_row(claim.id, trial.world, metric.better, e, *told), keys=3)
    say(f"recorded: {results}")


def look_at_worlds(how: How, results: Path, say: Say) -> None:
    """Of each world with a planted bias: the baseline's gap, and the oracle's, recorded beside `results`. Exit by
    CutisError if one can't tell."""
    require("train")
    from cutis.papers.trial import level, predicted, trained
    from cutis.papers.worlds import WORLDS

    _check(how)
    useless, untold = [], []
    with _worlds_in(how) as make:
        for name in [how.world] if how.world else WORLDS:
            if _is_real(name):
                continue
            made = make(name)
            if made.oracle is None:
                say(f"{name}: no bias is planted")
                continue
            found = []
            for arm, data in (("baseline", made.train), ("oracle", made.oracle)):
                tables = [predicted(trained(made, data, how.budget, s), made) for s in range(how.seeds)]
                found.append(level(gap(), tables))
                told = "" if found[-1].low is None else f" ({found[-1].low:+.3f} to {found[-1].high:+.3f})"
                say(f"{name}, {arm}: gap {found[-1].value:+.3f}{told}")
                record(worlds_file(results), world_row(name, arm, found[-1], how.told))
            baseline, oracle = found
            if baseline.low is None:
                untold.append(name)
            elif baseline.low <= 0 or oracle.value >= baseline.low:
                useless.append(name)
    if untold:
        say(f"{', '.join(untold)}: too few seeds to say whether it can tell methods apart (give --seeds 2 or more)")
    if useless:
        raise CutisError(f"{', '.join(useless)}: can't tell methods apart: no gap to close, or the oracle doesn't.")


def write_page(results: Path, out: Path, say: Say) -> None:
    with atomic_file(out) as partial:
        worlds, beside = read(worlds_file(results), WORLD_FIELDS), read(beside_file(results), BESIDE_FIELDS)
        told = page(list(every_claim().values()), read(results), worlds, beside, steps(results))
        partial.write_text(told, encoding="utf-8")
    say(f"{out}: {len(every_claim())} mechanisms")


def _check(how: How) -> None:
    from cutis.papers.worlds import WORLDS

    if how.world is not None and how.world not in WORLDS:
        raise CutisError(f'--world "{how.world}": {nearest(how.world, WORLDS)}')
    if how.seeds < 1:
        raise CutisError(f"--seeds {how.seeds}: expected 1 or more.")
    if not 0 < how.scale <= 1:
        raise CutisError(f"--scale {how.scale}: expected a share above 0, at most 1.")


def _is_real(world: str) -> bool:
    from cutis.papers.worlds import WORLDS

    return WORLDS[world].real


def _worlds(claims: list[Claim]) -> list[str]:
    return list(dict.fromkeys(trial.world for claim in claims for trial in claim.trials))


@contextmanager
def _worlds_in(how: How) -> Iterator[Callable[[str], Made]]:
    """Makes each world once; where a folder is kept, in a folder of its own for each scale."""
    from cutis.papers.worlds import WORLDS, opened

    ready: dict[str, Made] = {}
    with tempfile.TemporaryDirectory() as temporary:
        root = how.folder or Path(temporary)

        def make(name: str) -> Made:
            if name not in ready:
                ready[name] = opened(WORLDS[name], root / f"{name}-{how.scale:g}", how.scale, how.data)
            return ready[name]

        yield make
