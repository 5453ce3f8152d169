"""Whether the model helps somebody to guess a sensitive attribute of a person from everything else about them.

**Question.** Somebody knows all about a person but one attribute, also the true outcome, and can ask the model. Do its
answers give the attribute away, and more so for people it was trained on?

**How.** Half of the test table trains an imputation that has no model: a logistic regression guesses the attribute from
the other columns and the outcome, as anybody with such data could. The attacker starts from that guess, sets the
attribute to each possible value, asks the model, and believes a value the more, the better the model's answer fits the
true outcome: model inversion on tables (Fredrikson et al.; Mehnaz et al.). How far to trust the model is learnt from
people the attacker knows: half of the people attacked, for guesses about the other half. The same is done for people of
the training table and for people of the test table that the imputation has not seen. Numbers such as age are guessed as
one of `n_quantiles` groups of about equal size. The attacker sees what `deployment.returns` says.

**How to read it.** Correct guesses alone say nothing: who knows marital status and occupation names the sex of most
people, with no model at all (Jayaraman and Evans). `advantage.<attribute>` is the share of people of the training
table whose attribute is named rightly with the model, less the share without it. `training_leakage.<attribute>` is that
advantage less the same about people the model was not trained on: the first may come from what the model knows about
people in general, the second only from having seen these. Only an interval wholly above 0 shows leakage; where several
attributes are attacked, the text says whether it stays after Holm's correction. Both are lower bounds: another attack
may find more.

**When it misleads.** A small test table trains a weak imputation; an advantage then says that the model knows the
population better than the attacker, which `training_leakage` takes off. A test table with rows of the training table
hides leakage, see `data.duplicates`. Few people make long intervals, and 0 inside says that nothing was shown. An
attribute that is no input of the model is not attacked: the imputation has all that the answers depend on.

**What to do about a bad result.** Leave the attribute out if it is not needed. Train a model that fits less closely (a
regularised one, more people in a leaf, more neighbours), return labels instead of probabilities, limit queries about
one person with changed inputs, or train with differential privacy.

- *A good result*: `training_leakage.sex` 0.002 (-0.008 to 0.012) on 1,000 people of each kind.
- *A bad result*: `training_leakage.sex` 0.09 (0.06 to 0.12): a tree without limits tells who was a woman.
- *A misleading result*: an attacker who is right about 81 % of people, of whom the imputation names 81 % too: no
  leakage.

References
----------
Fredrikson, M., Jha, S. and Ristenpart, T. (2015). Model inversion attacks that exploit confidence information. CCS.
Yeom, S., Giacomelli, I., Fredrikson, M. and Jha, S. (2018). Privacy risk in machine learning. CSF, section 5.
Mehnaz, S. et al. (2022). Are your sensitive attributes private? Novel model inversion attribute inference attacks.
USENIX Security.
Jayaraman, B. and Evans, D. (2022). Are attribute inference attacks just imputation? CCS.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import InputError, NotApplicable, NotRun, did_you_mean
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject, Table

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.privacy.attribute import Comparison, Leakage
    from holdfast.kernels.privacy.guessed_values import GuessedValues
    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "Attribute inference",
    "question": "Do the model's answers help to guess a sensitive attribute of a person, beyond plain imputation?",
    "needs": ["test", "target", "query"],
    "measures": [
        {"id": "advantage.*", "name": "Right guesses that the model adds", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [-1, 1]},
        {"id": "training_leakage.*", "name": "Right guesses it adds about its training data only", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [-2, 2]},
    ],
    "reads": ["sensitive", "returns"],
    "evidence_codes": ["INVERT"],
    "references": [
        "Fredrikson et al. 2015", "Yeom et al. 2018", "Mehnaz et al. 2022", "Jayaraman and Evans 2022",
    ],
    "cost": "medium",
    "effort": {
        "quick": {"points": 300, "queries": 4000, "baseline_rows": 3000},
        "default": {"points": 1000, "queries": 6000, "baseline_rows": 10000},
        "thorough": {"points": 10000, "queries": 400000, "baseline_rows": 50000},
    },
}  # fmt: skip

REMEDIATION = (
    "Leave the attribute out if the model does not need it. Fit less closely (regularise, ask for more people in a "
    "leaf, use more neighbours), return labels instead of probabilities, limit repeated queries about one person with "
    "changed inputs, or train with differential privacy."
)
CHART = Chart(
    id="advantage", title="Right guesses that the model adds to plain imputation", kind="points", table="attacks",
    caption="Dots above zero for people of the training data, with others at zero, are what the model learnt about "
    "these people; a bar that reaches zero shows nothing.",
    x="attacked", y="advantage", low="low", high="high", y_title="share of people", reference=0.0,
)  # fmt: skip
TRAINING, OTHERS = "training table", "other people"
LEVELS = 20
UNSEEN = 1e-9
FEWEST_KNOWN = 10
MOST_AFFECTED = 10_000


class _People(NamedTuple):
    """Rows of a table that are attacked, or that train the imputation."""

    table: Table
    rows: NDArray[np.int64]
    y: NDArray[Any]
    as_they_are: NDArray[np.float64]
    """For each row of the table, what the model answers about it unchanged; NaN until it is asked."""

    def at(self, places: slice | NDArray[np.int64]) -> _People:
        """Take some of them."""
        return self._replace(rows=self.rows[places], y=self.y[places])


class _Attacked(NamedTuple):
    """One attribute of people of one kind: what was counted, and who was guessed rightly."""

    attribute: str
    people: str
    rows: NDArray[np.int64]
    with_model: NDArray[np.bool_]
    without_model: NDArray[np.bool_]
    counts: Comparison


def run(subject: Subject, ctx: Context, *, columns: tuple[str, ...] = (), n_quantiles: int = 4) -> Outcome:
    """Measure what the model adds to guesses of sensitive attributes.

    Parameters
    ----------
    columns
        Inputs to attack besides those named as sensitive.
    n_quantiles
        Groups of about equal size that numbers with many values are guessed as.
    """
    if n_quantiles < 2:
        raise InputError(f"expected at least 2 groups of numbers, got n_quantiles={n_quantiles}")
    names, notes = _names(subject, columns)
    known, kinds = _people(subject, ctx)
    found = {name: _guessed(subject, known, name, n_quantiles, notes) for name in names}
    chosen = {name: guessed for name, guessed in found.items() if guessed is not None}
    if not chosen:
        raise NotApplicable("no sensitive input has two values to guess among", hint=" ".join(notes))
    n_candidates = sum(len(guessed.candidates) for guessed in chosen.values())
    most = min(ctx.effort["points"], max(2, ctx.effort["queries"] // (n_candidates * len(kinds))))
    attacked = [
        one for name, guessed in chosen.items() for one in _attack(subject, ctx, name, guessed, known, kinds, most)
    ]
    if subject.train is None:
        notes.append("Without a training table (--train) the advantage is that on people of the test table.")
    notes.append(f"The imputation was trained on {known.rows.size} rows of the test table, which were not attacked.")
    leaks = _leaks(attacked, ctx.level)
    return Outcome(
        measurements=_measure(attacked, leaks, ctx.level),
        tables=_tables(attacked, leaks, ctx.level),
        charts=(CHART,),
        remediation=REMEDIATION,
        assumptions=tuple(notes),
        work={"points": sum(one.rows.size for one in attacked), "models": len(chosen)},
    )


def _names(subject: Subject, columns: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Choose the attributes; say which are left out."""
    for name in columns:
        if name not in subject.features:
            raise InputError(f"{name!r} is no input of the model", hint=did_you_mean(name, subject.features))
    wanted = list(dict.fromkeys([*subject.deployment.sensitive, *columns]))
    if not wanted:
        raise NotRun(
            "no sensitive attributes are named",
            hint="name columns such as sex or age as deployment.sensitive in holdfast.yaml",
        )
    names = [name for name in wanted if name in subject.features]
    outside = [name for name in wanted if name not in subject.features]
    if not names:
        raise NotApplicable(
            f"the model does not take the sensitive attributes as inputs: {', '.join(outside)}",
            hint="a model that takes one of them, or another input named in the parameter columns",
        )
    return names, [f"No input of the model, so not attacked: {', '.join(outside)}."] if outside else []


