"""How far ways to estimate skin tone agree on real dermoscopy, and pictures of changed tone: docs/explanation/tone.md.

    python benchmarks/tone_agreement.py [--images 1000] [--published FOLDER]    # needs ../shared/data

Re-runs the finding of Kalb et al., "Revisiting Skin Tone Fairness in Dermatological Lesion Classification" (FAIMI
2023) on samples of HAM10000 and ISIC 2017. --published: a checkout of that paper's repository (on GitHub, under tkalbl,
RevisitingSkinToneFairness, CC BY-NC-ND), whose tables hold Kinyanjui's own ITA and Bevan's types of HAM10000's
images; they are compared with ours and not copied. Also writes docs/pictures/retone.jpg from ISIC 2017 images (CC0).
"""

from __future__ import annotations

import argparse
import io
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import polars as pl
from PIL import Image

from common import ROOT, SHARED
from cutis.data.threads import ordered
from cutis.data.tone import measure, tone_schema
from cutis.evaluate.resampled import Resampling
from cutis.evaluate.tone import tone_agreement
from cutis.image.decode import decode
from cutis.image.pigments import retone
from cutis.image.tone import METHODS, thresholds

PUBLISHED = ("kinyanjui2019", "groh2021", "groh2022", "bevan2022", "bevan2022_atan2", "corbin2023", "bencevic2025")
STRIP = ("ISIC_0000451", "ISIC_0002287", "ISIC_0000133", "ISIC_0009344")
TONES = (60, 35, 10, -20, -50)
SIDE = 150

Reader = Callable[[str], bytes]


def tables(images: int, seed: int = 0) -> dict[str, tuple[pl.DataFrame, list[str]]]:
    """Set -> (tone table, lesion of each row) of a random sample."""
    ham, isic = SHARED / "ham10000", SHARED / "isic2017"
    packed = {what: zipfile.ZipFile(ham / f"{what}.zip") for what in ("images", "masks")}

    def of_ham(name: str) -> bytes:
        archive = packed[name.partition("/")[0]]
        held = {Path(n).name: n for n in archive.namelist()}
        return archive.read(held[Path(name).name])

    found = {}
    for title, folder, read, unit in (
        ("HAM10000", ham, of_ham, "lesion_id"),
        ("ISIC 2017", isic, lambda name: (isic / name).read_bytes(), "group_id"),
    ):
        rows = pl.read_csv(folder / "metadata.csv").select("image_id", "file", "mask", unit)
        rows = rows.sample(min(images, len(rows)), seed=seed).sort("image_id")
        bytes_of = [(i, read(f), read(m)) for i, f, m, _ in rows.iter_rows()]
        table = pl.DataFrame(
            list(ordered(partial(one, methods=list(METHODS)), bytes_of)), schema=tone_schema([*METHODS])
        )
        found[title] = table, rows[unit].to_list()
    return found


def one(item: tuple[str, bytes, bytes], methods: list[str]) -> dict[str, object]:
    image_id, image, mask = item
    return measure(image, mask, image_id, methods)


def per_method(found: dict[str, tuple[pl.DataFrame, list[str]]]) -> list[str]:
    cuts = thresholds("kinyanjui_fst")
    lines = [
        "| estimator | set | refused | median ITA | share of types 1 / 2 / 3 / 4 / 5 / 6, % |",
        "|---|---|---:|---:|---|",
    ]
    for m, estimator in METHODS.items():
        for title, (table, _) in found.items():
            ita = table[f"ita_{m}"].drop_nulls().to_numpy()
            ranks = np.bincount([cuts.rank(v) for v in ita], minlength=6)
            shares = " / ".join(f"{100 * n / len(ita):.0f}" for n in ranks)
            name = f"{m}: {estimator.idea}" if title == "HAM10000" else ""
            lines.append(f"| {name} | {title} | {len(table) - len(ita)} | {np.median(ita):.1f} | {shares} |")
    return lines


def pairs(found: dict[str, tuple[pl.DataFrame, list[str]]]) -> list[str]:
    cuts = thresholds("kinyanjui_fst")
    lines = []
    for title, (table, units) in found.items():
        by = Resampling(groups=units, unit="lesion" if title == "HAM10000" else "near-duplicate group")
        lines += [
            "",
            f"{title}, {len(table):,} images, intervals by {by.unit}:",
            "",
            "| estimators | same type | quadratic kappa | mean difference, degrees |",
            "|---|---|---|---|",
        ]
        agreed = tone_agreement(table, ["cutis", *PUBLISHED], cuts.rank, resampling=by)
        for pair in sorted(agreed, key=lambda p: p.same.value or 0):
            lines.append(
                f"| {pair.first}, {pair.second} | {pair.same.format(2)} | {pair.kappa.format(2)} | "
                f"{pair.difference.format(1)} |"
            )
    return lines


