"""The data page: findings and counts in, one folder out that says how far a dataset can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cutis.files import write_json, write_parquet
from cutis.report import check_out, report_folder, words
from cutis.report.data_figures import figures, uniform
from cutis.report.page import environment
from cutis.report.svg import Figure, save_all, template
from cutis.report.thumbs import save_thumb
from cutis.schema.data_facts import DataFacts, DatasetFacts
from cutis.schema.finding import SEVERITIES, Finding, Severity, findings_table

CONTENT = frozenset({"index.html", "data.json", "findings.parquet", "quality.parquet", "figures", "thumbs"})
MARK = "data.json"
LISTED = 8  # findings of a check that stand open on the page
FOLDED = 100  # and how many more behind a fold; all are in findings.parquet
PICTURED = 12  # pairs, and doubted labels, that are shown with pictures
WORST = 4  # pictures of each fault
LABEL_DOUBT = "label doubt"
QUALITY = "picture quality"
_PICTURE_UNITS = ("photograph", "image bytes", "near-duplicate")
_SHARED = ("image id", "image bytes", "lesion id", "patient id")
# Checks whose findings are pairs of images that may be one.
PAIRS = frozenset(
    {
        "same bytes",
        "near-duplicate",
        "near-duplicate in both",
        "same image id",
        "same image bytes",
        *(f"{unit} in two parts" for unit in _PICTURE_UNITS),
    }
)
# Checks that only say what was not looked at.
BLIND = frozenset({"near-duplicates", "images not here"})
# What a check means to somebody who meets it for the first time.
MEANING = {
    "identity": "Without ids nobody can tell which images belong together.",
    "lesion with two diagnoses": "A lesion has one diagnosis; one of the labels, or the lesion id, is wrong.",
    "lesion in two places": "A lesion lies in one place; a site, or the lesion id, is wrong.",
    "patient with two sexes": "One of the entries, or the patient id, is wrong.",
    "age goes down": "A later image shows a younger patient: a date, an age or the patient id is wrong.",
    "ages far apart": "Long follow-up, or two people under one id.",
    "unreadable image": "These rows hold no picture and take no part in anything.",
    "same bytes": "The same file under two names counts twice, and leaks if a split parts it.",
    "near-duplicate": "Images that look like one picture, cropped, turned or recompressed: a person has to say.",
    LABEL_DOUBT: "A classifier that never saw the lesion finds the label unlikely. A weak one is often wrong itself.",
    QUALITY: "What a model, or a person, would refuse to judge. If you can, take it again; else know that it is there.",
    "confirmation": "How diagnoses were made; without histopathology a malignant label is an opinion.",
    "readers disagree": "Readers named other diagnoses too; one label hides that.",
    "rare class": "Too little to learn from or to measure with.",
    "class balance": "Accuracy mostly says how the largest class does.",
    "skin type": "For skin tones that are absent nothing can be said.",
    "metadata gap": "What is unknown can't be grouped by, balanced or audited.",
    "shortcut": "Something beside the skin gives the class away, and a network will find it.",
    "licence": "What may be done with these images.",
}
# Of `cutis lint`: what is on both sides of a split, or in two datasets.
MEANING |= {f"{u} in two parts": f"One {u} to learn from and to be measured on." for u in ("patient", "lesion")}
MEANING |= {f"{u} in two parts": "One picture to learn from and to be measured on." for u in _PICTURE_UNITS}
MEANING |= {f"same {u}": "It leaks if one dataset is learned from and the other measured on." for u in _SHARED}
MARKS: dict[Severity, tuple[str, str]] = {
    "leak": ("✕", "Leak"),
    "error": ("!", "Error"),
    "warning": ("?", "Warning"),
    "note": ("·", "Note"),
}
_BIG = {
    "leak": "Images of one person, lesion or picture on both sides of a split.",
    "error": "What can't be true, such as a lesion with two diagnoses.",
    "warning": "What a person should look at before anything is trained.",
}


@dataclass(frozen=True)
class Pictures:
    """Where a dataset's images lie: `files` are image_id -> path relative to `folder`."""

    folder: Path
    files: Mapping[str, str]


