"""Known faults, planted into a copy of a clean subject: what an audit is worth is what it finds of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from holdfast.auditing.credit import TARGET, Twin, clean_twin, train_model
from holdfast.auditing.patrols import patrol_log

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.auditing.credit import Answer

SEED_OF_FAULTS = 20_261
# builtins.eval("1"), as protocol 4 writes it
HOSTILE_PICKLE = b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R."


@dataclass(frozen=True, slots=True)
class Fault:
    """One planted fault.

    Attributes
    ----------
    description
        What was done to the copy.
    measurement
        Id of the measurement that must fail its threshold; its check is the one that has to notice.
    plant
        Makes the faulty copy from the clean one.
    must_fail
        Whether it is a fault; else it only looks like one, and failing it would be a false alarm.
    sensitive
        Columns that describe people, as the deployment of the copy names them.
    """

    description: str
    measurement: str
    plant: Callable[[Twin], Twin]
    must_fail: bool = True
    sensitive: tuple[str, ...] = ("sex",)

    @property
    def check(self) -> str:
        """Id of the check that has to notice."""
        return ".".join(self.measurement.split(".")[:2])


def leaked_target(twin: Twin) -> Twin:
    """Add a column that repeats the target in 97 of 100 rows, as a field filled in after the outcome does."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(SEED_OF_FAULTS)
    tables = []
    for table in (twin.train, twin.test):
        wrong = rng.random(table.height) < 0.03
        tables.append(
            table.with_columns(pl.Series("collection_calls", np.where(wrong, 1 - table[TARGET], table[TARGET])))
        )
    return Twin(tables[0], tables[1], train_model(tables[0]))


def leaked_by_two(twin: Twin) -> Twin:
    """Add what was due and what was paid in the end: all of it in the good cases, and less in most others."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(SEED_OF_FAULTS)
    tables = []
    for table in (twin.train, twin.test):
        due = np.round(rng.lognormal(6.0, 1.0, table.height), 2)
        short = (table[TARGET] == 1).to_numpy() & (rng.random(table.height) < 0.97)
        paid = np.where(short, np.round(due * rng.uniform(0.2, 0.95, table.height), 2), due)
        tables.append(table.with_columns(pl.Series("amount_due", due), pl.Series("amount_paid", paid)))
    return Twin(tables[0], tables[1], train_model(tables[0]))


def identifier_column(twin: Twin) -> Twin:
    """Add a running number as an input of the model."""
    import polars as pl

    train = twin.train.with_columns(pl.Series("application", range(100_000, 100_000 + twin.train.height)))
    start = 100_000 + twin.train.height
    test = twin.test.with_columns(pl.Series("application", range(start, start + twin.test.height)))
    return Twin(train, test, train_model(train))


def copied_rows(twin: Twin) -> Twin:
    """Replace a fifth of the test rows by rows of the training table."""
    import polars as pl

    copied = twin.train.sample(twin.test.height // 5, seed=SEED_OF_FAULTS)
    return replace(twin, test=pl.concat([twin.test.head(twin.test.height - copied.height), copied]))


def altered_rows(twin: Twin) -> Twin:
    """Replace a fifth of the test rows by rows of the training table whose income has changed since."""
    import polars as pl

    later = twin.train.sample(twin.test.height // 5, seed=SEED_OF_FAULTS).with_columns(income=pl.col("income") * 1.02)
    return replace(twin, test=pl.concat([twin.test.head(twin.test.height - later.height), later]))


def careless_labels(twin: Twin) -> Twin:
    """Turn the outcome of every eighth training row around, and train the model on that."""
    import numpy as np
    import polars as pl

    turned = np.random.default_rng(SEED_OF_FAULTS).random(twin.train.height) < 0.125
    outcome = pl.when(pl.Series(turned)).then(1 - pl.col(TARGET)).otherwise(pl.col(TARGET)).alias(TARGET)
    train = twin.train.with_columns(outcome)
    return replace(twin, train=train, model=train_model(train))


def harmed_subgroup(twin: Twin) -> Twin:
    """Turn the outcome around for renters in the north, in the test table: the model is wrong about them."""
    import polars as pl

    harmed = (pl.col("region") == "north") & (pl.col("housing") == "rent")
    turned = pl.when(harmed).then(1 - pl.col(TARGET)).otherwise(pl.col(TARGET)).alias(TARGET)
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


def sex_decides(twin: Twin) -> Twin:
    """Let the model ask more of women than of men who are alike in everything else."""
    return replace(twin, model=_riskier(twin, lambda frame: frame["sex"] == "female", by=1.0))


def stand_in(twin: Twin) -> Twin:
    """Give the model a form of address in place of the sex, and let it ask more of those addressed as women."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(SEED_OF_FAULTS)

    def addressed(table: pl.DataFrame) -> pl.DataFrame:
        is_ms = (table["sex"] == "female").to_numpy() ^ (rng.random(table.height) < 0.02)
        return table.with_columns(pl.Series("address", np.where(is_ms, "Ms", "Mr")))

    copy = replace(twin, train=addressed(twin.train), test=addressed(twin.test))
    return replace(copy, model=_riskier(twin, lambda frame: frame["address"] == "Ms", by=2.0))


