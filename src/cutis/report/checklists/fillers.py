"""What the evidence can say of a checklist's item: small named functions, each a sentence or two, or "" if unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from cutis.report import tones, words
from cutis.report.audited import by_group, disturbs, said
from cutis.report.audited.select import attack_words, norm_words, primary, suites, tone_groups
from cutis.report.headline import chosen
from cutis.report.split_proof import proof
from cutis.schema.data_facts import Distribution
from cutis.schema.dossier import DossierEvidence

Say = Callable[[DossierEvidence], str]


@dataclass(frozen=True)
class Filler:
    """say: the answer, "" if the evidence has none. where: the section of the auditor's page with the numbers."""

    say: Say
    where: str


FILLERS: dict[str, Filler] = {}


def _filler(where: str) -> Callable[[Say], Say]:
    def register(say: Say) -> Say:
        FILLERS[say.__name__.lstrip("_")] = Filler(say, where)
        return say

    return register


def _told(rows: Iterable[tuple[str, Any]]) -> str:
    """ "Name: value; name: value." of what is known."""
    found = [f"{name}: {shown}" for name, v in rows if (shown := words.flatten(v)) != words.NOT_PROVIDED]
    return words.sentence("; ".join(found)) if found else ""


def _joined(sentences: Iterable[str]) -> str:
    return " ".join(s for s in sentences if s)


def _distribution(d: DossierEvidence, *signs: str) -> list[Distribution]:
    return [f for f in d.dataset.distributions if any(s in f.title.lower() for s in signs)]


def _counted(found: Iterable[Distribution]) -> str:
    return _joined(
        f"{f.title}: {', '.join(f'{b.name} {b.images:,}' for b in f.bars)}; unknown {f.unknown:,}." for f in found
    )


# The model


@_filler("provenance")
def _model_version(d: DossierEvidence) -> str:
    b = d.bundle
    return _told(
        (
            ("Network", b.get("backbone")),
            ("method", b.get("method")),
            ("bundle digest", b.get("digest") or d.clean.info.bundle),
            ("frozen", b.get("created")),
        )
    )


@_filler("provenance")
def _licence(d: DossierEvidence) -> str:
    given = (d.bundle.get("licence") or {}).get("answer") or d.clean.info.licence.get("answer")
    return _told([("Licence of the model", given), ("of the dataset", d.dataset.licence)])


@_filler("provenance")
def _attribution(d: DossierEvidence) -> str:
    given = (d.bundle.get("licence") or {}).get("attribution") or ()
    return _told([("To be named", tuple(dict.fromkeys((*given, *d.dataset.attribution))))])


@_filler("whom")
def _classes(d: DossierEvidence) -> str:
    side = {True: "malignant", False: "benign", None: "neither"}
    return _told([("Classes", [f"{c.code} = {c.name} ({side[c.malignant]})" for c in d.clean.info.classes])])


@_filler("sets")
def _output(d: DossierEvidence) -> str:
    if not d.clean.info.classes:
        return ""
    k, coverage = len(d.clean.info.classes), d.clean.info.coverage
    on = f" like those of {d.clean.info.calibrated_on}" if d.clean.info.calibrated_on else " like those calibrated on"
    sets = "" if coverage is None else f", and a set meant to hold the true class for {100 * coverage:g} of 100{on}"
    return f"A probability for each of {k} {'class' if k == 1 else 'classes'}{sets}; or a refusal with its reason."


@_filler("provenance")
def _input(d: DossierEvidence) -> str:
    given = d.bundle.get("preprocessing") or {}
    if not given.get("size"):
        return ""
    constancy = given.get("constancy", "none")
    colours = "" if constancy == "none" else f", colours corrected by {words.label(constancy)}"
    return (
        f"The whole image, upright, sRGB, resized to {given['size']} by {given['size']} pixels{colours}; mean and "
        "standard deviation of the colours are in the bundle."
    )


@_filler("provenance")
def _network(d: DossierEvidence) -> str:
    flips = " The image and its mirror images are averaged." if d.bundle.get("flips") else ""
    told = _told([("Network", d.bundle.get("backbone")), ("trained by", d.bundle.get("method"))])
    return told + flips if told else ""


