import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.data.duplicates import beyond_chance, sample_coverage
from holdfast.kernels.data.near_duplicates import Twins, chance_of_a_twin, one_cell_apart, similar_texts


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(1, 40))
def test_one_cell_apart_is_what_comparing_every_pair_finds(seed, width, n):
    rng = np.random.default_rng(seed)
    codes, is_reference = rng.integers(3, size=(n, width)), rng.random(n) < 0.6
    near = ((codes[:, None] != codes).sum(axis=2) == 1) & is_reference
    twins = one_cell_apart(codes, is_reference)
    assert twins.degree.tolist() == near.sum(axis=1).tolist()
    same = (codes[:, None] == codes).all(axis=2) & ~np.eye(n, dtype=bool) & is_reference
    assert twins.copies.tolist() == same.sum(axis=1).tolist()
    for row in range(n):
        assert near[row, twins.first[row]] if near[row].any() else twins.first[row] == -1


def test_codes_may_be_any_whole_number():
    codes = np.array([[-5, 2**40], [-5, 7], [3, 7]])
    assert one_cell_apart(codes, np.ones(3, dtype=bool)).degree.tolist() == [1, 2, 1]


def test_rows_of_one_column_have_no_meaning():
    with pytest.raises(ValueError, match="two columns"):
        one_cell_apart(np.zeros((3, 1), dtype=int), np.ones(3, dtype=bool))


WORDS = [f"w{number}" for number in range(400)]


def test_altered_texts_are_found_and_others_are_not():
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, size=40)) for _ in range(300)]
    altered = []
    for text in texts[:100]:
        words = text.upper().split()
        words[-1] = "OTHER,"
        altered.append(" ".join(words))
    is_reference = np.arange(400) < 300
    twins = similar_texts(texts + altered, is_reference)
    assert twins.degree[300:].tolist() == [1] * 100
    assert twins.first[300:].tolist() == list(range(100))
    assert not twins.degree[:300].any()


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=8).map(" ".join), max_size=12))
def test_every_twin_is_as_similar_as_asked(texts):
    def triples(text):
        words = text.split()
        return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}

    everyone = np.ones(len(texts), dtype=bool)
    twins = similar_texts(texts, everyone, least=0.6)
    for row, other in enumerate(twins.first):
        if other >= 0:
            a, b = triples(texts[row]), triples(texts[other])
            assert len(a & b) >= 0.6 * len(a | b) > 0
    for row, text in enumerate(texts):
        copies = [other for other, own in enumerate(texts) if own == text and other != row and triples(text)]
        assert twins.degree[row] >= len(copies)


def test_missing_and_short_texts_have_no_twins():
    twins = similar_texts([None, "", "two words", "two words"], np.ones(4, dtype=bool))
    assert not twins.degree.any()


def test_a_share_outside_its_range_is_refused():
    with pytest.raises(ValueError, match="share inside"):
        similar_texts(["a b c"], np.ones(1, dtype=bool), least=0.0)


def test_the_chance_of_exact_copies_is_that_of_good_and_turing():
    rng = np.random.default_rng(0)
    groups = np.concatenate([np.arange(500), np.arange(60), rng.integers(1000, 1010, size=40)])
    sizes = np.bincount(groups)[groups]
    first = np.array([next((j for j in np.flatnonzero(groups == g) if j != i), -1) for i, g in enumerate(groups)])
    found = chance_of_a_twin(Twins(sizes - 1, first, np.zeros_like(sizes)), np.ones(groups.size, dtype=bool))
    expected = sample_coverage(groups)
    assert found.value == pytest.approx(expected.value)
    assert found.low == pytest.approx(expected.low, abs=0.02)
    assert found.low <= expected.low <= expected.high <= found.high


def excess(rng, n_train, n_test, levels, width, copied):
    codes = rng.integers(levels, size=(n_train + n_test, width))
    for row in range(n_train, n_train + int(copied * n_test)):
        codes[row] = codes[rng.integers(n_train)]
        codes[row, rng.integers(width)] = levels
    is_train = np.arange(n_train + n_test) < n_train
    twins = one_cell_apart(codes, is_train)
    return beyond_chance((twins.degree > 0)[~is_train & (twins.copies == 0)], chance_of_a_twin(twins, is_train))


@pytest.mark.parametrize(("levels", "width"), [(3, 6), (10, 4), (30, 5)])
def test_coincidence_is_rarely_accused(levels, width):
    rng = np.random.default_rng(0)
    lows = [excess(rng, 600, 300, levels, width, 0.0).low for _ in range(200)]
    # 2.5 % nominal; 13 or more of 200 happen with a chance below 2e-3.
    assert np.mean(np.array(lows) > 0.0) < 13 / 200


def test_altered_copies_are_measured():
    found = excess(np.random.default_rng(0), 3000, 1000, 30, 5, 0.1)
    assert found.low > 0.07
    assert found.value == pytest.approx(0.1, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("levels", "width"), [(3, 6), (10, 4), (30, 5)])
def test_intervals_of_the_excess_hold_in_many_tables(levels, width):
    rng = np.random.default_rng(1)
    runs = [excess(rng, 600, 300, levels, width, 0.0) for _ in range(2000)]
    assert np.mean([run.low <= 0.0 <= run.high for run in runs]) > 0.94
