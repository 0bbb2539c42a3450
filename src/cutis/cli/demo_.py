from __future__ import annotations

import time
from pathlib import Path

from cutis.cli import on_interrupt, say

IMAGES = 2400
MINUTES = 3.0


def demo_(
    *,
    out: Path | None = None,
    data: Path | None = None,
    minutes: float = MINUTES,
    images: int = IMAGES,
    seed: int = 0,
) -> None:
    """The whole job, offline, from nothing: data, split, training, bundle, predictions, report.

    Without DATA it makes synthetic skin: lesions of HAM10000's seven classes on skin of every tone.

    Parameters
    ----------
    out
        Folder to make (cutis-demo, or cutis-demo-2... if that exists).
    data
        A Cutis dataset, or a folder that cutis import reads, instead of synthetic skin.
    minutes
        Time for training.
    images
        Synthetic images to make.
    seed
        Another seed, another demo.
    """
    from cutis.bundle.load import load_bundle, read_card
    from cutis.bundle.record import record
    from cutis.cli.train_ import told
    from cutis.data.dataset import Dataset
    from cutis.data.importing import import_dataset
    from cutis.data.split import split
    from cutis.files import refuse_existing
    from cutis.phantom.dataset import make_dataset
    from cutis.progress import track
    from cutis.report import evaluate
    from cutis.report.headline import headline
    from cutis.train.run import find_split, train

    started = time.monotonic()
    out = out or _free(Path("cutis-demo"))
    refuse_existing(out)
    if data is None:
        say(f"1/5 making {images:,} synthetic skin images")
        dataset = make_dataset(out / "data", images, seed=seed, progress=track)
        parts = split(dataset, test=0.2, val=0.1, seed=seed)
    else:
        say(f"1/5 reading {data}")
        is_dataset = (data / "dataset.json").is_file()
        dataset = Dataset.load(data) if is_dataset else import_dataset(data, out / "data", progress=track)
        has_split = dataset.manifest["source_split"].null_count() < len(dataset.manifest)
        parts = find_split(dataset) if is_dataset or has_split else split(dataset, test=0.2, val=0.1, seed=seed)
    counts = dataset.card.counts
    say(f"    {counts['ok']:,} images of {counts['lesions']:,} lesions; {dataset.licence.answer}")
    say(f"2/5 split: {parts.proof.summary()}")
    say(f"3/5 training for {minutes:g} minutes, then freezing")
    run = out / "run"
    to_go_on = f"interrupted; {out} is kept. To go on: cutis train {dataset.path} --out {run} --resume"
    with on_interrupt(lambda: to_go_on if (run / "config.json").is_file() else ""):
        bundle = train(dataset, run, minutes=minutes, seed=seed)
    for line in told(read_card(bundle)):
        say(f"    {line}")
    say("4/5 predicting the test part")
    predictions = load_bundle(bundle).predict(dataset, part="test")
    file = predictions.save(out / "predictions.parquet")
    say("5/5 measuring")
    evidence = evaluate(file, out / "report", seed=seed)
    record(bundle, evidence)
    say()
    for label, estimate in headline(evidence):
        say(f"{label}: {estimate.format()}")
    for remark in evidence.remarks:
        say(f"{'warning' if remark.warns else 'note'}: {remark.words}")
    say(f"card: {bundle / 'card.md'}")
    say(f"report: {out / 'report' / 'index.html'}   ({(time.monotonic() - started) / 60:.1f} minutes)")


def _free(path: Path) -> Path:
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free
