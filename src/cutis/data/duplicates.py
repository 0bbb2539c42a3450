"""duplicates.parquet: proposals of which images are the same photograph, and what a person decided about each.

One row a pair: dataset, image_id, other_dataset, other_id, kind, score, cluster, decision. A decision is null (not
looked at yet), "same" or "different"; a pair counts unless it was decided "different". Decisions outlive a new search.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from cutis.data.dataset import Dataset
from cutis.errors import CutisError, nearest
from cutis.files import write_parquet

KINDS = ("same bytes", "same pixels", "near")
DECISIONS = ("same", "different")
PAIRS: dict[str, pl.DataType] = {
    "dataset": pl.String(),
    "image_id": pl.String(),
    "other_dataset": pl.String(),
    "other_id": pl.String(),
    "kind": pl.String(),
    "score": pl.Float64(),
}
RECORDED: dict[str, pl.DataType] = PAIRS | {"cluster": pl.Int64(), "decision": pl.String()}
_ENDS = ("dataset", "image_id", "other_dataset", "other_id")


def duplicates_path(dataset: Dataset) -> Path:
    return dataset.path / "duplicates.parquet"


def read_duplicates(dataset: Dataset) -> pl.DataFrame:
    """The recorded pairs (columns `RECORDED`), none if there is no file. Raises CutisError for one that was spoilt."""
    path = duplicates_path(dataset)
    if not path.is_file():
        return pl.DataFrame(schema=RECORDED)
    remedy = f"Correct it, or remove it and look again: cutis lint {dataset.path} --look"
    try:
        table = pl.read_parquet(path)
        table = table.select(pl.col(name).cast(dtype) for name, dtype in RECORDED.items())
    except pl.exceptions.ColumnNotFoundError:
        missing = next(name for name in RECORDED if name not in table.columns)
        raise CutisError(f"{path}: no column {missing}. {remedy}") from None
    except (OSError, pl.exceptions.PolarsError):
        raise CutisError(f"{path}: not a Parquet table of pairs, or damaged. {remedy}") from None
    for column, valid in (("decision", DECISIONS), ("kind", KINDS)):
        bad = table.with_row_index("row", 1).filter(pl.col(column).is_not_null() & ~pl.col(column).is_in(list(valid)))
        if len(bad):
            row = bad.row(0, named=True)
            raise CutisError(f'{path}: row {row["row"]}: {column} "{row[column]}": {nearest(row[column], valid)}')
    return table


def write_duplicates(datasets: Sequence[Dataset], pairs: pl.DataFrame) -> None:
    """Write each dataset's pairs (columns `PAIRS`) into its duplicates.parquet, with clusters.

    Decisions made before are kept, also those on pairs that this search did not find, and pairs with images outside
    `datasets`.
    """
    searched = [d.card.name for d in datasets]
    for dataset in datasets:
        name = dataset.card.name
        before = read_duplicates(dataset)
        mine = _from(pairs.select(*PAIRS), name)
        decided = before.filter(pl.col("decision").is_not_null())
        elsewhere = before.filter(~pl.col("other_dataset").is_in(searched))
        kept = pl.concat([decided, elsewhere]).select(*PAIRS, "decision")
        found = mine.join(decided.select(*_ENDS, "decision"), on=_ENDS, how="left").select(*PAIRS, "decision")
        table = pl.concat([found, kept]).unique(_ENDS, keep="first", maintain_order=True)
        table = with_clusters(table).select(*RECORDED).sort("cluster", *_ENDS)
        write_parquet(duplicates_path(dataset), table)


def _from(pairs: pl.DataFrame, name: str) -> pl.DataFrame:
    """Pairs that touch dataset `name`, turned so that it comes first; inside it the smaller id first."""
    turned = pairs.select(
        dataset="other_dataset",
        image_id="other_id",
        other_dataset="dataset",
        other_id="image_id",
        kind="kind",
        score="score",
    )
    both = pl.concat([pairs, turned]).filter(pl.col("dataset") == name)
    inside = pl.col("other_dataset") == name
    return both.filter(~inside | (pl.col("image_id") < pl.col("other_id"))).unique(
        _ENDS, keep="first", maintain_order=True
    )


def with_clusters(pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs with `cluster`: numbers of the connected sets of images; null for a pair decided "different"."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    counts = (pl.col("decision") != "different").fill_null(True) if "decision" in pairs.columns else pl.lit(True)
    pairs = pairs.with_columns(_tied=counts)
    tied = pairs.filter("_tied")
    one = tied.select(dataset="dataset", image_id="image_id")
    other = tied.select(dataset="other_dataset", image_id="other_id")
    nodes = pl.concat([one, other]).unique().sort("dataset", "image_id").with_row_index("node")
    row, column = (
        part.join(nodes, on=["dataset", "image_id"], how="left", maintain_order="left")["node"].to_numpy()
        for part in (one, other)
    )
    graph = coo_array((np.ones(len(row), np.int8), (row, column)), shape=(len(nodes), len(nodes)))
    labels = connected_components(graph, directed=False)[1] if len(nodes) else np.zeros(0, np.int32)
    named = nodes.select("dataset", "image_id", cluster=pl.Series(labels, dtype=pl.Int64))
    joined = pairs.join(named, on=["dataset", "image_id"], how="left", maintain_order="left")
    return joined.with_columns(cluster=pl.when("_tied").then("cluster")).drop("_tied")


def duplicate_edges(dataset: Dataset, image_ids: pl.Series) -> np.ndarray:
    """int64 (m, 2): pairs of positions in `image_ids` that recorded near-duplicates tie, for `group_ids`.

    Two images that both copy one of another dataset are tied. Pairs decided "different" tie nothing by themselves.
    """
    table = with_clusters(read_duplicates(dataset).select(*PAIRS, "decision")).drop_nulls("cluster")
    name = dataset.card.name
    members = pl.concat(
        [
            table.filter(pl.col("dataset") == name).select("image_id", "cluster"),
            table.filter(pl.col("other_dataset") == name).select(image_id="other_id", cluster="cluster"),
        ]
    ).unique()
    rows = pl.DataFrame({"image_id": image_ids}).with_row_index("row")
    members = members.join(rows, on="image_id").sort("cluster", "row")
    chained = members.with_columns(before=pl.col("row").shift().over("cluster")).drop_nulls("before")
    return chained.select("before", "row").to_numpy().astype(np.int64)
