from __future__ import annotations

from pathlib import Path
from typing import Literal

from cutis.cli import say


def split_(
    dataset: Path,
    *,
    scheme: str | None = None,
    close: str | None = None,
    test: float = 0.2,
    val: float = 0.1,
    folds: int | None = None,
    source: bool = False,
    seed: int = 0,
    same_ids: Literal["ask", "fold", "keep"] | None = None,
    overwrite: bool = False,
) -> None:
    """Split a dataset so that no patient, lesion or near-duplicate is in two parts, and prove it.

    Parameters
    ----------
    dataset
        Dataset folder.
    scheme
        holdout, kfold or leave-one-source-out (each source is a fold).
    close
        What ties images together, separated by commas: patient, lesion, near-duplicate; or image alone, which
        leaks and is stamped on the proof. By default all that is known.
    test
        Share of the images to keep for the test part.
    val
        Share for the validation part (calibration, early stopping).
    folds
        Make this many folds instead: fold 0 tests, fold 1 validates, the rest train; every fold number is kept.
    source
        Keep the source's own split, if no patient, lesion or near-duplicate crosses it.
    seed
        Another seed, another split.
    same_ids
        What ids are that may be one, spelled otherwise (P7 and p7, 7 and 0007): ask keeps them together and warns (the
        default), fold says they are one, keep says they are different.
    overwrite
        Replace the dataset's present split.
    """
    from cutis.data.split import split

    made = split(
        dataset,
        scheme=scheme,
        close=None if close is None else [name.strip() for name in close.split(",") if name.strip()],
        test=test,
        val=val,
        folds=folds,
        source=source,
        seed=seed,
        same_ids=same_ids,
        overwrite=overwrite,
    )
    say(made.proof.format())
    say(f"next: cutis train {dataset} --out runs/{dataset.name}")
