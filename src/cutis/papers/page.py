"""docs/papers.md, made of the claims and of the results file; nothing in it is written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from cutis.papers.claim import Claim
from cutis.papers.metrics import IN_GROUPS
from cutis.papers.registry import verdict_of
from cutis.papers.results import interval

_HEAD = """# Published mechanisms in Cutis

Made by `cutis papers page` from `src/cutis/papers/claims/` and `benchmarks/results/papers.csv`. Each claim was put to
the test in small worlds and with small networks: a verdict says what happened there, not what a paper measured
elsewhere. *Effect* is method less baseline, the mean over seeds with a 95 % interval (between seeds and over resampled
patients or lesions of the test part). A verdict is where that interval lies: of twenty mechanisms that do nothing one
would still be beside 0. "Not shown" is an interval that holds 0; without an interval there is no verdict. *Budget*:
what differs from the world's own settings; scale is the share of its images. *Cost* is a step's time over the plain
step's (`benchmarks/papers_overhead.py`), or where no step was timed, a training's wall time over the baseline's,
whatever else the machine did. `cutis papers show ID` tells more, `cutis papers run ID` repeats it.

| id | mechanism | world | verdict | metric | baseline | effect | seeds | budget | cost |
|---|---|---|---|---|---|---|---|---|---|
"""


_WORLDS = """## The planted worlds

A world can only tell methods apart if the baseline shows the bias that was planted, and as many images without it don't
(`cutis papers worlds`). The gap is the average odds difference: balanced accuracy where class and nuisance go together
as they did in training, less that where they don't.

| world | baseline's gap | oracle's gap | seeds |
|---|---|---|---|
"""


_GROUPS = """## Groups of photographs

Trials on HAM10000 that are about groups, looked at in all groups, whichever the method was told: AUROC of malignant in
the best group less that in the worst. Groups are estimated tone (the darker half of these pictures, which isn't dark
skin, and the lighter), contrast of lesion and skin (half and half), hair, ruler and dark corners as detected, age from
50 on. A cell: baseline -> method, effect [95 % interval over seeds and resampled lesions]. Worst groups (above) hold
classes of a few test pictures, so only a large effect on them can show. `papers_beside.csv` has these and the rest of
what was measured beside the claims.

"""


def page(
    claims: Sequence[Claim],
    results: Sequence[Mapping[str, str]],
    worlds: Sequence[Mapping[str, str]] = (),
    beside: Sequence[Mapping[str, str]] = (),
    steps: Mapping[str, float] = MappingProxyType({}),
) -> str:
    """The page's Markdown. results, worlds, beside: lines of the three files. steps: method -> its step's time over the
    plain step's."""
    rows, told = [], []
    for claim in claims:
        for world, result in verdict_of(claim, results):
            rows.append(_row(claim, world, result, steps))
        told.append(_told(claim))
    seen = _WORLDS + "\n".join(_world(worlds)) + "\n\n" if worlds else ""
    seen += _groups(beside)
    return _HEAD + "\n".join(rows) + "\n\n" + seen + "## Each in short\n\n" + "\n\n".join(told) + "\n"


def _world(rows: Sequence[Mapping[str, str]]) -> list[str]:
    told: dict[str, dict[str, str]] = {}
    for row in rows:
        told.setdefault(row["world"], {"seeds": row["seeds"]})[row["arm"]] = _short(row["gap"], True) + interval(
            row, _short
        )
    return [f"| {w} | {t.get('baseline', '')} | {t.get('oracle', '')} | {t['seeds']} |" for w, t in told.items()]


def _groups(beside: Sequence[Mapping[str, str]]) -> str:
    """The table of the trials that have an AUROC gap beside them, if there are any."""
    names = [metric.name for metric in IN_GROUPS]
    cells: dict[str, dict[str, str]] = {}
    for row in beside:
        if row["world"] == "ham10000" and row["metric"] in names:
            effect = _short(row["effect"], True) + interval(row, _short)
            cells.setdefault(row["id"], {})[row["metric"]] = (
                f"{_short(row['before'])} -> {_short(row['after'])}, {effect}"
            )
    found = {name: told for name, told in cells.items() if any(metric.startswith("auroc_gap") for metric in told)}
    if not found:
        return ""
    head = f"| id | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}\n"
    lines = [f"| {name} | {' | '.join(told.get(m, '') for m in names)} |" for name, told in found.items()]
    return _GROUPS + head + "\n".join(lines) + "\n\n"


def _row(claim: Claim, world: str, result: Mapping[str, str] | None, steps: Mapping[str, float]) -> str:
    if result is None:
        return f"| {claim.id} | {claim.title} | {world} | not run yet | | | | | | |"
    trial = claim.trial(world)
    step = steps.get(_timed_as(claim, trial.method)) if trial else None
    wall = float(result["seconds_after"]) / max(float(result["seconds_before"]), 0.1)
    cost = f"training x {wall:.2f}" if step is None else f"step x {step:.2f}"
    metric = f"{result['metric']}, {result['better']} is better"
    effect = _short(result["effect"], True) + interval(result, _short)
    return (
        f"| {claim.id} | {claim.title} | {world} | **{result['verdict']}** | {metric} | "
        f"{_short(result['before'])} | {effect} | {result['seeds']} | "
        f"{result['budget']} | {cost} |"
    )


def _timed_as(claim: Claim, settings: Mapping[str, Any]) -> str:
    """The name that a trial's step has in the benchmark."""
    return str(settings.get("method") or settings.get("structure") or claim.id)


def _told(claim: Claim) -> str:
    notes = "".join(f" *{world}*: {words}" for world, words in claim.notes.items())
    return f"**{claim.id}** (`{claim.where}`). {claim.citation} Claim: {claim.claim} Ours: {claim.differences}{notes}"


def _short(text: str, sign: bool = False) -> str:
    return f"{float(text):+.3f}" if sign else f"{float(text):.3f}"
