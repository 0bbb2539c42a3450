"""Fit and check what `cutis.image.quality` ships: skin's colour, the is-it-skin weights, and each measure's threshold.

    python benchmarks/quality_thresholds.py [--n 2000] [--fit]

Fitted on HAM10000's training images, half of ISIC 2017, phantoms of six tones, and the training parts of what isn't
skin; thresholds are set where `SHARE` of those real images fail, or lower where phantoms of any tone would. With --fit
the numbers are printed, to be put into quality/*.py by hand. Without it the shipped numbers are checked on images that
nothing was fitted on: what share of good ones is refused, what share of each fault and of each kind of not-skin is
caught, and by which measure. The rows go to results/quality_thresholds.csv; the last line is `refused good=X.XX %`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from itertools import repeat

import cv2
import numpy as np

from common import record, stamp, table
from cutis.image.assess import assess
from cutis.image.quality import MEASURES
from cutis.image.quality.skin import FEATURES, skin_features
from cutis.image.working import Working
from cutis.schema.vocabulary import FITZPATRICK
from quality_data import FAULTS, HELD_OUT, NOT_SKIN, ham, ham_masks, isic2017, not_skin, phantoms

SHARE = 0.002  # of the real skin images fitted on, that each threshold lets fail
FITTED = ("light", "headroom", "gradient", "wavelet", "framing", "glare", "colour_cast", "skin")


def fit(n: int) -> None:
    """Print the numbers to ship."""
    skin_images = [Working(p) for _, p in ham(("train",), n)]
    tones = {t: [Working(p) for p in phantoms(t, n // 20)] for t in FITZPATRICK}
    skin_images += [Working(p) for p in isic2017(n // 4, "train")]
    everyone = [*skin_images, *(v for views in tones.values() for v in views)]
    colours = np.array([cv2.mean(v.lab, mask=v.small_field)[1:3] for v in everyone]) - 128
    whiten = np.linalg.cholesky(np.linalg.inv(np.cov(colours.T))).T
    print("colour_cast: _MEAN =", colours.mean(0).round(2).tolist(), "_WHITEN =", whiten.round(4).tolist())

    others = {name: [Working(p) for p in not_skin(name, "train", n // 8)] for name in NOT_SKIN}
    left_out = {}
    for name in NOT_SKIN:
        weights, bias = _logistic(everyone, [v for k, views in others.items() if k != name for v in views])
        cut = np.quantile([skin_features(v) @ weights + bias for v in skin_images], SHARE)
        left_out[name] = np.mean([skin_features(v) @ weights + bias < cut for v in others[name]])
    print("not-skin caught when its own kind is left out of the fit:", {k: round(v, 3) for k, v in left_out.items()})
    weights, bias = _logistic(everyone, [v for views in others.values() for v in views])
    print("skin: _WEIGHTS =", dict(zip(FEATURES, weights.round(3).tolist(), strict=True)), "_BIAS =", round(bias, 3))

    for name in FITTED:
        if name in ("skin", "colour_cast"):
            continue  # run again once their numbers are in place
        values = np.array([MEASURES[name](v).value for v in skin_images])
        lowest = {t: np.quantile([MEASURES[name](v).value for v in views], SHARE) for t, views in tones.items()}
        print(
            f"{name}: real {np.quantile(values, SHARE):.4f}; phantoms",
            {t: round(float(v), 3) for t, v in lowest.items()},
        )
    whitened = -np.hypot(*(whiten @ (colours - colours.mean(0)).T))
    print("colour_cast threshold:", round(float(np.quantile(whitened[: len(skin_images)], SHARE)), 2))
    odds = np.array([skin_features(v) @ weights + bias for v in everyone])
    print(
        "skin threshold:",
        round(float(np.quantile(odds[: len(skin_images)], SHARE)), 2),
        "phantoms",
        odds[len(skin_images) :].min(),
    )


def _logistic(skin: list[Working], other: list[Working]) -> tuple[np.ndarray, float]:
    """Weights on `skin_features` as they come, and bias."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    x = np.array([skin_features(v) for v in [*skin, *other]])
    y = np.r_[np.ones(len(skin)), np.zeros(len(other))]
    scale = StandardScaler().fit(x)
    model = LogisticRegression(C=0.3, class_weight="balanced", max_iter=2000).fit(scale.transform(x), y)
    weights = model.coef_[0] / scale.scale_
    return weights, float(model.intercept_[0] - weights @ scale.mean_)


def judged(
    name: str, kind: str, images: Iterable[np.ndarray], masks: Iterable[np.ndarray | None] = repeat(None)
) -> dict[str, object]:
    """A row: how many images, the share refused, and the shares refused by each measure."""
    found = [assess(p, m) for p, m in zip(images, masks, strict=False)]
    row: dict[str, object] = {"images": name, "kind": kind, "n": len(found)}
    row["refused"] = f"{np.mean([not a.ok for a in found]):.4f}"
    for measure in MEASURES:
        row[measure] = f"{np.mean([not a.scores[measure].ok for a in found]):.4f}"
    return row


def check(n: int) -> None:
    """Measure the shipped numbers on images that nothing was fitted on, and record it."""
    clean = [p for _, p in ham(("val", "test"), n, seed=1)]
    rows = [judged("HAM10000 val and test", "good", clean), judged("ISIC 2017", "good", isic2017(n // 2, "test"))]
    rows += [judged(f"phantom, tone {t}", "good", phantoms(t, n // 10, seed=1)) for t in FITZPATRICK]
    few = clean[: n // 4]
    rows += [
        judged(name, f"fault: {code or 'advice only'}", (spoil(p) for p in few))
        for name, (code, spoil) in FAULTS.items()
    ]
    for name in (*NOT_SKIN, *HELD_OUT):
        rows.append(judged(name, "not skin", not_skin(name, "test", n // 4)))
    ids = [i for i, _ in ham(("val", "test"), n // 4, seed=1)]
    masks = list(ham_masks(ids))
    rows.append(judged("HAM10000, lesion known", "good", few, masks))
    for name in ("a third cut off", "half cut off"):
        code, spoil = FAULTS[name]
        rows.append(judged(f"{name}, lesion known", f"fault: {code}", map(spoil, few), map(spoil, masks)))
    overlap = []
    for image, mask in zip(few, masks, strict=True):
        guess, true = Working(image).lesion > 0, Working(image, mask).lesion > 0
        overlap.append((guess & true).sum() / max((guess | true).sum(), 1))
    poor = np.mean(np.array(overlap) < 0.3)
    print(f"guessed lesion against HAM10000's masks: median IoU {np.median(overlap):.2f}, {poor:.0%} under 0.3")
    for row in rows:
        row.update(stamp("opencv-python-headless"))
    record("quality_thresholds", rows)
    print(table(rows, ["images", "kind", "n", "refused", *MEASURES]))
    print(f"refused good={100 * float(str(rows[0]['refused'])):.2f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=2000, help="HAM10000 images; of the rest, a fraction of it")
    parser.add_argument(
        "--fit", action="store_true", help="print numbers fitted anew instead of checking those shipped"
    )
    asked = parser.parse_args()
    if asked.n < 80:
        sys.exit("--n: at least 80 images")
    cv2.setNumThreads(1)
    (fit if asked.fit else check)(asked.n)


if __name__ == "__main__":
    main()
