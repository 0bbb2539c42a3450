from __future__ import annotations

from pathlib import Path

from cutis.cli import say
from cutis.errors import CutisError


def info_(path: Path) -> None:
    """Say what a dataset, bundle, run, predictions file, report or dossier is.

    Parameters
    ----------
    path
        Folder or file that Cutis made.
    """
    if not path.exists():
        raise CutisError(f"{path}: no such file or folder.")
    for marker, describe in _KINDS.items():
        if (path / marker).is_file():
            return describe(path)
    if path.is_file() and path.suffix == ".parquet":
        return _predictions(path)
    if path.name == "evidence.json":
        return info_(path.parent)
    raise CutisError(
        f"{path}: not something Cutis made; expected a dataset ({'dataset.json'}), a bundle (bundle.json), a run "
        "(config.json), a report or dossier (evidence.json) or a predictions file (.parquet)."
    )


def _rows(title: str, rows: dict[str, object]) -> None:
    say(title)
    width = max(map(len, rows))
    for name, value in rows.items():
        if value not in ("", None, {}, (), []):
            say(f"  {name:<{width}}  {value}")


def _dataset(path: Path) -> None:
    import polars as pl

    from cutis.data.dataset import Dataset
    from cutis.data.split import load_split

    data = Dataset.load(path)
    counts = data.card.counts
    targets = dict(data.manifest["target"].value_counts().iter_rows())
    _rows(
        f"dataset {data.card.name} {data.card.version}",
        {
            "images": f"{counts['images']:,} ({counts['images'] - counts['ok']:,} unreadable)",
            "lesions": f"{counts['lesions']:,}",
            "patients": f"{counts['patients']:,}" if counts["patients"] else "not known",
            "classes": ", ".join(f"{c.code} {targets.get(c.code, 0):,}" for c in data.card.classes),
            "unlabelled": targets.get(None, 0),
            "licence": data.licence.answer,
            "attribution": data.card.attribution,
            "digest": data.card.digest,
        },
    )
    for note in data.card.notes:
        say(f"  note: {note}")
    for row in data.manifest.filter(pl.col("status") == "error").head(5).iter_rows(named=True):
        say(f"  unreadable: {row['image_id']}: {row['reason']}")
    if (path / "splits" / "default.json").exists():
        say(load_split(data).proof.format())
    else:
        say(f"  not split yet: cutis split {path}")


def _bundle(path: Path) -> None:
    from cutis.bundle.load import load_bundle
    from cutis.schema.performance import NEVER

    opened = load_bundle(path)
    card = opened.card
    conformal, pixels, trained = card.conformal, card.preprocessing.size, card.trained
    sets = "none"
    if conformal:
        sets = conformal.words()
    _rows(
        f"bundle {card.backbone} ({card.method}), all digests match",
        {
            "classes": ", ".join(c.code for c in card.classes),
            "input": f"{pixels} x {pixels} px" + (", mirror images averaged" if card.flips else ""),
            "trained on": f"{card.dataset}, {trained.get('images', '?')} images, {trained.get('epochs', '?')} epochs",
            "calibration": card.calibrator.words(),
            "sets": sets + (f", fitted on {card.calibrated_on}" if conformal and card.calibrated_on else ""),
            "refuses": f"{card.ood.method} above {card.ood.threshold:.3f}" if card.ood else "nothing",
            "parity": ", ".join(f"{p.runtime} batch {p.batch}: {p.max_delta_p:.1e}" for p in card.parity),
            "licence": card.licence.answer,
            "made": card.created,
            "digest": card.digest,
        },
    )
    for one in opened.measured:
        say(f"  measured: {one.words()}")
        for remark in one.remarks:
            say(f"  {'warning' if remark.warns else 'note'}: {remark.words}")
    if not opened.measured:
        say(f"  measured: {NEVER[:1].lower()}{NEVER[1:]}")
    for limit in card.limits:
        say(f"  limit: {limit}")


def _run(path: Path) -> None:
    from cutis.files import read_json

    config = read_json(path / "config.json").get("config", {})
    shown = ("backbone", "size", "method", "minutes", "epochs", "seed", "precision")
    _rows(f"run {path.name}", {name: config.get(name) for name in shown})
    log = path / "log.jsonl"
    if log.is_file():
        say(f"  last validation: {log.read_text(encoding='utf-8').splitlines()[-1]}")
    bundle = path / "bundle"
    say(f"  bundle: {bundle}" if bundle.exists() else f"  not finished: cutis train DATASET --out {path} --resume")


def _predictions(path: Path) -> None:
    from cutis.schema.predictions import Predictions

    predictions = Predictions.load(path)
    info, table = predictions.info, predictions.table
    status = dict(table["status"].value_counts().iter_rows())
    _rows(
        f"predictions of {len(table):,} images",
        {
            "status": ", ".join(f"{name} {count:,}" for name, count in sorted(status.items())),
            "labelled": f"{len(table) - table['target'].null_count():,}",
            "classes": ", ".join(predictions.codes),
            "dataset": f"{info.dataset} ({info.part or 'all'})" if info.dataset else "not stated",
            "sets": f"{info.coverage:.0%} coverage" if info.coverage else "none",
            "attributes": ", ".join(predictions.attributes()),
            "bundle": info.bundle,
            "licence": info.licence.get("answer"),
        },
    )


def _report(path: Path) -> None:
    from cutis.report.headline import headline
    from cutis.schema.evidence import Evidence

    evidence = Evidence.load(path / "evidence.json")
    rows: dict[str, object] = {label: estimate.format() for label, estimate in headline(evidence)}
    _rows(f"report on {evidence.counts.rows:,} predictions of {evidence.info.dataset or 'an unnamed dataset'}", rows)
    for remark in evidence.remarks:
        say(f"  {'warning' if remark.warns else 'note'}: {remark.words}")
    say(f"  page: {path / 'index.html'}")


def _dossier(path: Path) -> None:
    from cutis.report.headline import headline
    from cutis.schema.dossier import DossierEvidence

    d = DossierEvidence.load(path / "evidence.json")
    rows: dict[str, object] = {label: estimate.format() for label, estimate in headline(d.clean)}
    tried = len({(r.suite, r.shift) for r in d.shifts})
    rows |= {
        "changed images": f"{tried} changes" if tried else "not measured",
        "strange images": ", ".join(dict.fromkeys(r.against for r in d.ood)) or "not measured",
        "the same lesion": ", ".join(dict.fromkeys(r.change for r in d.counterfactual)) or "not measured",
        "attacks": ", ".join(dict.fromkeys(a.attack for a in d.attacks)) or "not measured",
        "not done": "; ".join(f"{n.part} ({n.why})" for n in d.not_done),
    }
    about = f"{d.bundle.get('backbone') or 'a bundle'} and {d.clean.info.dataset or 'an unnamed dataset'}"
    _rows(f"dossier on {about}", rows)
    say(f"  pages: {path / 'index.html'} (clinician), {path / 'auditor.html'}")


# A dossier holds an evidence.json as a report does, so that it is looked for first.
_KINDS = {
    "dataset.json": _dataset,
    "bundle.json": _bundle,
    "config.json": _run,
    "auditor.html": _dossier,
    "evidence.json": _report,
}
