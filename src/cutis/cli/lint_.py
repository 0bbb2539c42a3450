from __future__ import annotations

from pathlib import Path

from cutis.cli import say


def lint_(
    *datasets: Path,
    against: list[Path] | None = None,
    look: bool = False,
    embed: Path | None = None,
    out: Path | None = None,
) -> int:
    """Look for leaks inside a dataset's split and between datasets; exit 1 on any.

    Parameters
    ----------
    datasets
        Dataset folders, or manifest .parquet files.
    against
        What they must share nothing with: dataset folders or manifests; may be repeated.
    look
        Compare the images first, and record near-duplicates as proposals in each dataset's duplicates.parquet.
    embed
        Bundle whose features bring further candidates to --look: photographs that a network finds alike.
    out
        Write every finding to this .parquet file.
    """
    from cutis.data.lint import leaks, lint
    from cutis.errors import CutisError
    from cutis.files import write_parquet
    from cutis.schema.finding import findings_table

    if not datasets:
        raise CutisError("no dataset to lint. Name one or more: cutis lint DATASET [--against OTHER]")
    given = [*datasets, *(against or [])]
    if out is not None and out.suffix != ".parquet":
        raise CutisError(f"--out {out}: findings are written as .parquet.")
    if embed is not None and not look:
        raise CutisError("--embed brings candidates to the comparison of images: add --look.")
    if look:
        _look(given, embed)
    found = lint(datasets, against or [])
    for line in _lines(found):
        say(line)
    n = leaks(found)
    if out is not None:
        write_parquet(out, findings_table(found))
        say(f"{out}: {len(found):,} findings")
    say(f"{'LEAKS' if n else 'no leak'}: {', '.join(str(path) for path in given)}")
    return 1 if n else 0


def _look(given: list[Path], bundle: Path | None) -> None:
    from cutis.data.dataset import Dataset
    from cutis.data.near_duplicates import find_duplicates
    from cutis.progress import track

    datasets = [Dataset.load(path) for path in given]
    embeddings = None
    if bundle is not None:
        from cutis.bundle.embed import embed
        from cutis.bundle.load import load_bundle

        loaded = load_bundle(bundle)
        embeddings = {d.card.name: embed(loaded, d, progress=track) for d in datasets}
    pairs = find_duplicates(datasets, embeddings=embeddings, progress=track)
    counts = dict(pairs["kind"].value_counts(sort=True).iter_rows())
    say(f"looked: {', '.join(f'{n:,} pairs {kind}' for kind, n in counts.items()) or 'no near-duplicates'}")


def _lines(found: list) -> list[str]:  # type: ignore[type-arg]
    """A line a check with how many, then its first example."""
    from cutis.data.lint import total

    lines = []
    for (severity, check, dataset, other), group in total(found).items():
        where = dataset + (f" and {other}" if other and other != dataset else "")
        lines.append(f"{severity:<8}{check:<32}{group.count:>9,}  {where}")
        lines += [f"          {message}" for message in group.examples]
    return lines