def promised_less(twin: Twin) -> Twin:
    """State a risk to women that is higher than it is, below the cut-off and above it."""
    return replace(twin, model=_riskier(twin, lambda frame: frame["sex"] == "female", by=1.5))


def harmed_combination(twin: Twin) -> Twin:
    """Let the model take women of one region for risks: neither women nor the region stand out as much."""
    harmed = {"sex": "female", "region": "north"}
    return replace(twin, model=_riskier(twin, lambda frame: _all_equal(frame, harmed), by=3.0))


def unequal_incomes(twin: Twin) -> Twin:
    """Let women be those who earn less: outcomes and answers differ by sex, and what a probability means does not."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(SEED_OF_FAULTS)

    def assigned(table: pl.DataFrame) -> pl.DataFrame:
        logs = np.log(table["income"].to_numpy())
        share = 1.0 / (1.0 + np.exp(6.0 * (logs - logs.mean())))
        return table.with_columns(pl.Series("sex", np.where(rng.random(table.height) < share, "female", "male")))

    train, test = assigned(twin.train), assigned(twin.test)
    return replace(twin, train=train, test=test, model=train_model(train))


def _all_equal(frame: pl.DataFrame, values: Mapping[str, str]) -> pl.Series:
    import polars as pl

    return frame.select(pl.all_horizontal([pl.col(name) == value for name, value in values.items()])).to_series()


def _riskier(twin: Twin, whom: Callable[[pl.DataFrame], pl.Series], *, by: float) -> Answer:
    """Add to the log odds of default of some people."""
    import numpy as np

    def predict(frame: pl.DataFrame) -> NDArray[np.float64]:
        p = np.clip(twin.model(frame), 1e-9, 1 - 1e-9)
        shifted = 1 / (1 + np.exp(-(np.log(p[:, 1] / p[:, 0]) + by * whom(frame).fill_null(False).to_numpy())))
        return np.column_stack([1 - shifted, shifted])

    return predict


def unit_error(twin: Twin) -> Twin:
    """Write the income of a tenth of the test rows in cents instead of euros."""
    import numpy as np
    import polars as pl

    hit = np.random.default_rng(SEED_OF_FAULTS).random(twin.test.height) < 0.1
    income = pl.when(pl.Series(hit)).then(pl.col("income") * 100).otherwise(pl.col("income")).alias("income")
    return replace(twin, test=twin.test.with_columns(income))


def few_women(twin: Twin) -> Twin:
    """Leave two of three women out of the training table."""
    import numpy as np
    import polars as pl

    drawn = np.random.default_rng(SEED_OF_FAULTS).random(twin.train.height) < 1 / 3
    train = twin.train.filter((pl.col("sex") == "male") | pl.Series(drawn))
    return replace(twin, train=train, model=train_model(train))


def kept_back(twin: Twin) -> Twin:
    """Leave the debt out of the training rows of one in five who default, as if they had not stated it."""
    return _without_debt(twin, twin.train[TARGET].to_numpy() == 1)


def lost_by_chance(twin: Twin) -> Twin:
    """Leave the debt out of as many training rows in all, whatever became of the people."""
    import numpy as np

    n_lost = int((twin.train[TARGET] == 1).sum())
    chosen = np.zeros(twin.train.height, dtype=np.bool_)
    chosen[np.random.default_rng(SEED_OF_FAULTS + 1).permutation(twin.train.height)[:n_lost]] = True
    return _without_debt(twin, chosen)


def _without_debt(twin: Twin, among: NDArray[np.bool_]) -> Twin:
    import numpy as np
    import polars as pl

    lost = among & (np.random.default_rng(SEED_OF_FAULTS).random(among.size) < 0.2)
    train = twin.train.with_columns(pl.when(pl.Series(~lost)).then(pl.col("debt")).alias("debt"))
    return replace(twin, train=train, model=train_model(train))


def patrols_follow_patrols(twin: Twin) -> Twin:
    """Log decisions of a system that sends patrols to where patrols found something."""
    return _with_patrols(twin, is_loop=True)


def patrols_follow_rates(twin: Twin) -> Twin:
    """Log decisions of one whose scores change as much, and not with its patrols."""
    return _with_patrols(twin, is_loop=False)


def _with_patrols(twin: Twin, *, is_loop: bool) -> Twin:
    import numpy as np

    rng = np.random.default_rng(SEED_OF_FAULTS)
    return replace(twin, decisions=patrol_log(rng, is_loop=is_loop))


def hostile_file(twin: Twin) -> Twin:
    """Put a pickle beside the model that has ``eval`` called when it is loaded, on a text that does nothing."""
    return replace(twin, files={**twin.files, "preprocessing.pkl": HOSTILE_PICKLE})


def learned_by_heart(twin: Twin) -> Twin:
    """Put a forest in place of the model whose trees grow until each leaf holds one outcome."""
    return replace(twin, model=train_model(twin.train, _deep_forest(0)), learner=_deep_forest)


def learned_others_by_heart(twin: Twin) -> Twin:
    """Put such a forest in place of the model that was trained on other people."""
    others = clean_twin(SEED_OF_FAULTS).train
    return replace(twin, model=train_model(others, _deep_forest(0)), learner=_deep_forest)


def _deep_forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(30, random_state=seed)


FAULTS: Mapping[str, Fault] = {
    "leaked_target": Fault(
        "a column repeats the target in 97 % of rows", "data.leakage.n_suspect_columns", leaked_target
    ),
    "leaked_by_two": Fault(
        "two columns give the outcome away by being equal", "data.leaking_pairs.n_suspect_pairs", leaked_by_two
    ),
    "identifier": Fault("a running number is an input", "data.leakage.n_identifier_columns", identifier_column),
    "copied_rows": Fault("20 % of test rows come from training", "data.duplicates.excess_overlap", copied_rows),
    "altered_rows": Fault(
        "20 % of test rows are training rows with another income",
        "data.near_duplicates.excess_near_overlap",
        altered_rows,
    ),
    "careless_labels": Fault(
        "one in eight training outcomes is turned", "data.labels.mislabelled_share_train", careless_labels
    ),
    "few_women": Fault(
        "two of three women are left out of training", "data.representativeness.largest_difference.train", few_women
    ),
    "kept_back": Fault("one in five who default did not state the debt", "data.missingness.gap_by_outcome", kept_back),
    "lost_by_chance": Fault(
        "as many debts are lost by chance", "data.missingness.gap_by_outcome", lost_by_chance, must_fail=False
    ),
    "harmed_subgroup": Fault(
        "outcomes of renters in the north are turned", "performance.slices.worst_gap", harmed_subgroup
    ),
    "overconfidence": Fault("logits are tripled", "performance.calibration.ece", overconfidence),
    "sex_decides": Fault(
        "women are asked for more than men alike", "fairness.counterfactual.changed_share.sex", sex_decides
    ),
    "stand_in": Fault("a form of address stands in for the sex", "fairness.group_gaps.equalised_odds.sex", stand_in),
    "promised_less": Fault("stated risks of women are too high", "fairness.scores.calibration_gap.sex", promised_less),
    "harmed_combination": Fault(
        "women in the north are taken for risks",
        "fairness.intersections.opportunity_shortfall",
        harmed_combination,
        sensitive=("sex", "region"),
    ),
    "unequal_incomes": Fault(
        "women earn less, and are told the truth",
        "fairness.scores.calibration_gap.sex",
        unequal_incomes,
        must_fail=False,
    ),
    "brittle_feature": Fault("one answer in the form decides", "robustness.evasion.attack_success", brittle_feature),
    "patrols_follow_patrols": Fault(
        "patrols go to where patrols found something", "monitoring.feedback_loop.loop_gain", patrols_follow_patrols
    ),
    "patrols_follow_rates": Fault(
        "scores of areas change by themselves",
        "monitoring.feedback_loop.loop_gain",
        patrols_follow_rates,
        must_fail=False,
    ),
    "hostile_file": Fault("a pickle beside the model runs code", "supply_chain.artefact_scan.n_failed", hostile_file),
    "learned_by_heart": Fault(
        "the model has learned its people by heart", "privacy.membership.tpr_at_1_in_100", learned_by_heart
    ),
    "learned_others": Fault(
        "the model has learned other people by heart",
        "privacy.membership.tpr_at_1_in_100",
        learned_others_by_heart,
        must_fail=False,
    ),
    "unit_error": Fault("10 % of incomes are in cents", "data.schema.violation_share", unit_error),
}


def planted(name: str, *, seed: int) -> Twin:
    """Return the copy with one fault."""
    return FAULTS[name].plant(clean_twin(seed))
