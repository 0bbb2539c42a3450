"""How many images of each group are refused, and for what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from cutis.evaluate.groups import find_groups
from cutis.evaluate.resampled import Resampling, estimated
from cutis.schema.dossier import RefusalRow
from cutis.schema.identity import group_ids, unit_name
from cutis.schema.predictions import Predictions, refusals

ANY = "any"


def refusal_rows(predictions: Predictions, by: Sequence[str], *, resamples: int = 1000) -> list[RefusalRow]:
    """The share refused for any reason and for each, of all images and, for any reason, of the groups of `by`.

    Images that couldn't be read don't count. Intervals by the cluster bootstrap of patients or lesions.
    """
    table = predictions.table
    units = pl.Series(group_ids(table)).filter(table["status"] != "error").to_list()
    unit = unit_name(table)
    table = predictions.answered.table
    refused = (table["status"] == "refused").to_numpy()
    why = table["reason"].fill_null("").str.split("; ").list.eval(pl.element().str.split(":").list.first())
    how = Resampling(resamples, groups=units, unit=unit)

    def row(column: str, group: str, reason: str, inside: np.ndarray, event: np.ndarray) -> RefusalRow:
        hit = event[inside].astype(np.float64)
        share = estimated(lambda w: hit @ w / w.sum(0), inside, how, "no image of the group was drawn", share=True)
        return RefusalRow(column=column, group=group, reason=reason, n=int(inside.sum()), share=share)

    everyone = np.ones(len(table), bool)
    rows = [row("", "all", ANY, everyone, refused)]
    rows += [row("", "all", c, everyone, refused & why.list.contains(c).to_numpy()) for c in refusals(table)]
    groups, _ = find_groups(table, by, "predictions")
    return rows + [row(g.attribute, g.name, ANY, g.rows, refused) for g in groups if g.rows.any()]
