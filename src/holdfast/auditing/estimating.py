"""Estimate performance on cases whose outcomes have not come, join those that come late, and restate."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.finding import Chart, Finding

if TYPE_CHECKING:
    import polars as pl

    from holdfast.adapters.models.opening import TrustPickle

CHECK = "performance.estimated"
PROBABILITY = "probability"
KEPT_PROBABILITY = "probability of the label"
SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatedPerformance:
    """What is known of a model's performance today.

    Attributes
    ----------
    finding
        Of the check, with its measurements and assumptions.
    periods
        One row for each period and metric: estimate, restated and realised figures, range and test of the assumption.
    whole
        The same for all of today.
    decay
        Mean, variance and tail of the expected error, period by period.
    to_label
        Cases to label next, with the probability with which each was drawn.
    drawn
        Charts with their tables.
    notes
        What was joined, and what was left out.
    has_time
        Whether periods were cut by time.
    """

    finding: Finding
    periods: pl.DataFrame
    whole: pl.DataFrame
    decay: pl.DataFrame
    to_label: pl.DataFrame
    drawn: tuple[tuple[Chart, pl.DataFrame], ...]
    notes: tuple[str, ...]
    has_time: bool


def estimate_performance(
    reference: Any,
    current: Any,
    target: str,
    *,
    model: Any = None,
    score_column: Sequence[str] = (),
    labels: Any = None,
    id: str | None = None,
    time: str | None = None,
    every: str = "",
    periods: int = 10,
    group: str = "",
    weighted: bool = True,
    choose: int = 0,
    ignore: Sequence[str] = (),
    classes: Sequence[Any] = (),
    trust_pickle: TrustPickle = False,
) -> EstimatedPerformance:
    """Estimate how a model performs on a table without outcomes.

    Parameters
    ----------
    reference, current
        Files or data frames: labelled cases of the past that did not train the model, and the cases of today.
    target
        Column with the outcomes; in ``current`` it may be absent or have empty cells.
    model
        Model file or object; otherwise both tables hold its predictions.
    score_column
        Columns with the predictions: the score of the positive class, or one per class; guessed by name otherwise.
    labels
        File or data frame of outcomes that came late: ``id``, ``target`` and, where the cases were not drawn alike,
        ``probability``.
    id
        Column that names a case, in ``current`` and ``labels``.
    time
        Column that orders the cases.
    every, periods, group, weighted, choose
        As the parameters of the check ``performance.estimated``.
    ignore
        Columns that are no inputs.
    classes
        The order of the model's scores, where it states none.

    Raises
    ------
    InputError
        When a file cannot be used, labels contradict each other, or nothing can be estimated.
    """
    import polars as pl

    from holdfast.adapters.tables.reading import read_table
    from holdfast.auditing.api import audit

    past, today = read_table(reference, name="test").frame, read_table(current, name="current").frame
    for name, needed in (("time", time), ("id", id)):
        if needed and needed not in today.columns:
            raise InputError(
                f"no column {needed!r} as {name} in the current table", hint=did_you_mean(needed, today.columns)
            )
    notes: tuple[str, ...] = ()
    if labels is not None:
        today, notes = join_labels(today, read_table(labels, name="labels").frame, target=target, id=id)
    has_probability = KEPT_PROBABILITY in today.columns
    known = [name for name in (*ignore, id or "") if name in past.columns]
    deployment = Deployment(
        time=time if time in past.columns else None, ignore=tuple(dict.fromkeys(known)), classes=tuple(classes)
    )
    if time and time not in past.columns:
        raise InputError(
            f"no column {time!r} in the reference, by which its own periods could be told", hint="leave --time out"
        )
    parameters = {
        "periods": periods, "every": every, "group": group, "weighted": weighted, "choose": choose,
        "probability_column": KEPT_PROBABILITY if has_probability else "",
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="holdfast-estimate-") as folder:
        source: dict[str, Any] = {"model": model, "test": past}
        if model is None:
            place = Path(folder) / "reference.parquet"
            past.write_parquet(place)
            source = {"predictions": str(place), "score_column": list(score_column)}
        result = audit(
            **source, current=today, target=target, check=[CHECK], parameters={CHECK: parameters}, cache=False,
            out=Path(folder) / "audit", deployment=deployment, trust_pickle=trust_pickle,
        )  # fmt: skip
        finding = result[CHECK]
        if finding.state != "measured":
            raise InputError(f"nothing can be estimated: {finding.reason}", hint=finding.needed or "")
        tables = {name: pl.read_parquet(result.folder / path) for name, path in finding.evidence.items()}
        to_label = tables["to_label"]
        if id:
            to_label = to_label.with_columns(pl.Series(id, today.get_column(id)[to_label["row"].to_list()]))
        return EstimatedPerformance(
            finding=finding,
            periods=tables["periods"],
            whole=tables["whole"],
            decay=tables["decay"],
            to_label=to_label,
            drawn=tuple((chart, tables[chart.table]) for chart in finding.charts),
            notes=notes,
            has_time=bool(time),
        )


def join_labels(
    current: pl.DataFrame, labels: pl.DataFrame, *, target: str, id: str | None
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Put outcomes that came late beside their cases.

    Parameters
    ----------
    current
        The cases, each with an id of its own.
    labels
        ``id``, ``target`` and perhaps ``probability``; the same label twice is one.
    target, id
        Names of the columns.

    Returns
    -------
    tuple
        The cases with ``target``, empty where no label has come, and notes of what was left out.

    Raises
    ------
    InputError
        When a column is absent, a case has two ids or an id two labels, or no label belongs to any case.

    Examples
    --------
    >>> import polars as pl
    >>> cases, late = pl.DataFrame({"id": [1, 2]}), pl.DataFrame({"id": [2, 3], "y": ["no", "yes"]})
    >>> joined, notes = join_labels(cases, late, target="y", id="id")
    >>> joined["y"].to_list(), notes
    ([None, 'no'], ('1 of 2 labels belongs to no case of the current table.',))
    """
    import polars as pl

    if id is None:
        raise InputError("labels are joined by an id, and none is named", hint="--id COLUMN of both tables")
    for name, frame, where in ((id, current, "current table"), (id, labels, "labels"), (target, labels, "labels")):
        if name not in frame.columns:
            raise InputError(f"no column {name!r} in the {where}", hint=did_you_mean(name, frame.columns))
    key = "key of the case"
    cases = current.with_columns(_key(current, id).alias(key))
    _refuse_repeated(cases, key, "the current table", "each case has an id of its own")
    wanted = [name for name in (target, PROBABILITY) if name in labels.columns]
    late = labels.select(_key(labels, id).alias(key), *wanted).filter(pl.col(target).is_not_null())
    # The same label sent twice is one label; two labels of one case are a contradiction that only the user can end.
    late = late.unique(maintain_order=True)
    _refuse_repeated(late, key, "the labels", "keep the label that is right")
    notes = []
    unknown = late.filter(~pl.col(key).is_in(cases[key].to_list()))
    if late.height and unknown.height == late.height:
        raise InputError(
            f"none of {late.height:,} labels belongs to a case of the current table, such as {unknown[key][0]!r}",
            hint=f"the current table has ids such as {cases[key][0]!r}"
            if cases.height
            else "the current table is empty",
        )
    if unknown.height:
        verb = "belongs" if unknown.height == 1 else "belong"
        notes.append(f"{unknown.height:,} of {late.height:,} labels {verb} to no case of the current table.")
    if target in cases.columns:
        both = cases.select(key, old=pl.col(target).cast(pl.String)).join(
            late.select(key, new=pl.col(target).cast(pl.String)), on=key
        )
        differ = both.filter(pl.col("old").is_not_null() & (pl.col("old") != pl.col("new")))
        if differ.height:
            raise InputError(
                f"{differ.height:,} labels contradict the current table, such as that of {differ[key][0]!r}: "
                f"{differ['old'][0]!r} there and {differ['new'][0]!r} in the labels",
                hint="keep the outcome that is right in one of both",
            )
        late = late.rename({target: "label that came late"})
        joined = cases.join(late, on=key, how="left", maintain_order="left")
        text = pl.coalesce(pl.col(target), pl.col("label that came late").cast(cases.schema[target]))
        joined = joined.with_columns(text.alias(target)).drop("label that came late")
    else:
        joined = cases.join(late, on=key, how="left", maintain_order="left")
    joined = joined.drop(key)
    if PROBABILITY in wanted:
        joined = joined.rename({PROBABILITY: KEPT_PROBABILITY})
    return joined, tuple(notes)


def _key(frame: pl.DataFrame, id: str) -> pl.Expr:
    """Ids as text, whole numbers alike whether they were read as such or as decimals."""
    import polars as pl

    column = frame.get_column(id)
    if column.null_count():
        raise InputError(f"{column.null_count():,} cells of the id {id!r} are empty", hint="give every case an id")
    if column.dtype.is_float() and (column == column.floor()).all():
        return pl.col(id).cast(pl.Int64).cast(pl.String)
    return pl.col(id).cast(pl.String)


def _refuse_repeated(frame: pl.DataFrame, key: str, where: str, hint: str) -> None:
    import polars as pl

    repeated = frame.group_by(key, maintain_order=True).len().filter(pl.col("len") > 1)
    if repeated.height:
        shown = ", ".join(map(repr, repeated[key].head(SHOWN).to_list()))
        raise InputError(f"{repeated.height:,} ids stand more than once in {where}, such as {shown}", hint=hint)