def _people(subject: Subject, ctx: Context) -> tuple[_People, dict[str, _People]]:
    """Split the test table into rows that train the imputation and rows that are attacked; add the training table."""
    assert subject.test is not None
    tables = {TRAINING: subject.train, OTHERS: subject.test}
    people = {kind: _shuffled(subject, ctx, table) for kind, table in tables.items() if table is not None}
    half = people[OTHERS].rows.size // 2
    known = people[OTHERS].at(slice(min(half, ctx.effort["baseline_rows"])))
    return known, people | {OTHERS: people[OTHERS].at(slice(half, None))}


def _shuffled(subject: Subject, ctx: Context, table: Table) -> _People:
    """Bring the rows whose outcome is known into random order."""
    import numpy as np

    y = np.asarray(subject.y(table))
    rows = ctx.rng.permutation(np.flatnonzero(y >= 0) if subject.task != "regression" else np.arange(y.size))
    return _People(table, rows, y[rows], np.full(y.size, np.nan))


def _guessed(subject: Subject, known: _People, name: str, n_quantiles: int, notes: list[str]) -> GuessedValues | None:
    """Find the values to guess among in the rows that the attacker knows."""
    from holdfast.kernels.privacy.guessed_values import guessed_values

    found = guessed_values(_cells(subject, known, name), n_quantiles=n_quantiles)
    if found is None or known.rows.size < FEWEST_KNOWN:
        notes.append(f"{name} was not attacked: too few known people, or fewer than two values among them.")
        return None
    if found.edges is not None:
        cuts = ", ".join(f"{edge:g}" for edge in found.edges)
        notes.append(f"{name} was guessed as one of {found.edges.size + 1} groups, cut at {cuts}.")
    if found.n_left_out:
        notes.append(f"Of {name}, the {len(found.candidates)} most frequent values were guessed among.")
    return found


