"""Analyses as pandas DataFrames. The only place that imports pandas."""

from __future__ import annotations

import pandas as pd

from netcalc.core.analyse import Result
from netcalc.core.crops import Box, Plan
from netcalc.report.document import document


def rows_frame(result: Result) -> pd.DataFrame:
    """A row for each layer, indexed by name, with the fields of the JSON document's rows.

    Counts are exact: int64 where they fit, Python ints else. Kinds of other work have a column
    each, prefixed ``ops.``.
    """
    rows = document(result)["rows"]
    kinds = list(dict.fromkeys(kind for row in rows for kind in row["ops"]))
    flat = [
        {k: v for k, v in row.items() if k != "ops"}
        | {f"ops.{kind}": row["ops"].get(kind, 0) for kind in kinds}
        for row in rows
    ]
    return pd.DataFrame(flat).set_index("name")


def boxes_frame(plan: Plan) -> pd.DataFrame:
    """A row for each crop of an image: what it is, and its corners in pixels."""
    return pd.DataFrame([tuple(box) for box in plan.boxes], columns=list(Box._fields))
