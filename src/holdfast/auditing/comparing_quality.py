"""What redaction costs a model: its score on a table as it was and as it became, on the same rows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.auditing.admission import admit
from holdfast.auditing.matching import label_key
from holdfast.auditing.scanning import NO_POLICY
from holdfast.core.canonical import digest_bytes
from holdfast.core.errors import InputError, ModelError, did_you_mean
from holdfast.core.redaction import QualityChange
from holdfast.kernels.stats.delong import auc_difference
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.paired import paired_mean_difference, paired_proportion_difference

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.adapters.models.opening import TrustPickle
    from holdfast.core.subject import Model, RawPredictions

LEVEL = 0.95
FOLDS = 5
FEWEST_ROWS = 20


def compare_quality(
    model: Any,
    original: Any,
    transformed: Any,
    target: str,
    *,
    retrain: bool = False,
    seed: int = 0,
    trust_pickle: TrustPickle = False,
) -> tuple[QualityChange, ...]:
    """Score a model on a table before and after its redaction.

    Parameters
    ----------
    model
        Model file, or an object of this process.
    original, transformed
        The same rows in the same order: files or data frames.
    target
        Column with the outcomes, the same in both.
    retrain
        Train the model anew on each of the tables: five parts, each predicted by a copy that was trained on the other
        four. Otherwise the model is asked as it is.
    seed
        Of the parts and of training.
    trust_pickle
        Whether a pickle is loaded although its scan did not pass.

    Returns
    -------
    tuple of QualityChange
        Accuracy and, where there are two classes and scores, AUC; mean absolute error for regression. The difference is
        after minus before. Of retrained models the interval holds for the copies at hand: it knows the chance of the
        rows, not that of training.

    Raises
    ------
    InputError
        When the tables do not have the same rows and outcomes, or the model cannot use the transformed table.
    """
    from holdfast.adapters.tables.reading import read_table

    before = read_table(original, name="original").frame
    after = read_table(transformed, name="transformed").frame
    _check_rows(before, after, target)
    y = before[target]
    opened = _open(model, trust_pickle)
    try:
        ask = _cross_fitted(opened, y, seed) if retrain else opened.predict
        first = ask(before.drop(target))
        try:
            second = ask(after.drop(target))
        except (ModelError, InputError) as error:
            raise InputError(
                f"the model cannot use the transformed table: {error.message}",
                hint="columns that became text need another transform, or --retrain with a model that takes text",
            ) from None
        return tuple(_changes(opened, y, first, second, is_retrained=retrain))
    finally:
        opened.close()


def _check_rows(before: pl.DataFrame, after: pl.DataFrame, target: str) -> None:
    for frame, which in ((before, "original"), (after, "transformed")):
        if target not in frame.columns:
            raise InputError(f"no column {target!r} in the {which} table", hint=did_you_mean(target, frame.columns))
    if before.height != after.height or before.height < FEWEST_ROWS:
        raise InputError(
            f"expected the same {FEWEST_ROWS} rows or more in both tables, got {before.height} and {after.height}",
            hint="a plan that leaves records out cannot be compared row by row",
        )
    if before[target].to_list() != after[target].to_list():
        raise InputError(
            f"the outcomes in {target!r} differ between the tables", hint="keep the target out of the plan"
        )
    if before[target].null_count():
        raise InputError(
            f"expected an outcome in every row of {target!r}, got empty cells", hint="leave those rows out"
        )


def _open(model: Any, trust_pickle: TrustPickle) -> Model:
    from holdfast.adapters.models.opening import open_model, wrap_model

    if not isinstance(model, str | Path):
        return wrap_model(model)
    path = Path(model)
    if not path.is_file():
        raise InputError(f"expected a model file, found none: {path}")
    data = path.read_bytes()
    digest = digest_bytes(data)
    with tempfile.TemporaryDirectory(prefix="holdfast-quality-") as folder:  # what is scanned is what is loaded
        copy = Path(folder) / path.name
        copy.write_bytes(data)
        admitted = admit(copy, data, name=path.name, digest=digest, policy=NO_POLICY, trust_pickle=trust_pickle)
    return open_model(data, name=path.name, digest=digest, vouched=admitted.vouched, trust_pickle=trust_pickle)


def _cross_fitted(model: Model, y: pl.Series, seed: int) -> Callable[[pl.DataFrame], RawPredictions]:
    from holdfast.core.subject import RawPredictions

    if "refit" not in model.info.capabilities:
        raise InputError("the model cannot be trained again", hint="give a scikit-learn estimator or pipeline")
    outcomes = y.to_numpy()
    part = np.random.default_rng(seed).permutation(len(y)) % FOLDS

    def ask(X: pl.DataFrame) -> RawPredictions:
        labels: NDArray[Any] = np.empty(len(y), dtype=object)
        scores: NDArray[np.float64] | None = None
        for fold in range(FOLDS):
            inside = part == fold
            copy = model.refit(X.filter(~inside), outcomes[~inside], seed=seed)
            try:
                raw = copy.predict(X.filter(inside))
                labels[inside] = _labels(copy, raw)
                if raw.scores is not None and raw.scores.shape[1] == 2:
                    scores = np.zeros((len(y), 2)) if scores is None else scores
                    scores[inside] = raw.scores
            finally:
                copy.close()
        return RawPredictions(labels=labels, scores=scores)

    return ask


def _labels(model: Model, raw: RawPredictions) -> NDArray[Any]:
    if raw.labels is not None:
        return np.asarray(raw.labels).astype(object)
    assert raw.scores is not None  # an adapter answers with one or the other
    classes: NDArray[Any] = np.array(model.info.classes, dtype=object)
    return np.asarray(classes[raw.scores.argmax(axis=1)])


def _changes(
    model: Model, y: pl.Series, first: RawPredictions, second: RawPredictions, *, is_retrained: bool
) -> list[QualityChange]:
    answers = [_labels(model, raw) for raw in (first, second)]
    if "values" in model.info.capabilities:
        errors = [np.abs(answer.astype(np.float64) - y.to_numpy()) for answer in answers]
        change = paired_mean_difference(errors[1], errors[0], level=LEVEL)
        means = [float(error.mean()) for error in errors]
        return [_change("mean absolute error", len(y), means, change, "paired t", is_retrained)]
    keys = [label_key(label) for label in y]
    right = [np.array([label_key(one) == key for one, key in zip(answer, keys, strict=True)]) for answer in answers]
    lost, won = int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum())
    accuracy = paired_proportion_difference(lost, won, len(y), level=LEVEL)
    means = [float(one.mean()) for one in right]
    found = [_change("accuracy", len(y), means, accuracy, "Tango (paired)", is_retrained)]
    classes = [label_key(label) for label in model.info.classes]
    scores = [raw.scores for raw in (first, second)]
    if len(classes) == 2 and all(score is not None and score.shape[1] == 2 for score in scores):
        positive = np.array([key == classes[1] for key in keys])
        columns = [score[:, 1] for score in scores if score is not None]
        change = auc_difference(positive, columns[1], columns[0], level=LEVEL)
        from holdfast.kernels.stats.delong import auc_delong

        areas = [auc_delong(positive, column, level=LEVEL).value for column in columns]
        found.append(_change("AUC", len(y), areas, change, "DeLong (paired)", is_retrained))
    return found


def _change(
    metric: str, n: int, values: list[float], change: IntervalEstimate[float], method: str, is_retrained: bool
) -> QualityChange:
    return QualityChange(
        metric=metric, n=n, before=values[0], after=values[1], difference=change.value, low=change.low,
        high=change.high, level=LEVEL, method=method, is_retrained=is_retrained,
    )  # fmt: skip
