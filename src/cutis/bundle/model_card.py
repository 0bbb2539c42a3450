"""card.md: the bundle in words, for people; every number is also in bundle.json."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cutis.bundle.card import BundleCard
from cutis.bundle.ood import SCORES
from cutis.schema.performance import NEVER, Performance


def model_card(card: BundleCard, measured: Sequence[Performance] = ()) -> str:
    """The model card as Markdown. measured: see `cutis.bundle.measured`."""
    parts = [
        f"# {card.backbone}, trained on {card.dataset}",
        "A classifier of skin images, frozen by Cutis. It answers with a calibrated set of classes, or refuses. "
        "It is not a medical device.",
        f"Licence: **{card.licence.answer}**",
        *(f"Attribution: {who}" for who in card.licence.attribution),
        "## Measured",
        *_measured(card, measured),
        "## Classes",
        _table(("code", "name", "counts as", "note"), [_class_row(c) for c in card.classes]),
        "## Input",
        _input(card),
        "## What it learned from",
        _learned(card),
        "## Calibration, on validation",
        _calibration(card),
        "## The exported network against torch",
        _table(
            ("runtime", "batch", "images", "largest difference of a probability", "accepted up to"),
            [(r.runtime, r.batch, r.images, f"{r.max_delta_p:.1e}", f"{r.tolerance:g}") for r in card.parity],
        ),
        "## Limits",
        "\n".join(f"- {limit}" for limit in card.limits),
        "## Use",
        "```\ncutis predict THIS_FOLDER IMAGES --out preds.parquet\n```\n\n```python\nimport cutis\n\n"
        'cutis.load_bundle("THIS_FOLDER").predict("IMAGES").save("preds.parquet")\n```',
        f"Made {card.created} by Cutis {card.cutis}. Digests of every file are in bundle.json and are checked on "
        "loading.",
    ]
    return "\n\n".join(parts) + "\n"


def _class_row(c: Any) -> tuple[str, str, str, str]:
    side = {True: "malignant", False: "benign", None: "neither"}[c.malignant]
    return c.code, c.name, side, c.note


def _input(card: BundleCard) -> str:
    size = card.preprocessing.size
    views = " The network sees it and its three mirror images; logits are averaged." if card.flips else ""
    constancy = card.preprocessing.constancy
    colours = "" if constancy == "none" else f" Its colours are corrected by {constancy.replace('-', ' ')}."
    return f"The whole image, upright, sRGB, resized to {size} x {size} pixels.{colours}{views}"


def _learned(card: BundleCard) -> str:
    unit = card.split.get("unit", "unit")
    counts = card.split.get("parts", {})
    rows = [(part, c["images"], c["groups"]) for part, c in counts.items()]
    facts = [(k, v) for k, v in card.trained.items() if isinstance(v, str | int | float)]
    return "\n\n".join(
        [
            f"{card.dataset} (content {card.dataset_digest[:16]}), split by {unit}; {unit}s in more than one part: "
            f"{card.split.get('shared_groups', 'not known')}. Method: {card.method}. Structure: {card.structure}.",
            _table(("part", "images", f"{unit}s"), rows),
            _table(("training", ""), facts),
        ]
    )


def _calibration(card: BundleCard) -> str:
    lines = [f"Probabilities: {card.calibrator.words()}."]
    if card.conformal:
        c = card.conformal
        lines.append(
            f"Sets: {c.words()}{'' if c.each == 'image' else f' ({c.n} images, one image of each)'}. The same "
            f"{c.unit}s fitted the probabilities and may have chosen the checkpoint, so expect slightly less than "
            "stated; the test part measures it."
        )
        each = [(name or "all", "every class" if q is None else f"{q:.4f}") for name, q in c.quantiles.items()]
        lines.append(_table((c.by or "for", "a class is in the set up to a score of"), each))
    if card.ood:
        lines.append(
            f"Refusal: an image whose {card.ood.method} score ({SCORES[card.ood.method].words}) is above "
            f"{card.ood.threshold:.3f}, the {card.ood.quantile:.0%} quantile of validation's scores."
        )
    if card.gate:
        lines.append(
            "Gate: a picture is refused before it is answered if it is below the threshold of any measure, as "
            f"{card.gate.refused:.1%} of {card.gate.images:,} validation images are."
        )
        limits = [(name, f"{t.value:.4g}", t.source) for name, t in card.gate.thresholds.items()]
        lines.append(_table(("measure", "refused below", "threshold from"), limits))
    if card.operating_points:
        rows = [
            (o.name, f"{o.threshold:.4f}", f"{o.sensitivity:.3f}", f"{o.specificity:.3f}", o.n)
            for o in card.operating_points
        ]
        lines.append(_table(("operating point", "p(malignant) from", "sensitivity", "specificity", "n"), rows))
    return "\n\n".join(lines)


def _measured(card: BundleCard, measured: Sequence[Performance]) -> list[str]:
    if not measured:
        on = card.calibrated_on or card.dataset
        return [
            f"**{NEVER}** What calibration promises holds for images like those of {on} only, if at all. To measure: "
            "`cutis predict THIS_FOLDER DATASET --out preds.parquet`, then `cutis evaluate preds.parquet --out report/ "
            "--card THIS_FOLDER`."
        ]
    parts = []
    for p in measured:
        units = f" of {p.n_units:,} {p.unit}s" if p.unit != "image" else ""
        whose = "kept apart from what it learned from" if p.own else "another dataset; shared patients aren't known"
        how = "" if p.precision == "fp32" else f", computed in {p.precision}"
        parts.append(f"### {p.where}\n\n{p.n:,} images{units} ({whose}), {p.measured[:10]}{how}.")
        parts.append(_table(("measure", f"value ({100 * p.level:g} % interval)"), p.rows()))
        parts += [f"**{r.words}**" if r.warns else r.words for r in p.remarks]
    parts.append("On other images than these it was never measured.")
    return parts


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(str(v).replace("|", "\\|").replace("\n", " ") for v in row) + " |" for row in rows]
    return "\n".join(lines)
