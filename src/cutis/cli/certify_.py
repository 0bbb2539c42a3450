from __future__ import annotations

from pathlib import Path

from cutis.cli import say


def certify_(bundle: Path, dataset: Path, *, precision: str = "bf16", part: str | None = None) -> None:
    """Measure a reduced precision against fp32 and, if it costs little, write its certificate into the bundle.

    Parameters
    ----------
    bundle
        Bundle folder.
    dataset
        Labelled dataset to measure on; not the images it was trained on.
    precision
        bf16 (a CPU that has it, through OpenVINO).
    part
        Part of the dataset: train, val, test or all (test if the dataset is split, else all).
    """
    from cutis.bundle.certify import certify

    made = certify(bundle, precision, dataset, part=part)
    say(f"{precision} against fp32 on {made['images']:,} images of {made['dataset']}:")
    say(f"same top class on {made['agreement']:.2%}, largest difference of a probability {made['max_delta_p']:.4f}")
    say()
    say(f"{'group':<42}{'n':>7}{'balanced accuracy':>22}{'sensitivity':>22}")
    for row in made["groups"]:
        name = f"{row['attribute']} {row['group']}".strip() or "all"
        say(f"{name[:41]:<42}{row['n']:>7}{_both(row['balanced_accuracy']):>22}{_both(row['sensitivity']):>22}")
    say()
    say(f"certified. Next: cutis predict {bundle} SOURCE --out preds.parquet --precision {precision}")


def _both(value: dict[str, float | None]) -> str:
    before, after = value["before"], value["after"]
    return "-" if before is None or after is None else f"{before:.3f} -> {after:.3f}"
