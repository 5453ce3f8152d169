"""Find wrong outcomes in one table, without a model to audit."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.measurement import Interval

if TYPE_CHECKING:
    import polars as pl

    from holdfast.core.subject import Table

CHECK = "data.labels"
JUDGES = "boosted trees that were trained on other parts of the table"
OTHERS = "the given probabilities"
GROUPS_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedLabels:
    """What is known of the outcomes of a table.

    Attributes
    ----------
    rows
        ``row`` (position in the table), ``given``, ``suggested``, ``score`` (probability that the given outcome is
        wrong) and ``suspect``, the most probable first.
    share, interval
        Share of outcomes that are wrong.
    judged_by
        In words, whose answers the outcomes were compared with.
    """

    rows: pl.DataFrame
    share: float
    interval: Interval
    judged_by: str


def judge_labels(
    table: Any, target: str, *, probabilities: Any = None, ignore: Sequence[str] = (), effort: str = "default"
) -> JudgedLabels:
    """Estimate which outcomes of a table are wrong.

    Parameters
    ----------
    table
        File (CSV or Parquet) or data frame.
    target
        Column with the outcomes.
    probabilities
        File or data frame with one row for each of the table's, and one column per class, named as the class: what a
        model that was not trained on the row says of it. Models are trained on parts of the table otherwise.
    ignore
        Columns that are no inputs.
    effort
        Of the check, where models are trained: ``quick``, ``default`` or ``thorough``.

    Raises
    ------
    InputError
        When a file, the target or the probabilities cannot be used.
    """
    from holdfast.adapters.tables.reading import read_table

    read = read_table(table, name="test")
    if probabilities is not None:
        return _by_probabilities(read, target, read_table(probabilities, name="probabilities"))
    source = str(table) if isinstance(table, str | Path) else None
    return _by_models(read, source, target, ignore, effort)


def _by_models(read: Table, source: str | None, target: str, ignore: Sequence[str], effort: str) -> JudgedLabels:
    import polars as pl

    from holdfast.auditing.api import audit

    with tempfile.TemporaryDirectory(prefix="holdfast-labels-") as folder:
        result = audit(
            test=read.frame if source is None else source,
            target=target,
            check=[CHECK],
            effort=effort,
            cache=False,
            out=Path(folder) / "audit",
            deployment=Deployment(ignore=tuple(ignore)),
        )
        finding = result[CHECK]
        if finding.state != "measured":
            raise InputError(f"the outcomes cannot be judged: {finding.reason}", hint=finding.needed or "")
        found = finding["mislabelled_share_test"]
        rows = pl.read_parquet(result.folder / finding.evidence["suspects"]).drop("table")
        assert found.interval is not None
        return JudgedLabels(rows=rows, share=found.value, interval=found.interval, judged_by=JUDGES)


def _by_probabilities(read: Table, target: str, given: Table) -> JudgedLabels:
    import numpy as np
    import polars as pl

    from holdfast.auditing.matching import label_key, target_column
    from holdfast.kernels.data.label_noise import label_noise, suspect_cutoff

    column = target_column(read, target)
    names = given.frame.columns
    position = {label_key(name): index for index, name in enumerate(names)}
    unknown = [label for label in column.unique(maintain_order=True).to_list() if label_key(label) not in position]
    if unknown:
        raise InputError(
            f"the table holds the outcome {unknown[0]!r}, and the probabilities have no column of that name",
            hint=did_you_mean(str(unknown[0]), names),
        )
    texts = [name for name in names if not given.frame[name].dtype.is_numeric()]
    if texts:
        raise InputError(
            f"expected numbers in the column {texts[0]!r} of the probabilities, got {given.frame[texts[0]].dtype}",
            hint="give one column per class, named as the class, and no other column",
        )
    if given.frame.height != read.frame.height:
        raise InputError(
            f"expected one row of probabilities for each of the {read.frame.height} rows, got {given.frame.height}",
            hint="give both tables in the same order",
        )
    y = np.array([position[label_key(label)] for label in column.to_list()], dtype=np.int64)
    try:
        found = label_noise(given.frame.cast(pl.Float64).to_numpy(), y, rng=np.random.default_rng(GROUPS_SEED))
    except ValueError as error:
        raise InputError(f"the probabilities cannot be used: {error}", hint="rows have to sum to one") from error
    rows = pl.DataFrame(
        {
            "row": np.arange(y.size),
            "given": [names[place] for place in y],
            "suggested": [names[place] for place in found.suggested],
            "score": found.wrong,
            "suspect": found.wrong >= suspect_cutoff(found.wrong),
        }
    )
    interval = Interval(
        low=found.share.low, high=found.share.high, level=0.95, method="delete-a-group jackknife, 20 groups"
    )
    ordered = rows.sort("score", descending=True, maintain_order=True)
    return JudgedLabels(rows=ordered, share=found.share.value, interval=interval, judged_by=OTHERS)