@dataclass(frozen=True)
class Topic:
    """The findings of one check and severity. anchor: its place on the page. mark, kind: the severity, for people."""

    anchor: str
    check: str
    severity: Severity
    mark: str
    kind: str
    meaning: str
    findings: list[Finding]

    @property
    def estimable(self) -> bool:
        return self.check not in BLIND and not all(f.message.startswith("not estimable") for f in self.findings)

    @property
    def count(self) -> int:
        return sum(map(how_many, self.findings))


def write_data_page(
    facts: DataFacts,
    findings: Sequence[Finding],
    pictures: Mapping[str, Pictures],
    out: Path | str,
    *,
    looks: Mapping[str, pl.DataFrame] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the page's folder and return its path.

    It holds index.html (no script, nothing loaded from elsewhere), findings.parquet (every finding), data.json (every
    count), figures/*.svg and, where the images are at hand, thumbs/*.jpg of suspected duplicates, label errors and the
    worst pictures. looks: by dataset's name, numbers of each image, for quality.parquet.
    The folder appears complete or not at all. An `out` that exists is refused, unless it is empty, or `overwrite` is
    true and it is an earlier data page with nothing else in it. Raises CutisError.
    """
    from markupsafe import Markup

    out = Path(out)
    topics = _topics(findings)
    with report_folder(out, overwrite=overwrite, content=CONTENT, mark=MARK) as folder:
        thumbs = _Thumbs(pictures, folder / "thumbs")
        pairs = _pairs(findings)
        doubts = sorted(
            (f for f in findings if f.check == LABEL_DOUBT and f.image_id),
            key=lambda f: (SEVERITIES.index(f.severity), f.score if f.score is not None else 1.0),
        )
        worst = _worst(findings)
        drawn = [figures(d, f"{k + 1:02d}") for k, d in enumerate(facts.datasets)]
        every: list[Figure] = [figure for own in drawn for _, figure in own]
        save_all(every, folder / "figures")
        html = (
            environment()
            .get_template("data_page.html.j2")
            .render(
                w=words,
                title=_title(facts),
                subject=_subject(facts),
                headline=_headline(findings),
                topics=[t for t in topics if t.estimable],
                blind=[t for t in topics if not t.estimable],
                several=len(facts.datasets) > 1,
                datasets=facts.datasets,
                charts=[[(title, figure.name) for title, figure in own] for own in drawn],
                figures={f.name: {"svg": Markup(f.inline), "width": f.width} for f in every},
                pairs=[(f, thumbs.of(f.dataset, f.image_id), _other(f, thumbs)) for f in pairs[:PICTURED]],
                all_pairs=len(pairs),
                doubts=[(f, thumbs.of(f.dataset, f.image_id)) for f in doubts[:PICTURED]],
                all_doubts=len(doubts),
                worst=[(f, thumbs.of(f.dataset, f.image_id)) for f in worst],
                looked=any(d.artefacts for d in facts.datasets),
                share=_share,
                tiles=_tiles,
                same=_same,
                listed=LISTED,
                folded=FOLDED,
                style=Markup(template("figures.css") + template("page.css") + template("data_page.css")),
                created=words.day(facts.created),
                cutis=facts.cutis,
            )
        )
        (folder / "index.html").write_text(html, encoding="utf-8")
        write_json(folder / "data.json", facts.model_dump(mode="json"))
        write_parquet(folder / "findings.parquet", findings_table(findings))
        if looks:
            every_image = [t.select(pl.lit(name).alias("dataset"), pl.all()) for name, t in looks.items()]
            write_parquet(folder / "quality.parquet", pl.concat(every_image))
    return out


def check_free(out: Path, overwrite: bool) -> None:
    """Raise CutisError if `out` is taken, before any work is done for it."""
    check_out(out, overwrite, CONTENT, MARK)


def how_many(finding: Finding) -> int:
    """How many a finding stands for: `cutis.data.lint` counts those beyond its first hundred in one, by `score`."""
    counts = finding.image_id is None and finding.other_dataset is not None and finding.score is not None
    return int(finding.score or 0) if counts else 1


def _pairs(findings: Sequence[Finding]) -> list[Finding]:
    """Pairs of images that may be one, each once, the gravest and then the likeliest first."""
    found = [f for f in findings if f.image_id and f.other_id and f.check in PAIRS]
    found.sort(key=lambda f: (SEVERITIES.index(f.severity), -(f.score if f.score is not None else 1.0)))
    once: dict[frozenset[tuple[str | None, str | None]], Finding] = {}
    for f in found:
        once.setdefault(frozenset({(f.dataset, f.image_id), (f.other_dataset, f.other_id)}), f)
    return list(once.values())


def _worst(findings: Sequence[Finding]) -> list[Finding]:
    """Some pictures of each fault; findings of a fault come the worst first."""
    by_fault: dict[str, list[Finding]] = {}
    for f in findings:
        if f.check == QUALITY and f.image_id:
            by_fault.setdefault(f.message.partition(":")[0], []).append(f)
    return [f for own in by_fault.values() for f in own[:WORST]]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}\N{NO-BREAK SPACE}%" if whole else ""


class _Thumbs:
    """Small copies of the images that are shown, each made once."""

    def __init__(self, pictures: Mapping[str, Pictures], folder: Path) -> None:
        self._pictures, self._folder = pictures, folder
        self._made: dict[tuple[str, str], str] = {}

    def of(self, dataset: str, image_id: str | None) -> str:
        """The thumbnail's file name; "" if the image isn't at hand."""
        own = self._pictures.get(dataset)
        file = own.files.get(image_id) if own is not None and image_id is not None else None
        if own is None or file is None or image_id is None:
            return ""
        if (dataset, image_id) not in self._made:
            name = f"{len(self._made) + 1:03d}.jpg"
            self._made[dataset, image_id] = name if save_thumb(own.folder, file, self._folder / name) else ""
        return self._made[dataset, image_id]


def _other(finding: Finding, thumbs: _Thumbs) -> str:
    return thumbs.of(finding.other_dataset or finding.dataset, finding.other_id)


def _topics(findings: Sequence[Finding]) -> list[Topic]:
    """Findings by check and severity, the gravest first."""
    found: dict[tuple[Severity, str], list[Finding]] = {}
    for finding in sorted(findings, key=lambda f: SEVERITIES.index(f.severity)):
        found.setdefault((finding.severity, finding.check), []).append(finding)
    return [
        Topic(f"t{k}", check, severity, *MARKS[severity], MEANING.get(check, ""), own)
        for k, ((severity, check), own) in enumerate(found.items())
    ]


def _title(facts: DataFacts) -> str:
    names = [d.name for d in facts.datasets]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"How far {shown} can be trusted"


def _subject(facts: DataFacts) -> list[tuple[str, str]]:
    images = sum(d.counts["images"] for d in facts.datasets)
    units = "; ".join(
        dict.fromkeys(
            f"{d.groups:,} {words.plural(d.unit, d.groups)}" if d.unit != "image" else "not known: no ids"
            for d in facts.datasets
        )
    )
    return [
        ("Datasets", ", ".join(d.name for d in facts.datasets)),
        ("Images", f"{images:,}"),
        ("People and lesions", units),
        ("When", words.day(facts.created)),
    ]


def _headline(findings: Sequence[Finding]) -> list[dict[str, str]]:
    cards = []
    for severity, said in _BIG.items():
        own = [f for f in findings if f.severity == severity]
        checks = ", ".join(dict.fromkeys(f.check for f in own))
        label = {"leak": "Leaks", "error": "Errors", "warning": "Warnings"}[severity]
        found = f"Found by: {checks}." if own else "None found; see what this page can't see."
        cards.append(
            {
                "label": label,
                "value": f"{sum(map(how_many, own)):,}",
                "words": f"{said} {found}",
                "hot": severity if own else "",
            }
        )
    return cards


def _tiles(dataset: DatasetFacts) -> list[tuple[str, str]]:
    c = dataset.counts
    return [
        ("Images", f"{c['images']:,}"),
        ("At hand and readable", f"{c['readable']:,}"),
        ("Unreadable", f"{c['unreadable']:,}"),
        ("Labelled", f"{c['labelled']:,}"),
        ("Lesions" if c["lesions"] else "Lesions: not known", f"{c['lesions']:,}" if c["lesions"] else "–"),
        ("Patients" if c["patients"] else "Patients: not known", f"{c['patients']:,}" if c["patients"] else "–"),
    ]


def _same(dataset: DatasetFacts) -> str:
    """What all images have in common, as one line; "" if nothing."""
    return "; ".join(f"{d.title.lower()}: {uniform(d)}" for d in dataset.distributions if uniform(d))
