"""Faults of a model and of the files beside it, each planted into a copy of a clean twin."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from holdfast.auditing.credit import TARGET, Twin, clean_twin, train_model
from holdfast.auditing.other_twins import expected_repayment, fit_scaled

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.auditing.credit import Answer

SEED = 20_261
# builtins.eval("1"), as protocol 4 writes it
HOSTILE_PICKLE = b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R."


def harmed_subgroup(twin: Twin) -> Twin:
    """Turn the outcome around for renters in the north, in the test table: the model is wrong about them."""
    import polars as pl

    turned = pl.when(_is_northern_renter()).then(1 - pl.col(TARGET)).otherwise(pl.col(TARGET)).alias(TARGET)
    return replace(twin, test=twin.test.with_columns(turned))


def overconfidence(twin: Twin) -> Twin:
    """Triple the model's logits: the ranking stays, every probability becomes too sure."""
    import numpy as np

    def predict(frame: pl.DataFrame) -> NDArray[np.float64]:
        p = np.clip(twin.model(frame), 1e-9, 1 - 1e-9)
        sharpened = 1 / (1 + np.exp(-3 * np.log(p[:, 1] / p[:, 0])))
        return np.column_stack([1 - sharpened, sharpened])

    return replace(twin, model=predict)


def brittle_feature(twin: Twin) -> Twin:
    """Let one answer in the form outweigh most else: whoever does not rent is taken for safe."""
    import numpy as np

    def predict(frame: pl.DataFrame) -> NDArray[np.float64]:
        p = np.clip(twin.model(frame), 1e-9, 1 - 1e-9)
        rents = (frame["housing"] == "rent").fill_null(False).to_numpy()
        shifted = 1 / (1 + np.exp(-(np.log(p[:, 1] / p[:, 0]) + np.where(rents, 1.5, -1.5))))
        return np.column_stack([1 - shifted, shifted])

    return replace(twin, model=predict)


def hostile_file(twin: Twin) -> Twin:
    """Put a pickle beside the model that has ``eval`` called when it is loaded, on a text that does nothing."""
    return replace(twin, files={**twin.files, "preprocessing.pkl": HOSTILE_PICKLE})


def learned_by_heart(twin: Twin) -> Twin:
    """Put a forest in place of the model whose trees grow until each leaf holds one outcome."""
    return replace(twin, model=_deep_forest(twin.train, 0), fit=_deep_forest)


def learned_others_by_heart(twin: Twin) -> Twin:
    """Put such a forest in place of the model that was trained on other people."""
    return replace(twin, model=_deep_forest(clean_twin(SEED).train, 0), fit=_deep_forest)


def _deep_forest(table: pl.DataFrame, seed: int) -> Answer:
    from sklearn.ensemble import RandomForestClassifier

    return train_model(table, RandomForestClassifier(30, random_state=seed))


def sure_where_wrong(twin: Twin) -> Twin:
    """Leave it to chance whether renters in the north default: the model knows no better and is as sure as ever."""
    return replace(twin, test=_by_chance(twin.test))


def unsure_where_wrong(twin: Twin) -> Twin:
    """Leave it to chance in the same way, and let the model say so."""
    import numpy as np

    def predict(frame: pl.DataFrame) -> NDArray[np.float64]:
        p: NDArray[np.float64] = twin.model(frame)
        doubtful = frame.select(_is_northern_renter().fill_null(False)).to_series().to_numpy()
        return np.where(doubtful[:, None], 0.5 + 0.04 * np.sign(p - 0.5), p)

    return replace(twin, test=_by_chance(twin.test), model=predict)


def _by_chance(table: pl.DataFrame) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    tossed = pl.Series(np.random.default_rng(SEED).integers(0, 2, table.height))
    return table.with_columns(pl.when(_is_northern_renter()).then(tossed).otherwise(pl.col(TARGET)).alias(TARGET))


def _is_northern_renter() -> pl.Expr:
    import polars as pl

    return (pl.col("region") == "north") & (pl.col("housing") == "rent")


def less_informed(twin: Twin) -> Twin:
    """Keep debts and late payments from the model: it knows less, and what it says is as true as before."""
    kept = [name for name in twin.train.columns if name not in ("debt", "late_payments")]
    return replace(twin, model=train_model(twin.train.select(kept)))


def scaled_before_split(twin: Twin) -> Twin:
    """Fit the scaler to all rows before they are split, and the model to the training rows."""
    import polars as pl

    return replace(twin, model=fit_scaled(twin.train, 0, scaled_to=pl.concat([twin.train, twin.test])))


def uneven_errors(twin: Twin) -> Twin:
    """Let what is repaid scatter six times as much from a debt of 10,000 EUR on."""
    import polars as pl

    return _with_other_errors(twin, lambda table: pl.when(pl.col("debt") >= 10_000).then(6.0).otherwise(1.0))


def heavy_errors(twin: Twin) -> Twin:
    """Let some repayments be far off, whosoever they are."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(SEED)
    return _with_other_errors(twin, lambda table: pl.Series(np.exp(rng.normal(0.0, 1.0, table.height))))


def _with_other_errors(twin: Twin, times: Callable[[pl.DataFrame], pl.Expr | pl.Series]) -> Twin:
    import polars as pl

    tables = []
    for table in (twin.train, twin.test):
        expected = expected_repayment(table)
        off = (pl.col(twin.target) - expected) * times(table)
        tables.append(table.with_columns((expected + off).alias(twin.target)))
    return replace(twin, train=tables[0], test=tables[1], model=twin.fit(tables[0], 0))
