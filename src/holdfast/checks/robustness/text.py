"""How few misspelt or exchanged words flip the model's answer about a text?

**What it answers.** Who writes the text decides every letter of it. A spam message with an "о" that is Cyrillic, a
complaint with a slip of the finger, a synonym: people read on, and the model may not. This check plays the writer who
wants another answer.

**How.** Rows that the model answers rightly are attacked in the columns named under ``text`` in the deployment. In
each row at most ``words`` words may change, each by one letter (two neighbours swapped, one left out, typed twice, hit
on the key beside it, or replaced by a letter that looks the same) or to one of the ``synonyms`` you give. First every
word is left out once to see which carry the answer; then those are changed, the best change first (with scores), or at
random, those that matter more often (with labels only). Words that were not needed are put back. All rows are asked in
one batch. Every flip that is reported was asked again, and its words were compared by code that the attack does not
share; numbers, punctuation and all other columns stay as they are.

**How to read it.** ``attack_success`` is the share of rightly answered rows that were flipped. It is a *lower bound*
of the risk: a better writer finds more. ``median_words`` is the typical number of words that sufficed. The curve shows
the share flipped by number of words. ``noise_flips`` is what happens when nobody aims: a tenth of all words, drawn at
random, hold one slip each; the distance between the two is what aiming is worth.

- *Good:* 4 % flipped (2 to 8) with three words: the answer rests on the whole text.
- *Bad:* 71 % flipped (64 to 78), half of them with one word: the model knows words by their letters only.
- *Misleading:* 0 % flipped because the texts are not used by the model: see the importance of the column elsewhere.
  Or 90 % flipped in texts of two words, where one word is half of what is said.

**When it misleads.** Whether a changed text still means the same to people is not measured; one letter can matter, as
in "now" and "not". Synonyms are as good as the list given. Real attackers also add words and rewrite sentences.

**What to do about a bad one.** Map look-alike letters to one alphabet and correct spelling before the model, use parts
of words (character n-grams, subword tokens) as features, train on misspelt copies, and watch for words unseen in
training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import InputError, NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.text.word_search import TextFlips

SPEC = {
    "title": "Changed words",
    "question": "How few misspelt or exchanged words flip the model's answer about a text?",
    "needs": ["test", "target", "query"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {
            "id": "attack_success",
            "name": "Share of rightly answered rows that a few changed words flip",
            "unit": "share",
            "direction": "lower_is_better",
            "bound": "lower",
            "range": [0, 1],
        },
        {
            "id": "median_words",
            "name": "Median number of changed words that flipped a row",
            "unit": "words",
            "direction": "higher_is_better",
            "bound": "lower",
            "range": [1, None],
        },
        {
            "id": "noise_flips",
            "name": "Share of rightly answered rows that random slips in a tenth of the words flip",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
        {
            "id": "n_attacked",
            "name": "Rightly answered rows attacked",
            "unit": "rows",
            "direction": "neither",
            "range": [0, None],
        },
    ],
    "reads": ["sensitive", "text"],
    "evidence_codes": ["EVADE"],
    "references": [
        "Li, Ji, Du, Li, Wang (2019), TextBugger: generating adversarial text against real-world applications, NDSS",
        "Jin, Jin, Zhou, Szolovits (2020), Is BERT really robust? (TextFooler), AAAI",
        "Boucher, Shumailov, Anderson, Papernot (2022), Bad characters: imperceptible NLP attacks, IEEE S&P",
    ],
    "cost": "medium",
    "effort": {
        "quick": {"points": 50, "queries": 100},
        "default": {"points": 200, "queries": 300},
        "thorough": {"points": 1000, "queries": 1000},
    },
}

# A control character between the columns of a row: no word holds it, so no change can cross it.
BETWEEN = "\x1f"
# Each row is asked about thrice beside the search: as it is, with its flip, and with random slips.
ASKED_BESIDE = 3
NOISE = 0.1
REMEDIATION = (
    "Map look-alike letters to one alphabet and correct spelling before the model; use parts of words (character "
    "n-grams, subword tokens) as features; train on misspelt copies; watch for words that training never saw."
)


@dataclass(frozen=True, slots=True)
class _Texts:
    """The text cells of some rows, joined to one text per row."""

    frame: pl.DataFrame
    columns: tuple[str, ...]

    def join(self) -> list[str]:
        cells = [self.frame[name].fill_null("").to_list() for name in self.columns]
        return [BETWEEN.join(row) for row in zip(*cells, strict=True)]

    def split(self, texts: Sequence[str], rows: NDArray[np.int64]) -> pl.DataFrame:
        """Rows with the texts in place of their own; cells that are missing stay so."""
        import polars as pl

        frame = self.frame[rows]
        cells = zip(*(text.split(BETWEEN) for text in texts), strict=True)
        changed = [pl.Series(name, column, dtype=pl.String) for name, column in zip(self.columns, cells, strict=True)]
        return frame.with_columns(
            [column.set(frame[column.name].is_null(), None) for column in changed] if len(texts) else []
        )


def run(subject: Subject, ctx: Context, *, words: int = 3, synonyms: tuple[str, ...] = ()) -> Outcome:
    """Change a few words of rightly answered test rows.

    Parameters
    ----------
    words : int
        Largest number of words that may change in one row.
    synonyms : tuple of str
        Words that may stand for others: a list of texts such as ``word=other,another``.
    """
    import numpy as np

    if words < 1:
        raise InputError(f"expected at least one word that may change, got words={words}")
    exchanges = _synonyms(synonyms)
    columns = _text_columns(subject)
    order = _rightly_answered(subject, ctx)
    assert subject.test is not None
    rows = _Texts(subject.test.frame.select(subject.features)[order], columns)
    y = subject.y(subject.test)[order].astype("int64")
    noise = _noise(subject, ctx, rows, y)
    flips = _attack(subject, ctx, rows, y, words, exchanges)
    valid = _verify(subject, rows, y, flips, words, exchanges)
    points = _points(rows, order, [str(subject.classes[label]) for label in y], flips, valid)
    rejected = int((flips.words >= 0).sum() - valid.sum())
    return Outcome(
        measurements=(*_measure(ctx.level, points, is_complete=flips.is_complete), noise),
        tables={
            "points": points,
            "curve": _curve(ctx.level, words, points),
            "affected_rows": _affected(points),
            "examples": _examples(subject, rows, points),
        },
        charts=(_chart(),),
        remediation=REMEDIATION,
        assumptions=_notes(ctx, words, exchanges, rejected, is_complete=flips.is_complete) + _one_answer(subject),
        work={"points": points.height, "queries": int(np.sum(points["queries"].to_numpy()))},
    )


def _synonyms(pairs: tuple[str, ...]) -> dict[str, list[str]]:
    """Parse ``word=other,another``."""
    found: dict[str, list[str]] = {}
    for pair in pairs:
        word, _, others = pair.partition("=")
        listed = [other.strip() for other in others.split(",") if other.strip()]
        if not all(part.isalpha() for part in (word.strip(), *listed)) or not listed:
            raise InputError(f"expected synonyms as 'word=other,another' of single words, got {pair!r}")
        found.setdefault(word.strip().lower(), []).extend(listed)
    return found


def _text_columns(subject: Subject) -> tuple[str, ...]:
    import polars as pl

    if subject.test is None:
        raise NotRun("there is no test table", hint="give --test")
    if len(subject.classes) < 2:
        raise NotApplicable("there is only one class, so no answer can flip", hint="give data with two or more classes")
    schema = subject.test.frame.schema
    columns = [name for name in subject.features if name in subject.deployment.text and schema[name] == pl.String]
    if not columns:
        raise NotApplicable("no input holds free text", hint="name the inputs that do under `text` in holdfast.yaml")
    return tuple(columns)


def _rightly_answered(subject: Subject, ctx: Context) -> NDArray[np.int64]:
    """Draw test rows that the model answers rightly, in random order."""
    import numpy as np

    assert subject.test is not None
    right = np.flatnonzero(subject.predictions.labels == subject.y(subject.test))
    if right.size == 0:
        raise NotApplicable(
            "the model answers no test row rightly, so there is nothing to flip", hint="see performance.predictive"
        )
    return ctx.rng.permutation(right)[: ctx.effort.get("points", right.size)]


def _noise(subject: Subject, ctx: Context, rows: _Texts, y: NDArray[np.int64]) -> Measured:
    """Misspell words at random, and count the answers that change."""
    import numpy as np

    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.stats.proportions import clopper_pearson
    from holdfast.kernels.text.perturbations import perturb

    noisy = rows.split(perturb(rows.join(), share=NOISE, rng=ctx.rng), np.arange(y.size))
    flipped = int((subject.predict(noisy).labels != y).sum())
    share = clopper_pearson(flipped, y.size, level=ctx.level)
    cases, count = frequency(share.value, share.low, share.high)
    return Measured(
        id="noise_flips",
        value=share.value,
        interval=Interval(low=share.low, high=share.high, level=ctx.level, method="Clopper-Pearson"),
        n=y.size,
        plain=f"Of {cases} rightly answered rows, about {count} flip when a tenth of the words are misspelt at random.",
    )


def _attack(
    subject: Subject,
    ctx: Context,
    rows: _Texts,
    y: NDArray[np.int64],
    words: int,
    synonyms: Mapping[str, Sequence[str]],
) -> TextFlips:
    from holdfast.kernels.text.word_search import TextThreat, search_text_flips

    def predict(texts: list[str], points: NDArray[np.int64]) -> NDArray[np.int64] | NDArray[np.float64]:
        answer = subject.predict(rows.split(texts, points))
        # Scores help only where the largest is the answer; a model with a threshold of its own is asked for labels.
        if answer.scores is not None and bool((answer.scores.argmax(axis=1) == answer.labels).all()):
            return answer.scores
        return answer.labels.astype("int64")

    threat = TextThreat(words, max(ctx.effort.get("queries", 300) - ASKED_BESIDE, 1))
    return search_text_flips(
        rows.join(), y, predict=predict, threat=threat, rng=ctx.rng, synonyms=synonyms, should_stop=ctx.out_of_time
    )


def _verify(
    subject: Subject,
    rows: _Texts,
    y: NDArray[np.int64],
    flips: TextFlips,
    words: int,
    synonyms: Mapping[str, Sequence[str]],
) -> NDArray[np.bool_]:
    """Ask each flip, and its own text, again, and compare the words."""
    import numpy as np

    from holdfast.kernels.text.changed_words import changed_words

    before = rows.frame
    after = rows.split(flips.texts, np.arange(y.size))
    stable = subject.predict(before).labels == y
    flipped = subject.predict(after).labels != y
    kept = np.ones(y.size, dtype=np.bool_)
    total = np.zeros(y.size, dtype=np.int64)
    for name in rows.columns:
        pairs = zip(before[name].fill_null("").to_list(), after[name].fill_null("").to_list(), strict=True)
        counts = [changed_words(x, z, synonyms=synonyms) for x, z in pairs]
        kept &= np.array([count is not None for count in counts], dtype=np.bool_)
        total += np.array([count or 0 for count in counts], dtype=np.int64)
    return np.asarray((flips.words >= 0) & stable & flipped & kept & (total <= words), dtype=np.bool_)


def _points(
    rows: _Texts, order: NDArray[np.int64], labels: list[str], flips: TextFlips, valid: NDArray[np.bool_]
) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    after, success = rows.split(flips.texts, np.arange(order.size)), pl.Series(valid)
    changed = [
        after[name].set(~(success & after[name].ne_missing(rows.frame[name])), None).alias(f"adversarial_{name}")
        for name in rows.columns
    ]
    points = {
        "row": order,
        "label": labels,
        "success": valid,
        "norm": ["words"] * order.size,
        "distance": pl.Series(flips.words.astype("float64")).set(~success, None),
        "lower_bound": np.ones(order.size),
        "queries": flips.queries + ASKED_BESIDE,
    }
    return pl.DataFrame(points).hstack(changed)


def _measure(level: float, points: pl.DataFrame, *, is_complete: bool) -> tuple[Measured, ...]:
    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.robustness.sequential import flip_share
    from holdfast.kernels.stats.mean import quantile_interval

    success = points["success"]
    n_unfinished = 0 if is_complete else len(success) - int(success.sum())
    share = flip_share(success.to_numpy(), level=level, looks=1, n_unfinished=n_unfinished)
    cases, count = frequency(share.value, share.low, share.high)
    measured = [
        Measured(
            id="attack_success",
            value=share.value,
            interval=Interval(low=share.low, high=share.high, level=level, method=share.method),
            n=len(success),
            plain=f"Of {cases} rightly answered rows, at least about {count} can be flipped by a few changed words.",
        ),
        Measured(
            id="n_attacked",
            value=float(len(success)),
            no_interval_reason="a count of rows, not an estimate",
            exact=True,
            n=len(success),
        ),
    ]
    if not success.any():
        return tuple(measured)
    found = points["distance"].drop_nulls().to_numpy()
    median = quantile_interval(found, 0.5, level=level)
    low, high = (end if abs(end) < float("inf") else None for end in (median.low, median.high))
    interval = Interval(low=low, high=high, level=level, method="order statistics")
    plain = f"Half of the flips needed at most {median.value:g} changed words."
    return (*measured, Measured(id="median_words", value=median.value, interval=interval, n=found.size, plain=plain))


def _curve(level: float, words: int, points: pl.DataFrame) -> pl.DataFrame:
    """Share flipped by up to each number of words."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.stats.proportions import clopper_pearson

    numbers = np.arange(1, words + 1)
    counts = (points["distance"].drop_nulls().to_numpy()[:, None] <= numbers).sum(axis=0)
    share = clopper_pearson(counts, points.height, level=level)
    return pl.DataFrame({"words": numbers, "share": share.value, "low": share.low, "high": share.high})