@_filler("provenance")
def _training_data(d: DossierEvidence) -> str:
    b = d.bundle
    parts = (b.get("split") or {}).get("parts") or {}
    train = parts.get("train") or {}
    return _told(
        [
            ("Learned from", b.get("dataset")),
            ("content digest", b.get("dataset_digest")),
            ("images in the training part", train.get("images")),
        ]
    )


@_filler("provenance")
def _training(d: DossierEvidence) -> str:
    given = d.bundle.get("trained") or d.clean.info.trained
    config = given.get("config") or {}
    shown = ("epochs", "images", "steps", "seconds", "minutes")
    settings = ("batch_size", "learning_rate", "weight_decay", "precision", "seed", "augmentation")
    return _told([(words.label(k), given.get(k)) for k in shown] + [(words.label(k), config.get(k)) for k in settings])


@_filler("provenance")
def _initial_weights(d: DossierEvidence) -> str:
    given = d.bundle.get("trained") or d.clean.info.trained
    config = given.get("config") or {}
    if "pretrained" in config:
        return "Started from pretrained weights." if config["pretrained"] else "Started from random weights."
    return _told([("Weights it started from", given.get("weights"))])


@_filler("provenance")
def _model_choice(d: DossierEvidence) -> str:
    given = (d.bundle.get("trained") or {}).get("validation") or {}
    told = _told((words.label(k), v) for k, v in given.items())
    return f"The checkpoint that was kept, on the validation part: {told}" if told else ""


@_filler("provenance")
def _export_parity(d: DossierEvidence) -> str:
    rows = [r for r in d.bundle.get("parity") or () if "max_delta_p" in r]
    if not rows:
        return ""
    most = max(float(r["max_delta_p"]) for r in rows)
    runtimes = ", ".join(dict.fromkeys(str(r.get("runtime")) for r in rows))
    return f"Exported networks ({runtimes}) gave probabilities within {most:.1e} of the trained one."


@_filler("provenance")
def _software(d: DossierEvidence) -> str:
    return f"Cutis {d.cutis}; this dossier was made {d.created}."


@_filler("provenance")
def _reproducibility(d: DossierEvidence) -> str:
    e = d.clean
    return _told(
        [
            ("Predictions SHA-256", e.predictions_sha256),
            ("dataset digest", e.info.dataset_digest or d.dataset.digest),
            ("split digest", e.info.split.get("digest")),
            ("seed of the intervals", e.seed if e.measured else None),
        ]
    )


# The data


@_filler("whom")
def _dataset(d: DossierEvidence) -> str:
    f = d.dataset
    return _told([("Dataset", f.title or f.name), ("version", f.version), ("source", f.source), ("digest", f.digest)])


@_filler("whom")
def _data_notes(d: DossierEvidence) -> str:
    return _joined(words.sentence(n) for n in d.dataset.notes)


@_filler("whom")
def _modality(d: DossierEvidence) -> str:
    return _joined([_told([("Kind of images", d.dataset.modality)]), _counted(_distribution(d, "image type"))])


@_filler("whom")
def _sources(d: DossierEvidence) -> str:
    return _counted(f for f in d.dataset.distributions if f.title == "Source")


@_filler("whom")
def _size(d: DossierEvidence) -> str:
    return _counted(_distribution(d, "image size"))


@_filler("whom")
def _counts(d: DossierEvidence) -> str:
    c = d.dataset.counts
    return _told((name, n) for name in ("images", "lesions", "patients", "labelled") if (n := c.get(name)))


@_filler("whom")
def _flow(d: DossierEvidence) -> str:
    c = d.clean.counts
    if not c.rows:
        return ""
    unit = f", of {c.units:,} {words.plural(d.clean.unit, c.units)}" if d.clean.unit != "image" else ""
    return (
        f"{c.rows:,} images: {c.error:,} unreadable, {c.refused:,} refused, {c.ok:,} answered; {c.labelled:,} with a "
        f"known diagnosis{unit}."
    )


@_filler("whom")
def _sample(d: DossierEvidence) -> str:
    counts = d.clean.confusion
    if not any(map(sum, counts)):
        return ""
    each = ", ".join(f"{c.code} {sum(row):,}" for c, row in zip(d.clean.info.classes, counts, strict=True))
    return f"Labelled images of each class: {each}."


