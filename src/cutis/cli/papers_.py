from __future__ import annotations

from pathlib import Path
from typing import Literal

from cutis.cli import on_interrupt, say
from cutis.errors import CutisError

RESULTS = Path("benchmarks/results/papers.csv")


def papers_(
    action: Literal["list", "show", "run", "worlds", "page"] = "list",
    name: str | None = None,
    *,
    world: str | None = None,
    data: Path | None = None,
    seeds: int = 5,
    minutes: float | None = None,
    epochs: int | None = None,
    scale: float = 1.0,
    device: str = "auto",
    folder: Path | None = None,
    results: Path = RESULTS,
    out: Path = Path("docs/papers.md"),
) -> None:
    """Published mechanisms: list them, show one, run its claim again, and write down what came of it.

    Parameters
    ----------
    action
        list: every mechanism with its last verdict. show NAME: citation, idea, equation, what we do otherwise, how to
        train with it. run NAME (or all): baseline and method on the same seeds and budget, and the verdict. worlds:
        whether the planted worlds can tell at all. page: write docs/papers.md.
    name
        Id of the published system.
    world
        Only this world: phantom, phantom-patch, phantom-hair, phantom-tone or ham10000. All of the claim's by default;
        ham10000 asks for --data.
    data
        HAM10000 as a dataset folder (cutis import SOURCE DEST --as ham10000).
    seeds
        How many, from 0.
    minutes
        Wall time of each training, instead of the world's own number of passes.
    epochs
        Passes of each training.
    scale
        Share of the world's images, for a quick look.
    device
        auto, cpu or cuda.
    folder
        Where worlds and runs are kept, and found again; a temporary folder if not given.
    results
        Table to read and write; what is found of worlds goes beside it, as NAME_worlds.csv.
    out
        Page to write.
    """
    from cutis.papers import commands

    if action in ("show", "run") and name is None:
        raise CutisError(f"papers {action}: which? Give an id; `cutis papers` lists them.")
    if action == "list":
        commands.list_all(results, say)
    elif action == "show":
        commands.show(name or "", results, say)
    elif action == "page":
        commands.write_page(results, out, say)
    else:
        budget = {"minutes": minutes, "epochs": epochs, "accelerator": None if device == "auto" else device}
        how = commands.How(world, data, seeds, {k: v for k, v in budget.items() if v is not None}, scale, folder)
        left = f"interrupted; trials that ended are in {results}"
        left += f", trainings in {folder}: give the same command again to go on." if folder else "."
        with on_interrupt(lambda: left):
            if action == "worlds":
                commands.look_at_worlds(how, results, say)
            else:
                commands.run(name or "", how, results, say)
