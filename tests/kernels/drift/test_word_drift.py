from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from holdfast.kernels.drift.word_counts import WordCounts, cell_of, common_words, rows_with_words
from holdfast.kernels.drift.word_drift import WordChange, WordTest, compare_words, name_words

VOCABULARY = np.array([f"w{place}" for place in range(3000)])
FREQUENCY = 1.0 / np.arange(1, 3001)
FREQUENCY /= FREQUENCY.sum()


def texts(rng: np.random.Generator, n: int, **added: float) -> Counter[str]:
    """Draw rows of 5 to 15 words, some of which get a word more."""
    sizes = rng.integers(5, 15, n)
    words = np.split(VOCABULARY[rng.choice(3000, int(sizes.sum()), p=FREQUENCY)], np.cumsum(sizes)[:-1])
    extra = [[word for word, share in added.items() if rng.random() < share] for _ in range(n)]
    return Counter(" ".join([*row, *more]) for row, more in zip(words, extra, strict=True))


def sides(*tables: Counter[str]) -> list[WordCounts]:
    listed = common_words(tables[0])
    found = [WordCounts(listed) for _ in tables]
    for words, table in zip(found, tables, strict=True):
        words.update(table)
    return found


def compared(first: Counter[str], second: Counter[str], *, has_rows: bool = True) -> tuple[WordTest, list[WordChange]]:
    a, b = sides(first, second)
    n, m = first.total(), second.total()
    test = compare_words(a, b, n, m)
    assert test is not None
    count = (
        (lambda _, cells: tuple(rows_with_words(side, cells=cells) for side in (first, second))) if has_rows else None
    )
    return test, list(name_words(test, a, b, n, m, column="t", count=count))  # type: ignore[arg-type]


def test_the_word_that_came_and_the_one_that_went_are_named() -> None:
    rng = np.random.default_rng(0)
    test, named = compared(texts(rng, 3000, gone=0.2), texts(rng, 3000, came=0.1))
    assert [each.word for each in named] == ["gone", "came"]
    assert named[0].rows[1] == 0
    assert named[0].change.low < named[0].change.value == -named[0].rows[0] / 3000 < named[0].change.high < 0.0
    assert test.test.effect.low > 0.1
    assert test.test.p_value < 1e-20


def test_only_listed_words_are_named_without_rows() -> None:
    rng = np.random.default_rng(0)
    test, named = compared(texts(rng, 3000, gone=0.2), texts(rng, 3000, came=0.1), has_rows=False)
    assert [each.word for each in named] == ["gone"]
    assert test.adjusted[cell_of("came")] < 0.05


def test_a_reference_without_rows_bounds_a_new_word() -> None:
    rng = np.random.default_rng(0)
    first, second = texts(rng, 3000), texts(rng, 3000, came=0.1)
    a, b = sides(first, second)
    test = compare_words(a, b, 3000, 3000)
    assert test is not None
    named = name_words(
        test, a, b, 3000, 3000, column="t", count=lambda _, cells: (None, rows_with_words(second, cells=cells))
    )
    assert [(each.word, each.is_at_most, each.rows[0]) for each in named] == [("came", True, a.cells[cell_of("came")])]


def test_words_of_few_rows_are_not_named() -> None:
    first, second = Counter({"the same": 200}), Counter({"the same": 200})
    for place in range(9):
        second[f"the same secret {place}"] = 1
    test, named = compared(first, second)
    assert not named
    assert test.adjusted[cell_of("secret")] == 1.0


def test_repeating_a_word_within_a_row_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    first, second = texts(rng, 500), texts(rng, 500)
    again = Counter({f"{text} {text}": times for text, times in second.items()})
    plain, repeated = (compared(first, side)[0] for side in (second, again))
    assert plain.test == repeated.test


def test_empty_sides_give_no_test() -> None:
    empty = WordCounts(())
    assert compare_words(empty, empty, 0, 10) is None
    assert compare_words(empty, empty, 10, 10) is None


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m"), [(400, 400), (3000, 300), (2000, 4000)])
def test_false_alarms_keep_to_alpha_and_the_effect_covers(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    repeats = 200
    alarms = 0
    for _ in range(repeats):
        test, _named = compared(texts(rng, n), texts(rng, m))
        alarms += test.test.p_value <= 0.05
        assert test.test.effect.low == 0.0 or test.test.p_value <= 0.05
    assert alarms <= 0.05 * repeats + 3.0 * np.sqrt(0.05 * repeats)


@pytest.mark.slow
def test_the_interval_covers_the_largest_change() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        test, _named = compared(texts(rng, 1000, topic=0.1), texts(rng, 1000, topic=0.25))
        held += test.test.effect.low <= 0.15 <= test.test.effect.high
    assert held >= 190 - 8


@pytest.mark.slow
def test_a_word_in_five_rows_of_a_hundred_more_is_found() -> None:
    rng = np.random.default_rng(4)
    found = sum("topic" in [each.word for each in compared(texts(rng, 2000), texts(rng, 2000, topic=0.05))[1]]
                for _ in range(50))  # fmt: skip
    assert found >= 45