@_filler("whom")
def _balance(d: DossierEvidence) -> str:
    found = [(c.info.code, c.images) for c in d.dataset.classes if c.images]
    total = sum(n for _, n in found)
    return _told((code, f"{n:,} images ({100 * n / total:.1f} %)") for code, n in found)


@_filler("whom")
def _demographics(d: DossierEvidence) -> str:
    return _counted(_distribution(d, "sex", "age"))


@_filler("whom")
def _sites(d: DossierEvidence) -> str:
    return _counted(_distribution(d, "site"))


@_filler("groups")
def _tone(d: DossierEvidence) -> str:
    groups = [f"{words.attribute(a)} {g}" for a, g in tone_groups(d.clean)]
    return _joined(
        [_counted(_distribution(d, "skin", "tone")), _told([("Measured by", groups)]), *tones.notes(d.clean)]
    )


@_filler("whom")
def _label_source(d: DossierEvidence) -> str:
    return _counted(_distribution(d, "confirm"))


@_filler("whom")
def _pathology(d: DossierEvidence) -> str:
    found = [c for c in d.dataset.classes if c.pathology is not None and c.info.malignant]
    return _told((c.info.code, f"{100 * (c.pathology or 0):.0f} % confirmed by histopathology") for c in found)


@_filler("whom")
def _gaps(d: DossierEvidence) -> str:
    return _told((f"{f.title}, unknown for", f"{f.unknown:,} images") for f in d.dataset.distributions if f.unknown)


@_filler("whom")
def _artefacts(d: DossierEvidence) -> str:
    looked = next((a.images for a in d.dataset.artefacts if not a.name), None)
    found = [f"{a.name} {a.images:,}" for a in d.dataset.artefacts if a.name]
    return f"Of {looked:,} images looked at, a detector saw: {', '.join(found)}." if looked and found else ""


@_filler("whom")
def _split(d: DossierEvidence) -> str:
    given = d.clean.info.split
    return _told([("Split", given.get("scheme")), ("kept whole", given.get("unit"))]) if given else ""


@_filler("whom")
def _overlap(d: DossierEvidence) -> str:
    given = d.clean.info.split
    if not given:
        return ""
    found = proof(given, d.clean.info.part)
    return f"Was it measured on {found.unit} it had learned from? {found.verdict}"


@_filler("whom")
def _partitions(d: DossierEvidence) -> str:
    parts = d.clean.info.split.get("parts") or {}
    unit = words.plural(str(d.clean.info.split.get("unit") or "group"))
    counts = [(name, words.flatten(c.get("images")), words.flatten(c.get("groups"))) for name, c in parts.items()]
    return _told((name, f"{images} images of {groups} {unit}") for name, images, groups in counts)


@_filler("whom")
def _external(d: DossierEvidence) -> str:
    learned, measured = d.bundle.get("dataset_digest"), d.clean.info.dataset_digest
    if not learned or not measured:
        return ""
    if learned == measured:
        return "None: it was measured on another part of the dataset it learned from."
    return f"Yes: measured on {d.clean.info.dataset}, whose content differs from the dataset it learned from."


@_filler("distances")
def _distances(d: DossierEvidence) -> str:
    return _told((f"{r.name} against {r.against}", r.value) for r in d.distances)


# What was found


@_filler("summary")
def _performance(d: DossierEvidence) -> str:
    if not d.clean.measured:
        return ""
    found = [(label, words.estimate_text(m, words.metric(name).style)) for label, name, m in chosen(d.clean)]
    return _joined([_told(found), *(r.words for r in d.clean.remarks if r.warns)])


@_filler("answers")
def _two_by_two(d: DossierEvidence) -> str:
    """First answers of malignant and benign images."""
    classes, counts = d.clean.info.classes, d.clean.confusion
    if not any(map(sum, counts)) or not {True, False} <= {c.malignant for c in classes}:
        return ""

    def n(truth: bool, answer: bool) -> int:
        return sum(
            counts[i][j]
            for i, t in enumerate(classes)
            for j, a in enumerate(classes)
            if t.malignant is truth and a.malignant is answer
        )

    return (
        f"First answers: {n(True, True):,} malignant images called malignant and {n(True, False):,} benign; "
        f"{n(False, True):,} benign images called malignant and {n(False, False):,} benign."
    )


