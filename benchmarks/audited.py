"""A bundle's whole audit on real data, in words: docs/explanation/audited.md.

    python benchmarks/audited.py BUNDLE DATASET ISIC2017 [--dossier DOSSIER] [--against KIND=FOLDER ...]

Runs `cutis audit BUNDLE DATASET` (or reads DOSSIER, if one is given, which needs no second run), then BUNDLE on all of
ISIC2017 (another source, whose patients it never saw), and writes the page from both. The last line:
`audited minutes=<of the audit, or ->`.
"""

from __future__ import annotations

import argparse
import tempfile
import textwrap
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from common import ROOT, machine
from cutis.audit.classes import in_words_of
from cutis.audit.run import audit
from cutis.audit.unknown import parse_strange
from cutis.bundle.load import load_bundle
from cutis.data.dataset import Dataset
from cutis.evaluate.measure import measure
from cutis.progress import track
from cutis.schema.dossier import DossierEvidence, ShiftRow
from cutis.schema.estimate import Estimate
from cutis.schema.evidence import Evidence, Measured

PAGE = ROOT / "docs" / "explanation" / "audited.md"
SCORES = ("knn", "msp", "vim")  # of seven: the default, the simplest, and the best so far
TITLES = {
    "sex": "sex",
    "age_band": "age",
    "anatom_site_1": "body site",
    "diagnosis_confirm_type": "how the diagnosis was confirmed",
    "tone_cutis": "tone seen, by our estimator",
    "tone_kinyanjui2019": "tone seen, by Kinyanjui's",
    "hair": "hair seen",
    "ruler": "ruler seen",
}


def shown(estimate: Estimate | Measured | None, digits: int = 2) -> str:
    """ "0.71 (0.68-0.74)", a value without interval, or a dash."""
    if estimate is None or estimate.value is None:
        return "not estimable"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.{digits}f}"
    return f"{estimate.value:.{digits}f} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines] + [""]


def groups(clean: Evidence) -> list[str]:
    rows = []
    for attribute, title in TITLES.items():
        names = dict.fromkeys(m.group for m in clean.measured if m.attribute == attribute and m.group)
        for name in names:
            found = [
                clean.find(metric, code, attribute, name)
                for metric, code in (("accuracy", None), ("auroc", "malignant"), ("coverage", None))
            ]
            if found[0] is not None and found[0].n:
                rows.append((title, name, found[0].n, *map(shown, found)))
            title = ""
    return table(["by", "group", "images", "accuracy", "AUROC malignant", "sets hold the truth"], rows)


def worst_shifts(shifts: Sequence[ShiftRow]) -> list[str]:
    most = {r.shift: r for r in shifts if r.severity == 5 and r.metric == "balanced_error"}
    middle = {r.shift: r for r in shifts if r.severity == 3 and r.metric == "balanced_error"}
    order = sorted(most, key=lambda name: -(most[name].change.value or 0))
    rows = [
        (
            name.replace("_", " "),
            f"{middle[name].value:g}, {most[name].value:g} {most[name].unit}",
            shown(middle[name].change),
            shown(most[name].change),
        )
        for name in order
    ]
    return table(["change", "severity 3 and 5", "balanced error rises by, at 3", "at 5"], rows)


def words(*sentences: str) -> list[str]:
    return [*textwrap.wrap(" ".join(sentences), 140), ""]


