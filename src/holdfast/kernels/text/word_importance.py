"""How much each word of a text carries of the model's answer: leave it out and ask again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.text.perturbations import WORD

Answer = Callable[[list[str], NDArray[np.int64]], NDArray[np.int64] | NDArray[np.float64]]
"""Maps texts, and the positions of the points they belong to, to labels, shape (n,), or scores, (n, n_classes)."""


def split_words(text: str) -> list[str]:
    """Cut a text into what stands between words and words, in turn; words have the odd positions.

    Examples
    --------
    >>> split_words("A fair price!")
    ['A ', 'fair', ' ', 'price', '!']
    """
    parts, end = [], 0
    for match in WORD.finditer(text):
        parts += [text[end : match.start()], match.group()]
        end = match.end()
    return [*parts, text[end:]]


def margins(answer: NDArray[np.int64] | NDArray[np.float64], y: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return by how much the class of each row leads; below 0 where another class is the answer.

    For labels 1 or -1. Of several largest scores the first is the answer.

    Examples
    --------
    >>> margins(np.array([[0.75, 0.25], [0.25, 0.75]]), np.array([0, 0]))
    array([ 0.5, -0.5])
    """
    if answer.ndim == 1:
        return np.where(answer == y, 1.0, -1.0)
    at = np.arange(len(answer))
    others = answer.astype(np.float64)
    others[at, y] = -np.inf
    gap = answer[at, y] - others.max(axis=1)
    tiny = np.finfo(np.float64).tiny
    is_own = answer.argmax(axis=1) == y
    return np.asarray(np.where(is_own, np.maximum(gap, tiny), np.minimum(gap, -tiny)), dtype=np.float64)


def word_importance(
    texts: Sequence[str],
    y: NDArray[np.int64],
    *,
    predict: Answer,
    words: Sequence[NDArray[np.int64]],
) -> list[NDArray[np.float64]]:
    """Measure how far the lead of the class falls when a word is left out.

    Parameters
    ----------
    texts : sequence of str
    y : ndarray of int64, shape (n_texts,)
        The labels the model gives them.
    predict : callable
        Answers about texts, all of them in one batch; see `Answer`.
    words : sequence of ndarray of int64
        For each text, the odd positions in :func:`split_words` of the words to leave out.

    Returns
    -------
    list of ndarray of float64
        For each text, the fall of the margin for each of its words: large for a word that carries the answer, below
        0 for one that speaks against it. With labels only, 2 where the answer flips and 0 elsewhere. One query for
        each word and one for each text.

    References
    ----------
    Li, J., Monroe, W. and Jurafsky, D. (2016). Understanding neural networks through representation erasure.
    arXiv:1612.08220, section 3.

    Examples
    --------
    >>> def predict(texts, _):
    ...     return np.array([[0.5, 0.5 + ("good" in text)] for text in texts])
    >>> word_importance(["a good day"], np.array([1]), predict=predict, words=[np.array([1, 3])])
    [array([1., 0.])]
    """
    asked, points = list(texts), list(range(len(texts)))
    for i, (text, positions) in enumerate(zip(texts, words, strict=True)):
        parts = split_words(text)
        asked += ["".join([*parts[:at], *parts[at + 1 :]]) for at in positions.tolist()]
        points += [i] * positions.size
    if not asked:
        return []
    at = np.array(points)
    lead = margins(predict(asked, at), y[at])
    ends = len(texts) + np.cumsum([positions.size for positions in words])
    parts_of = np.split(lead, [len(texts), *ends[:-1]])[1:]
    return [np.asarray(lead[i] - part, dtype=np.float64) for i, part in enumerate(parts_of)]
