from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cutis.cli import on_interrupt, say


def audit_(
    bundle: Path,
    dataset: Path,
    *,
    out: Path,
    against: Annotated[list[str] | None, Parameter(negative="")] = None,
    part: str | None = None,
    suite: str = "dermoscopy",
    images: int = 500,
    changed: int = 200,
    attacked: int = 50,
    resamples: int = 1000,
    seed: int = 0,
    overwrite: bool = False,
) -> None:
    """Measure a bundle in every way there is the data for, and write one dossier: for a clinician, for an auditor.

    An interrupted audit goes on where it stopped: give the same command again.

    Parameters
    ----------
    bundle
        Bundle folder.
    dataset
        Dataset with labels that the model never learned from: its own test part, or somebody else's.
    out
        Dossier folder to write.
    against
        Images it was never taught, KIND=FOLDER (a dataset or a folder of images), as often as wished. KIND: near (a
        diagnosis held out of training), other-modality, not-skin or other-source.
    part
        Part of the dataset: train, val, test or all (test if the dataset is split, else all).
    suite
        Shifts to put the images through: dermoscopy, medmnistc or skin.
    images
        At most so many images go through the shifts.
    changed
        So many photographs, and as many drawn lesions, get another tone, hair, a ruler and ink.
    attacked
        So many images are attacked (needs torch); 0 leaves the attacks out.
    resamples
        Bootstrap resamples of every interval.
    seed
        Another seed, other images, hairs, angles and resamples.
    overwrite
        Replace an earlier dossier in OUT.
    """
    from cutis.audit.run import Plan, audit
    from cutis.audit.steps import has_kept
    from cutis.audit.unknown import parse_strange
    from cutis.files import only_writer
    from cutis.progress import track

    def to_go_on() -> str:
        words = "interrupted; the parts that were done are kept. To go on, give the same command again."
        return words if has_kept(out) else ""

    plan = Plan(
        part=part,
        suite=suite,
        shift_images=images,
        images=changed,
        scenes=changed,
        attack_images=attacked,
        resamples=resamples,
        seed=seed,
    )
    strange = [parse_strange(text) for text in against or ()]
    with on_interrupt(to_go_on), only_writer(out, "cutis audit", wait=0, beside=True):
        found = audit(bundle, dataset, out, against=strange, plan=plan, overwrite=overwrite, progress=track, say=say)
    say(f"{out}: {len(found.shifts):,} shifts, {len(found.counterfactual):,} changes, {len(found.ood):,} strange sets")
    for part_left in found.not_done:
        say(f"not done: {part_left.part}: {part_left.why}")
    say(f"open: {out / 'index.html'}, for an auditor {out / 'auditor.html'}")
