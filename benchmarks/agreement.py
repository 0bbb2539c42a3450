"""Agreement of readers in two public annotation sets, beside the published numbers: docs/explanation/agreement.md.

    python benchmarks/agreement.py            # needs ../shared/data

published/groh2022.csv: what the replication notebook of Groh et al. 2022 prints (github.com/mattgroh/fitzpatrick17k,
annotation_evaluation/, commit fac223a): images with equal labels and with labels more than one apart of 320, where
"not applicable" (-1) counts as a label, and Pearson's r where both gave a type.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from common import ROOT, SHARED
from cutis.evaluate.agreement import agreement, cohen_kappa, correlation, fleiss_kappa, krippendorff_alpha
from cutis.evaluate.resampled import Resampling
from cutis.schema.estimate import Estimate

NAMES = {"e": "expert 1", "e2": "expert 2", "e3": "expert 3", "s": "crowd S", "c": "crowd C", "ita": "ITA"}
BY = Resampling(resamples=1000, seed=0)


def shown(found: Estimate, digits: int = 2) -> str:
    return found.format(digits)


def groh() -> list[str]:
    table = pl.read_csv(SHARED / "tables" / "groh2022_skin_tone_annotations.csv")
    rows = len(table)
    table = table.unique("image", keep="first", maintain_order=True)
    typed = {c: np.where(table[c].to_numpy() == -1, np.nan, table[c].to_numpy()) for c in NAMES}
    lines = [
        "## Skin type on photographs: three dermatologists, two crowds, an algorithm",
        "",
        f"Groh et al., CSCW 2022. The table holds {rows} rows of {len(table)} images; of an image listed twice, the "
        f"first is used. Published: what the authors' replication notebook prints for the same {len(table)} images. In "
        "its first two columns “not applicable” counts as a label, so it does here; r, kappa and alpha leave it out.",
        "",
        "| pair | equal, published | equal | within one, published | within one | r, published | r | "
        "quadratic kappa (95 %) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for a, b, equal, apart, r in pl.read_csv(ROOT / "benchmarks" / "published" / "groh2022.csv").iter_rows():
        labels = table.select(a, b).to_numpy()
        same, near = agreement(labels, resampling=BY), agreement(labels, within=1, resampling=BY)
        kappa = cohen_kappa(typed[a], typed[b], weights="quadratic", categories=[1, 2, 3, 4, 5, 6], resampling=BY)
        ours = correlation(typed[a], typed[b], resampling=BY)
        assert same.value is not None
        assert near.value is not None
        lines.append(
            f"| {NAMES[a]}, {NAMES[b]} | {equal} | {same.value * same.n:.0f} | {320 - apart} | "
            f"{near.value * near.n:.0f} | {r:.4f} | {shown(ours, 4).split(' ')[0]} | {shown(kappa)} |"
        )
    lines += ["", "| raters | Fleiss' kappa | alpha, nominal | alpha, ordinal |", "|---|---|---|---|"]
    for name, columns in (
        ("three experts", ("e", "e2", "e3")),
        ("experts and crowds", ("e", "e2", "e3", "s", "c")),
        ("experts and ITA", ("e", "e2", "e3", "ita")),
    ):
        ratings = np.stack([typed[c] for c in columns], 1)
        whole = ratings[~np.isnan(ratings).any(1)]
        alphas = (krippendorff_alpha(ratings, level=level, resampling=BY) for level in ("nominal", "ordinal"))
        lines.append(f"| {name} | {shown(fleiss_kappa(whole, resampling=BY))} | {' | '.join(map(shown, alphas))} |")
    return [
        *lines,
        "",
        "Every published number is reproduced, but for crowd S, where the table at hand has type 3 for one image "
        "and the authors' own has 2: with that put back, all digits agree (as a test checks). The paper's "
        "conclusion holds with kappa and alpha too: a crowd agrees with an expert about as well as another expert, "
        "and ITA markedly less.",
    ]


def enhance() -> list[str]:
    table = pl.read_csv(SHARED / "tables" / "enhance_isic2017_crowd_abc.csv")
    lines = [
        "## Asymmetry, border and colour scored by a crowd",
        "",
        f"ENHANCE (Raumanns et al., MELBA 2021): {len(table):,} ISIC 2017 images, three workers each. The columns are "
        "places, not people (which worker gave which score isn't in the table), so a kappa of two columns would mean "
        "nothing; Fleiss' and Krippendorff's do. No published value of these is known to us; the paper's abstract says "
        "that agreement between its sources is low.",
        "",
        "| feature | equal pairs | within one | Fleiss' kappa | alpha, ordinal | alpha, interval |",
        "|---|---|---|---|---|---|",
    ]
    for feature in ("asymmetry", "border", "color"):
        ratings = table.select(f"{feature}_{i}" for i in (1, 2, 3)).to_numpy()
        found = [
            agreement(ratings, resampling=BY),
            agreement(ratings, within=1, resampling=BY),
            fleiss_kappa(ratings, resampling=BY),
            krippendorff_alpha(ratings, level="ordinal", resampling=BY),
            krippendorff_alpha(ratings, level="interval", resampling=BY),
        ]
        lines.append(f"| {feature} | {' | '.join(shown(f) for f in found)} |")
    return lines


def main() -> None:
    head = [
        "# How well readers agree",
        "",
        "Written by `python benchmarks/agreement.py`; statistics and their sources: `src/cutis/evaluate/agreement.py`. "
        "Intervals: 95 %, bootstrap over images, as neither set says which images are of one patient.",
        "",
    ]
    text = "\n".join([*head, *groh(), "", *enhance(), ""])
    path = ROOT / "docs" / "explanation" / "agreement.md"
    path.write_text(text, encoding="utf-8")
    print(text)
    print(f"written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
