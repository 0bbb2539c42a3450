from __future__ import annotations

from pathlib import Path

from cutis.cli import say


def calibrate_(
    bundle: Path,
    dataset: Path,
    *,
    out: Path,
    calibrator: str = "temperature",
    sets: str = "lac",
    by: str = "",
    coverage: float = 0.9,
    ood: str | None = None,
) -> None:
    """Fit other probabilities, sets or refusals on a dataset's validation part, as a new bundle; nothing is trained.

    Parameters
    ----------
    bundle
        Bundle folder.
    dataset
        Dataset folder, labelled and split.
    out
        Bundle folder to make.
    calibrator
        temperature, vector or isotonic.
    sets
        lac (smallest), aps or raps (never empty-handed, larger).
    by
        "class" for one quantile a class, or a column (fitzpatrick_skin_type, sex) for one a group.
    coverage
        Share of answers whose set shall hold the truth.
    ood
        Score that refuses images unlike the training images (the bundle's own, with its threshold, if not given): knn,
        msp, maxlogit, energy, mahalanobis, relative_mahalanobis or vim.
    """
    from cutis.bundle.fit import Choice
    from cutis.bundle.load import load_bundle
    from cutis.bundle.recalibrate import recalibrate

    recalibrate(bundle, dataset, out, Choice(calibrator, sets, by, coverage, ood))  # type: ignore[arg-type]
    card = load_bundle(out).card
    assert card.conformal is not None
    say(f"{out}: {card.calibrator.words()}; sets: {card.conformal.words()}")
    if ood and card.ood:
        say(f"refuses: {card.ood.method} above {card.ood.threshold:.4g}")
    for limit in card.limits:
        say(f"limit: {limit}")
    say(f"next: cutis predict {out} {dataset} --out preds.parquet")