@_filler("answers")
def _each_class(d: DossierEvidence) -> str:
    found = [(c, d.clean.find("sensitivity", c.code)) for c in d.clean.info.classes]
    return _told((f"Sensitivity, {c.code}", words.estimate_text(m, "percent")) for c, m in found if m is not None)


@_filler("summary")
def _intervals(d: DossierEvidence) -> str:
    return words.methods(d.clean) if d.clean.measured else ""


@_filler("answers")
def _cut_offs(d: DossierEvidence) -> str:
    told = _told(
        (words.label(name), v.get("threshold") if isinstance(v, dict) else v)
        for name, v in d.clean.info.operating_points.items()
    )
    return f"Set beforehand, on validation images. Thresholds on p(malignant): {told}" if told else ""


@_filler("groups")
def _subgroups(d: DossierEvidence) -> str:
    names = dict.fromkeys(m.attribute for m in d.clean.measured if m.attribute is not None)
    return _told([("Every number is given by", [words.attribute(n) for n in names])])


@_filler("groups")
def _fairness(d: DossierEvidence) -> str:
    return _joined(f"{name}: {text}" for name, text in by_group.groups(d.clean))


@_filler("confidence")
def _calibration(d: DossierEvidence) -> str:
    names = ("ece", "brier")
    found = [(words.metric(n).label, d.clean.find(n)) for n in names]
    return _told((label, words.estimate_text(m, "decimal")) for label, m in found if m is not None)


@_filler("sets")
def _sets(d: DossierEvidence) -> str:
    found = [(n, d.clean.find(n)) for n in ("coverage", "coverage_per_lesion", "set_size")]
    return _told((words.metric(n).label, words.estimate_text(m, words.metric(n).style)) for n, m in found if m)


@_filler("sets")
def _refusal(d: DossierEvidence) -> str:
    return _joined(said.declines(d))


@_filler("refusals")
def _gate(d: DossierEvidence) -> str:
    given = d.bundle.get("gate") or {}
    names = [words.label(n) for n in given.get("thresholds") or ()]
    return _told([("Pictures are refused as too poor by their", names)])


@_filler("mistakes")
def _mistakes(d: DossierEvidence) -> str:
    n = len(d.clean.mistakes)
    return f"The {n} wrong answers it was most sure of are listed by image." if n else ""


@_filler("shifts")
def _shifts(d: DossierEvidence) -> str:
    if primary(d.shifts) is None:
        return ""
    tried = len({(r.suite, r.shift) for r in d.shifts if r.severity})
    first = disturbs.worst_shift(d)
    return _joined([f"{tried} changes to the image were tried, in {len(suites(d.shifts))} suites.", first])


@_filler("strange")
def _ood(d: DossierEvidence) -> str:
    return _joined(f"{words.upper(name)}: {text}" for name, text in said.strange(d))


@_filler("attacks")
def _attacks(d: DossierEvidence) -> str:
    found = [a for a in d.attacks if a.epsilon > 0 and a.metric == "accuracy"]
    if not found:
        return ""
    worst = min(found, key=lambda a: 1.0 if a.estimate.value is None else a.estimate.value)
    style = words.metric(worst.metric).style
    return (
        f"{len({(a.attack, a.norm) for a in found})} attacks; the worst, {attack_words(worst.attack)} of size "
        f"{worst.epsilon:.3g} ({norm_words(worst.norm)}), leaves {words.metric(worst.metric).label.lower()} at "
        f"{words.estimate_text(worst.estimate, style)}."
    )


@_filler("counterfactual")
def _counterfactual(d: DossierEvidence) -> str:
    return _joined(f"{name}: {text}" for name, text in said.same_lesion(d))


@_filler("answers")
def _net_benefit(d: DossierEvidence) -> str:
    n = sum(m.metric.startswith("net_benefit_at_") for m in d.clean.measured)
    return f"Net benefit is given at {n} thresholds." if n else ""


@_filler("limits")
def _limits(d: DossierEvidence) -> str:
    given = dict.fromkeys((*d.clean.info.limits, *(str(s) for s in d.bundle.get("limits") or ())))
    return _joined(map(words.sentence, given))


@_filler("not-done")
def _not_done(d: DossierEvidence) -> str:
    return _joined(f"{words.upper(n.part)}: {words.sentence(n.why)}" for n in d.not_done)