def _cells(subject: Subject, people: _People, name: str) -> NDArray[Any]:
    return subject.cells(people.table.frame.select(name)[people.rows])[name]


def _attack(
    subject: Subject,
    ctx: Context,
    name: str,
    guessed: GuessedValues,
    known: _People,
    kinds: dict[str, _People],
    most: int,
) -> list[_Attacked]:
    """Guess one attribute of people of each kind, with the model and without."""
    import numpy as np

    from holdfast.kernels.privacy.attribute import compare, guesses, outcome_log_likelihood

    chosen = {kind: _valued(subject, people, name, guessed, most) for kind, people in kinds.items()}
    priors = _imputed(subject, name, _valued(subject, known, name, guessed), [*chosen.values()])
    attacked = []
    for (kind, (people, true)), log_prior in zip(chosen.items(), priors, strict=True):
        fits = outcome_log_likelihood(_outcome_fits(subject, name, guessed, people), guessed.group)
        with_model = guesses(log_prior, fits, true, rng=ctx.rng)
        without_model = np.asarray(log_prior.argmax(axis=1))
        counts = compare(with_model, without_model, true)
        attacked.append(_Attacked(name, kind, people.rows, with_model == true, without_model == true, counts))
    return attacked


def _valued(
    subject: Subject, people: _People, name: str, guessed: GuessedValues, most: int | None = None
) -> tuple[_People, NDArray[np.int64]]:
    """Keep people whose value is among those that are guessed, at most so many, and return it with them."""
    import numpy as np

    values = guessed.of(_cells(subject, people, name))
    kept = np.flatnonzero(values >= 0)[:most]
    return people.at(kept), values[kept]


