from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.text.word_importance import margins, split_words, word_importance


@given(st.text(max_size=60))
def test_cutting_a_text_loses_nothing_and_words_have_odd_positions(text: str) -> None:
    parts = split_words(text)
    assert "".join(parts) == text
    assert len(parts) % 2 == 1
    assert all(len(word) >= 2 and not any(c.isspace() or c.isdecimal() for c in word) for word in parts[1::2])


def test_labels_become_margins_of_one() -> None:
    assert margins(np.array([0, 1]), np.array([0, 0])).tolist() == [1.0, -1.0]


def test_of_several_largest_scores_the_first_is_the_answer() -> None:
    tied = np.array([[0.5, 0.5], [0.5, 0.5]])
    first, second = margins(tied, np.array([0, 1]))
    assert first > 0
    assert second < 0


def additive(texts: list[str], _: np.ndarray) -> np.ndarray:
    weight = {"good": 2.0, "fine": 1.0, "bad": -3.0}
    score = np.array([sum(weight.get(word, 0.0) for word in text.split()) for text in texts])
    return np.column_stack([-score, score])


def test_importance_is_the_weight_of_the_word_in_an_additive_model() -> None:
    texts = ["good day bad", "fine fine"]
    found = word_importance(texts, np.array([0, 1]), predict=additive, words=[np.array([1, 3, 5]), np.array([1])])
    assert found[0] == pytest.approx([-4.0, 0.0, 6.0])
    assert found[1] == pytest.approx([2.0])


def test_everything_is_asked_in_one_batch_with_the_point_of_each_text() -> None:
    seen: list[tuple[list[str], list[int]]] = []

    def predict(texts: list[str], points: np.ndarray) -> np.ndarray:
        seen.append((texts, points.tolist()))
        return np.zeros(len(texts), dtype=np.int64)

    word_importance(["aa bb", "cc"], np.zeros(2, dtype=np.int64), predict=predict, words=[np.array([3]), np.array([1])])
    assert seen == [(["aa bb", "cc", "aa ", ""], [0, 1, 0, 1])]


def test_without_texts_nothing_is_asked() -> None:
    assert word_importance([], np.zeros(0, dtype=np.int64), predict=additive, words=[]) == []