def _affected(points: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    reason = pl.format("flipped by changing {} words", pl.col("distance").cast(pl.Int64))
    return points.filter("success").select(table=pl.lit("test"), row=pl.col("row"), reason=reason)


def _examples(subject: Subject, rows: _Texts, points: pl.DataFrame) -> pl.DataFrame:
    """Show a few texts before and after."""
    import polars as pl

    from holdfast.kernels.robustness.flips_in_words import example_rows

    flips = points.filter("success")
    return pl.DataFrame(
        example_rows(
            rows.frame.filter(points["success"]).select(rows.columns).to_dict(as_series=False),
            {name: flips[f"adversarial_{name}"].to_list() for name in rows.columns},
            points=flips.to_dict(as_series=False),
            classes=subject.classes,
            hidden=subject.deployment.sensitive,
            is_whole=False,
        )
    )


def _notes(
    ctx: Context, words: int, synonyms: Mapping[str, Sequence[str]], rejected: int, *, is_complete: bool
) -> tuple[str, ...]:
    notes = [
        f"The attack asks at most {ctx.effort.get('queries', 300)} times per row; at most {words} words change in "
        "each, by one letter or to a synonym.",
        f"{len(synonyms)} words have synonyms." if synonyms else "No synonyms were given.",
        "Finding nothing gives a bound, not safety. Whether people read the same is not measured.",
    ]
    if not is_complete:
        notes.append("The time budget ended the search early; rows not flipped so far count as undecided.")
    if rejected:
        notes.append(f"{rejected} flips did not stand up when asked again or compared, and do not count.")
    return tuple(notes)


def _one_answer(subject: Subject) -> tuple[str, ...]:
    labels = subject.predictions.labels
    told = "The model gives every test row the same answer; one that knows no other cannot be flipped."
    return (told,) if bool((labels == labels[0]).all()) else ()


def _chart() -> Chart:
    return Chart(
        id="curve",
        title="Share of rightly answered rows flipped, by number of changed words",
        caption="The curve starts with the rows that one changed word flips.",
        kind="line",
        table="curve",
        x="words",
        y="share",
        low="low",
        high="high",
        x_title="changed words",
        y_title="share of rows flipped",
    )