def against_published(table: pl.DataFrame, folder: Path) -> list[str]:
    kinyanjui = pl.read_csv(next(folder.rglob("metadata.csv"))).select(
        image_id=pl.col("image").str.replace(".jpg", "", literal=True), theirs="estimated_ita"
    )
    bevan = pl.read_csv(folder / "Bevan_corrected.csv").select(
        pl.col("image").str.replace(".jpg", "", literal=True).alias("image_id"),
        "fitzpatrick_Bevan",
        "fitzpatrick_corrected",
    )
    cuts = thresholds("kinyanjui_fst")
    both = table.join(kinyanjui, on="image_id").join(bevan, on="image_id")
    lines = [
        "",
        f"Against the estimates that its authors published of the same {len(both)} HAM10000 images (ours are of 200 x "
        "150 pixels, theirs of 600 x 450):",
        "",
        "| estimator | compared | found |",
        "|---|---|---|",
    ]
    for m in ("kinyanjui2019", "cutis"):
        known = both.drop_nulls(["theirs", f"ita_{m}"])
        apart = (known["theirs"] - known[f"ita_{m}"]).to_numpy()
        r = float(np.corrcoef(known["theirs"], known[f"ita_{m}"])[0, 1])
        lines.append(
            f"| {m} | Kinyanjui's own ITA, n = {len(known)} | theirs - ours: median {np.median(apart):.1f} degrees, "
            f"middle half {np.quantile(apart, 0.25):.1f} to {np.quantile(apart, 0.75):.1f}; r = {r:.2f} |"
        )
    for m, column in (("bevan2022", "fitzpatrick_Bevan"), ("bevan2022_atan2", "fitzpatrick_corrected")):
        known = both.drop_nulls([column, f"ita_{m}"])
        ours = np.array([cuts.rank(v) + 1 for v in known[f"ita_{m}"]])
        same = float(np.mean(ours == known[column].to_numpy()))
        lines.append(f"| {m} | Kalb's types, n = {len(known)} | same type: {100 * same:.1f} % |")
    return lines


def strip() -> list[str]:
    """docs/pictures/retone.jpg, and its trust as a table."""
    folder = SHARED / "isic2017"
    lines = ["| image | measured ITA | asked for: achieved (round trip, grey levels) |", "|---|---:|---|"]
    rows = []
    for name in STRIP:
        image = decode((folder / "images" / f"{name}.jpg").read_bytes(), name)
        mask = decode((folder / "masks" / f"{name}.png").read_bytes(), name)[..., 0]
        row, words, measured = [image], [], 0.0
        for target in TONES:
            made = retone(image, target, mask)
            measured = made.trust.measured or measured
            row.append(np.full_like(image, 128) if made.image is None else made.image)
            if made.image is None:
                words.append(f"{target}: refused ({made.trust.reason})")
            else:
                words.append(f"{target}: {made.trust.achieved:.0f} ({made.trust.round_trip:.1f})")
        rows.append(np.hstack([cv2.resize(p, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for p in row]))
        lines.append(f"| {name} | {measured:.0f} | {'; '.join(words)} |")
    out = io.BytesIO()
    Image.fromarray(np.vstack(rows)).save(out, "JPEG", quality=85)
    (ROOT / "docs" / "pictures" / "retone.jpg").write_bytes(out.getvalue())
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--published", type=Path)
    given = parser.parse_args()
    found = tables(given.images)
    refused = [
        f"{title}: "
        + (
            ", ".join(
                f"{n} {reason}"
                for reason, n in table.filter(pl.col("status") == "refused")
                .group_by(pl.col("reason").str.split(":").list.first())
                .len()
                .sort("len", descending=True)
                .iter_rows()
            )
            or "none"
        )
        for title, (table, _) in found.items()
    ]
    parts = {
        "METHODS": per_method(found),
        "PAIRS": pairs(found),
        "REFUSED": [f"Refused by `cutis`, of {given.images:,} each: {'; '.join(refused)}."],
        "STRIP": strip(),
    }
    if given.published:
        parts["PUBLISHED"] = against_published(found["HAM10000"][0], given.published)
    page = ROOT / "docs" / "explanation" / "tone.md"
    text = page.read_text(encoding="utf-8")
    for name, lines in parts.items():
        before, _, rest = text.partition(f"<!-- {name} -->")
        _, _, after = rest.partition(f"<!-- /{name} -->")
        text = f"{before}<!-- {name} -->\n" + "\n".join(lines).strip() + f"\n<!-- /{name} -->{after}"
    page.write_text(text, encoding="utf-8")
    print("\n".join(line for lines in parts.values() for line in [*lines, ""]))


if __name__ == "__main__":
    main()