def _imputed(
    subject: Subject,
    name: str,
    known: tuple[_People, NDArray[np.int64]],
    attacked: list[tuple[_People, NDArray[np.int64]]],
) -> list[NDArray[np.float64]]:
    """Return the logarithm of the probability of each value, from the other columns and the outcome alone."""
    import numpy as np

    from holdfast.kernels.performance.design import linear_designs

    people, true = known
    first = _columns(subject, people, name)
    others = [
        np.concatenate(parts) for parts in zip(*(_columns(subject, one, name) for one, _ in attacked), strict=True)
    ]
    same = [place for place, column in enumerate(first) if others[place].dtype == column.dtype]
    X_known, X = linear_designs([first[place] for place in same], [others[place] for place in same], levels=LEVELS)
    shares = np.full((X.shape[0], int(true.max()) + 1), UNSEEN)
    if X.shape[0]:
        classes, found = _fit_and_guess(X_known, true, X)
        shares[:, classes] += found
    ends = np.cumsum([asked.rows.size for asked, _ in attacked])[:-1]
    return np.split(np.log(shares / shares.sum(axis=1, keepdims=True)), ends)


def _fit_and_guess(
    X_known: NDArray[np.float64], true: NDArray[np.int64], X: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    import warnings

    import numpy as np
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    learner = LogisticRegression(max_iter=200)
    with warnings.catch_warnings():
        # An imputation that stopped a little early is still one; its guesses are counted, not assumed.
        warnings.simplefilter("ignore", ConvergenceWarning)
        learner.fit(X_known, true)
    return np.asarray(learner.classes_), np.asarray(learner.predict_proba(X))


def _columns(subject: Subject, people: _People, attribute: str) -> list[NDArray[Any]]:
    """Return what the attacker knows: the other inputs and the outcome, as numbers or texts."""
    import numpy as np

    names = [name for name in subject.features if name != attribute]
    cells = [*subject.cells(people.table.frame.select(names)[people.rows]).values()] if names else []
    outcome = people.y if subject.task == "regression" else people.y.astype(object)
    return [
        column.astype(np.float64)
        if column.dtype.kind == "f"
        else np.array([None if cell is None else str(cell) for cell in column], dtype=object)
        for column in [*cells, outcome]
    ]


def _outcome_fits(subject: Subject, name: str, guessed: GuessedValues, people: _People) -> NDArray[np.float64]:
    """Ask the model about each candidate; say how well each answer fits the outcome, from 0 to 1."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.privacy.guessed_values import answers_to_candidates
    from holdfast.kernels.privacy.signals import answer_confidence

    inputs = people.table.frame.select(subject.features)[people.rows]

    def ask(places: NDArray[np.int64], candidate: int | None) -> NDArray[np.float64]:
        cell = pl.col(name) if candidate is None else pl.lit(guessed.candidates[candidate]).cast(inputs.schema[name])
        answers, y = subject.predict(inputs[places].with_columns(cell.alias(name))), people.y[places]
        if subject.task == "regression":
            return np.asarray(np.abs(answers.labels - y))
        seen = None if subject.deployment.returns == "label" else answers.scores
        return answer_confidence(answers.labels, seen, y, scale=None)

    own = guessed.candidate_of(_cells(subject, people, name))
    fits = answers_to_candidates(ask, own, len(guessed.candidates), as_they_are=people.as_they_are[people.rows])
    people.as_they_are[people.rows[own >= 0]] = fits[own >= 0, own[own >= 0]]
    if subject.task == "regression":
        # The density of errors of the size that the model makes, over its largest value.
        fits = np.exp(-0.5 * fits**2 / max(float(np.mean(fits**2)), np.finfo(float).tiny))
    return fits


def _measure(attacked: list[_Attacked], leaks: dict[str, Leakage], level: float) -> tuple[Measured, ...]:
    kind = TRAINING if any(one.people == TRAINING for one in attacked) else OTHERS
    gains = [
        _measured(
            "advantage",
            one.attribute,
            one.counts.advantage(level=level),
            n=one.counts.n_people,
            method="Tango's score interval, paired",
            level=level,
            plain=_advantage_words(one.attribute, one.counts, kind, level),
        )
        for one in attacked
        if one.people == kind and one.counts.n_people
    ]
    more = [
        _measured(
            "training_leakage",
            name,
            leak.estimate,
            n=leak.n_people,
            method="MOVER of two Tango score intervals",
            level=level,
            plain=_leakage_words(name, leak, len(leaks), level),
        )
        for name, leak in leaks.items()
    ]
    if not gains:
        raise NotRun("there are no people whose attribute is known", hint="give tables in which it is filled in")
    return (*gains, *more)


def _leaks(attacked: list[_Attacked], level: float) -> dict[str, Leakage]:
    """Compare people of the training table with others, attribute by attribute."""
    from holdfast.kernels.privacy.attribute import leakages

    found = {(one.attribute, one.people): one.counts for one in attacked if one.counts.n_people}
    names = [name for name, kind in found if kind == TRAINING and (name, OTHERS) in found]
    trained, others = ([found[name, kind] for name in names] for kind in (TRAINING, OTHERS))
    return dict(zip(names, leakages(trained, others, level=level), strict=True))


def _measured(
    kind: str, name: str, estimate: IntervalEstimate[float], *, n: int, method: str, level: float, plain: str
) -> Measured:
    key = f"{kind}.{re.sub(r'[^A-Za-z0-9_-]', '_', name)}"
    interval = Interval(low=estimate.low, high=estimate.high, level=level, method=method)
    return Measured(id=key, value=estimate.value, interval=interval, n=n, plain=plain)


def _advantage_words(name: str, counts: Comparison, kind: str, level: float) -> str:
    gain = counts.advantage(level=level)
    ends = [round(counts.n_people * end) or 0 for end in gain]
    whose = "of the training data" if kind == TRAINING else "the model was not trained on"
    return (
        f"Knowing everything else about {counts.n_people:,} people {whose} and the model's answers, an attacker names "
        f"{name} rightly for {counts.n_with:,}; without the model {counts.n_without:,} "
        f"(difference {ends[0]:,}, {ends[1]:,} to {ends[2]:,})."
    )


def _leakage_words(name: str, leak: Leakage, n_leaks: int, level: float) -> str:
    from holdfast.kernels.performance.frequencies import frequency

    cases, count = frequency(*leak.estimate)
    text = f"Of {cases} people, the model gives away {name} of {count} more if it was trained on them."
    if n_leaks > 1 and leak.estimate.low > 0.0:
        stays = "stays" if leak.holm_p <= (1.0 - level) / 2.0 else "does not stay"
        text += f" This {stays} when {n_leaks} attributes are allowed for (Holm, p = {leak.holm_p:.2g})."
    return text


def _tables(attacked: list[_Attacked], leaks: dict[str, Leakage], level: float) -> dict[str, pl.DataFrame]:
    import numpy as np
    import polars as pl

    summary, rows, affected = [], [], []
    shown = {name for name, leak in leaks.items() if leak.estimate.low > 0.0}
    for one in attacked:
        gain = one.counts.advantage(level=level)
        if one.counts.n_people:
            summary.append((f"{one.attribute}, {one.people}", *one.counts, *gain))
        table = {"attribute": one.attribute, "people": one.people, "row": one.rows}
        rows.append(pl.DataFrame({**table, "with_model": one.with_model, "without_model": one.without_model}))
        if one.people == TRAINING and one.attribute in shown:
            given_away = one.rows[one.with_model & ~one.without_model][:MOST_AFFECTED]
            reason = f"{one.attribute} is guessed rightly only with the model"
            affected += [("train", int(row), reason) for row in np.sort(given_away)]
    numbers = ["people", "right_with_model", "right_without_model", "gained", "lost", "advantage", "low", "high"]
    spread = [(name, *leak.estimate, leak.p_value, leak.holm_p) for name, leak in leaks.items()]
    leak_columns = dict.fromkeys(("training_leakage", "low", "high", "p_value", "holm_p"), pl.Float64)
    schema = {"table": pl.String, "row": pl.Int64, "reason": pl.String}
    return {
        "attacks": pl.DataFrame(summary, schema=["attacked", *numbers], orient="row"),
        "leakage": pl.DataFrame(spread, schema={"attribute": pl.String, **leak_columns}, orient="row"),
        "rows": pl.concat(rows),
        "affected_rows": pl.DataFrame(affected, schema=schema, orient="row"),
    }
