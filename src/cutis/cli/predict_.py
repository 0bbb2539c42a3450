from __future__ import annotations

from pathlib import Path

from cutis.cli import say


def predict_(
    bundle: Path,
    source: Path,
    *,
    out: Path,
    part: str | None = None,
    runtime: str | None = None,
    precision: str = "fp32",
    gate: bool = True,
    overwrite: bool = False,
) -> int:
    """Run a bundle on images or a dataset: calibrated sets, refusals, one row an image.

    An image that can't be read is a row with its reason; the rest is done, and the exit code is 1.

    Parameters
    ----------
    bundle
        Bundle folder.
    source
        Dataset folder, folder of images, or one image.
    out
        Predictions file to write (Parquet).
    part
        Part of a dataset: train, val, test or all (test if the dataset is split, else all).
    runtime
        openvino or onnxruntime (chosen for this machine if not given).
    precision
        fp32, or a reduced one that the bundle holds a certificate for.
    gate
        Refuse pictures that are blurred, dark, not of skin and the like, by the bundle's own thresholds.
    overwrite
        Replace OUT if it exists.
    """
    from cutis.bundle.load import load_bundle
    from cutis.files import refuse_existing
    from cutis.schema.predictions import refusals

    if not overwrite:
        refuse_existing(out)
    predictions = load_bundle(bundle, runtime=runtime, precision=precision).predict(source, part=part, gate=gate)
    predictions.save(out, fresh=not overwrite)
    count = dict(predictions.table["status"].value_counts().iter_rows())
    refused, broken = count.get("refused", 0), count.get("error", 0)
    say(f"{out}: {len(predictions.table):,} images, {refused:,} refused, {broken:,} unreadable")
    for reason, images in refusals(predictions.table).items():
        say(f"refused: {images:,} {reason}")
    if broken:
        first = predictions.table.filter(predictions.table["status"] == "error").row(0, named=True)
        say(f"unreadable, for example: {first['image_id']}: {first['reason']}")
    labelled = predictions.table["target"].null_count() < len(predictions.table)
    say(f"next: cutis evaluate {out} --out report/" + (f" --card {bundle}" if labelled else ""))
    return 1 if broken else 0
