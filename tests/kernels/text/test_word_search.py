from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.text.changed_words import changed_words
from holdfast.kernels.text.word_search import TextFlips, TextThreat, search_text_flips

WEIGHTS = {"good": 2.0, "fine": 1.0, "nice": 1.0, "bad": -2.0, "poor": -1.0}
WORDS = ["good", "fine", "nice", "bad", "poor", "room", "staff", "garden", "street", "window"]


def score(texts: list[str]) -> np.ndarray:
    return np.array([sum(WEIGHTS.get(word, 0.0) for word in text.lower().split()) + 0.5 for text in texts])


def scored(texts: list[str], _: np.ndarray) -> np.ndarray:
    return np.column_stack([-score(texts), score(texts)])


def labelled(texts: list[str], _: np.ndarray) -> np.ndarray:
    return (score(texts) > 0).astype(np.int64)


def draw(n: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, 8)) for _ in range(n)]


def search(
    texts: list[str], predict: object = scored, words: int = 2, queries: int = 300, **options: object
) -> TextFlips:
    return search_text_flips(
        texts,
        labelled(texts, np.zeros(0)),
        predict=predict,  # type: ignore[arg-type]
        threat=TextThreat(words, queries),
        rng=np.random.default_rng(1),
        **options,  # type: ignore[arg-type]
    )


def fewest(text: str) -> int:
    """Fewest words to misspell until the answer of the additive model changes; large if it never does."""
    total = float(score([text])[0])
    pull = sorted((WEIGHTS.get(word, 0.0) * (1 if total > 0 else -1) for word in text.split()), reverse=True)
    left = abs(total) if total > 0 else -total
    for count, weight in enumerate(pull, start=1):
        left -= weight
        if left < 0 or (left == 0 and total > 0):
            return count
    return 99


@pytest.mark.parametrize(("predict", "share"), [(scored, 1.0), (labelled, 0.95)])
def test_where_two_words_suffice_they_are_found(predict: object, share: float) -> None:
    texts = draw(50)
    able = np.array([fewest(text) for text in texts])
    flips = search(texts, predict)
    assert (flips.words >= 0)[able <= 2].mean() >= share
    assert not (flips.words >= 0)[able > 2].any()
    assert (flips.words[flips.words >= 0] >= able[flips.words >= 0]).all()


@pytest.mark.parametrize("predict", [scored, labelled])
def test_flips_flip_and_change_as_many_words_as_they_say(predict: object) -> None:
    texts = draw(40)
    flips = search(texts, predict, words=3)
    before, after = (labelled(list(t), np.zeros(0)) for t in (texts, flips.texts))
    assert ((before != after) == (flips.words >= 0)).all()
    counts = [changed_words(x, z) for x, z in zip(texts, flips.texts, strict=True)]
    assert counts == np.maximum(flips.words, 0).tolist()
    assert flips.words.max() <= 3


@pytest.mark.parametrize("predict", [scored, labelled])
def test_every_answer_is_paid_for(predict: object) -> None:
    asked: list[int] = []

    def counting(texts: list[str], points: np.ndarray) -> np.ndarray:
        asked.extend(points.tolist())
        return predict(texts, points)  # type: ignore[operator, no-any-return]

    flips = search(draw(20), counting, queries=40)
    assert np.bincount(asked, minlength=20).tolist() == flips.queries.tolist()
    assert flips.queries.max() <= 40


def test_a_text_is_searched_in_the_same_way_whatever_others_there_are() -> None:
    texts = draw(30)
    whole = search(texts, labelled)
    part = search([texts[17], texts[4]], labelled, ids=np.array([17, 4]))
    assert part.texts == [whole.texts[17], whole.texts[4]]


def test_a_synonym_keeps_the_capitals_of_its_word() -> None:
    flips = search(["Good room", "GOOD room"], kinds=(), synonyms={"good": ["poor"]})
    assert flips.texts == ["Poor room", "POOR room"]


def test_without_changes_allowed_nothing_is_asked() -> None:
    flips = search(draw(3), kinds=())
    assert flips.queries.tolist() == [0, 0, 0]
    assert flips.words.tolist() == [-1, -1, -1]


def test_texts_without_words_are_left_alone() -> None:
    flips = search(["", "12 34", "!"])
    assert flips.texts == ["", "12 34", "!"]
    assert (flips.words == -1).all()


def test_a_search_that_is_stopped_says_so() -> None:
    flips = search(draw(10), should_stop=lambda: True)
    assert not flips.is_complete
    assert (flips.words == -1).all()


def test_no_texts_need_no_queries() -> None:
    assert search([]).texts == []
