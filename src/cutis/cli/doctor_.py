from __future__ import annotations

from pathlib import Path

from cutis.cli import say
from cutis.errors import CutisError


def doctor_(dataset: Path | None = None, *, pixels: bool = True, accept_changes: bool = False) -> int:
    """Check the installation, the machine and a dataset: PASS, WARN or FAIL, with the fix.

    Exit code 1 if anything fails.

    Parameters
    ----------
    dataset
        Dataset folder to check as well: labels, ids and images unchanged, split leak-free.
    pixels
        Compare every image file with the digest recorded of it; labels and ids always are.
    accept_changes
        Take over what was changed in DATASET by hand: corrected labels and ids in its manifest.parquet, pictures put in
        place of others. Its card tells when. Splits and bundles made before are then of other labels.
    """
    from cutis.doctor import check_dataset, check_install

    if accept_changes:
        if dataset is None:
            raise CutisError("--accept-changes: of which dataset? cutis doctor DATASET --accept-changes")
        from cutis.data.accept import accept_changes as accept
        from cutis.progress import track

        say(accept(dataset, track) or f"{dataset}: nothing was changed by hand")
    findings = check_install() + (check_dataset(dataset, pixels=pixels) if dataset else [])
    width = max(len(f.name) for f in findings)
    for finding in findings:
        say(f"{finding.status:<4}  {finding.name:<{width}}  {finding.words}")
        if finding.fix:
            say(f"{'':<4}  {'':<{width}}  fix: {finding.fix}")
    failed = sum(f.status == "FAIL" for f in findings)
    say(f"{len(findings)} checks, {failed} failed, {sum(f.status == 'WARN' for f in findings)} warnings")
    return 1 if failed else 0
