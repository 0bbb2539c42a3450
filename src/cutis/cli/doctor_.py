from __future__ import annotations

from pathlib import Path

from cutis.cli import say


def doctor_(dataset: Path | None = None) -> int:
    """Check the installation, the machine and a dataset: PASS, WARN or FAIL, with the fix.

    Exit code 1 if anything fails.

    Parameters
    ----------
    dataset
        Dataset folder to check as well: every image there and unchanged, split leak-free.
    """
    from cutis.doctor import check_dataset, check_install

    findings = check_install() + (check_dataset(dataset) if dataset else [])
    width = max(len(f.name) for f in findings)
    for finding in findings:
        say(f"{finding.status:<4}  {finding.name:<{width}}  {finding.words}")
        if finding.fix:
            say(f"{'':<4}  {'':<{width}}  fix: {finding.fix}")
    failed = sum(f.status == "FAIL" for f in findings)
    say(f"{len(findings)} checks, {failed} failed, {sum(f.status == 'WARN' for f in findings)} warnings")
    return 1 if failed else 0