def page(d: DossierEvidence, external: Evidence, notes: Sequence[str]) -> str:
    clean, codes = d.clean, [c.code for c in d.clean.info.classes]
    over = {r.metric: r.estimate for r in d.shifts if r.shift == "mean"}
    changes = len({r.shift for r in d.shifts if r.severity})
    verdicts = [n.partition(": ")[2] for n in d.notes if n.startswith("The same lesion, changed: ")]
    lines = [
        "# One model, audited",
        "",
        *words(
            "Written by `python benchmarks/audited.py` from the evidence of `cutis audit`; by hand are only the",
            "sentences",
            f"between the tables. Measured on {machine()}, {d.created[:10]}. The model: `{d.bundle['backbone']}`",
            "after fifteen",
            f"minutes of training from scratch on HAM10000's train part, at {d.bundle['preprocessing']['size']}",
            "px. It is",
            "small; what follows is how one finds out what a model does, not a claim that this one is good.",
        ),
        *words(
            f"**As the images are**: {clean.counts.labelled:,} test images of {clean.counts.units:,} {clean.unit}s",
            "that it",
            f"never learned from. Balanced accuracy {shown(clean.find('balanced_accuracy'), 3)}, AUROC of malignant",
            f"{shown(clean.find('auroc', 'malignant'), 3)}. Its answer sets were made to hold the truth 90 times",
            "of 100; they",
            f"do so at a rate of {shown(clean.find('coverage'), 3)}.",
        ),
        "## For whom",
        "",
        *groups(clean),
        *words(
            "Whether a group differs from another beyond chance is in the dossier's tests; overlapping intervals",
            "don't settle",
            "it. Tone is what the picture shows, and the two estimators disagree about it ([why](tone.md)):",
            "Kinyanjui's takes",
            "shadowed or coloured light for dark skin, ours refuses those pictures (group unknown). A clinician's page",
            "shows neither: of an estimate that is missing for so many, the rest says little, and a shadow is no dark",
            "skin.",
        ),
        "## Sets, by true class",
        "",
        *table(
            ["class", "images", "sets hold the truth"],
            [(c, m.n, shown(m)) for c in codes if (m := clean.find("coverage", c)) is not None],
        ),
        "## Under shifts",
        "",
        *words(
            f"Change of balanced error under {changes} changes, the worst first, on the same images. Beside AlexNet on",
            "DermaMNIST (MedMNIST-C's baseline, of another split and size, so read it as a scale):",
            f"BE {shown(over.get('be'))}, rBE {shown(over.get('rbe'))}.",
        ),
        *worst_shifts(d.shifts),
        "## What it was never taught",
        "",
        *table(
            ["images", "kind", "score", "AUROC", "FPR95"],
            [(r.against, r.kind, r.score, shown(r.auroc), shown(r.fpr95)) for r in d.ood if r.score in SCORES],
        ),
        *words(
            "AUROC: the chance that a strange image scores above a known one. FPR95: to catch 95 % of the strange",
            "ones, this",
            "share of known images would be refused. More in [what a model was never taught](unknown.md).",
        ),
        "## The same lesion, changed",
        "",
        *table(
            ["world", "change", "images (left out)", "size of the change of p(malignant)", "another first answer"],
            [
                (r.world, r.change, f"{r.n} ({r.outside_trust})", shown(r.distance), shown(r.flips))
                for r in d.counterfactual
                if r.group == "all"
            ],
        ),
        *(f"* {verdict.partition('. On average')[0].rstrip('.')}." for verdict in verdicts),
        "",
        *words("How, and how far to trust it: [the counterfactual audit](counterfactual.md)."),
        "## Attacks",
        "",
        *table(
            ["attack", "size", "accuracy"],
            [
                (f"{r.attack} ({r.norm})", f"{r.epsilon:.4g}", shown(r.estimate))
                for r in d.attacks
                if r.metric == "accuracy"
            ],
        ),
        "## Another source: ISIC 2017",
        "",
        *words(
            f"{external.counts.labelled:,} labelled images, {external.counts.refused:,} of them refused. Accuracy",
            f"{shown(external.find('accuracy'))}, balanced accuracy {shown(external.find('balanced_accuracy'))},",
            "AUROC of",
            f"malignant {shown(external.find('auroc', 'malignant'))}; the sets hold the truth at a rate of",
            f"{shown(external.find('coverage'))}.",
        ),
        *(f"* {note}" for note in dict.fromkeys((*notes, *external.info.limits))),
        "",
        *table(
            ["distance from HAM10000", "to", "value", "what it says"],
            [(r.name, r.against, "-" if r.value is None else f"{r.value:.3g}", r.words) for r in d.distances],
        ),
        "## Refused",
        "",
        *table(["reason", "share of all"], [(r.reason, shown(r.share, 3)) for r in d.refusals if not r.column]),
        "## Not done",
        "",
        *(f"* {n.part}: {n.why}" for n in d.not_done),
        "* a diagnosis held out of training needs a training of its own: see [unknown](unknown.md).",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("isic2017", type=Path)
    parser.add_argument("--dossier", type=Path)
    parser.add_argument("--against", action="append", default=[])
    given = parser.parse_args()
    minutes = "-"
    if given.dossier is not None:
        dossier = DossierEvidence.load(given.dossier / "evidence.json")
    else:
        against = [parse_strange(text) for text in (*given.against, f"other-source={given.isic2017}")]
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            dossier = audit(given.bundle, given.dataset, Path(folder) / "dossier", against=against, progress=track)
            minutes = f"{(time.perf_counter() - began) / 60:.1f}"
    bundle = load_bundle(given.bundle)
    data, notes = in_words_of(Dataset.load(given.isic2017), bundle.classes)
    external = measure(bundle.predict(data, part="all"), resamples=1000)
    PAGE.write_text(page(dossier, external, notes), encoding="utf-8")
    print(f"audited minutes={minutes}")


if __name__ == "__main__":
    main()
