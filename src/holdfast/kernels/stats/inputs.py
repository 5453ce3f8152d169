"""Check the inputs of the statistical kernels once, at the top, with one wording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Number: TypeAlias = float | np.integer[Any] | np.floating[Any]
Numbers: TypeAlias = NDArray[Any] | Sequence[Any]


def check_level(level: float) -> float:
    """Return the confidence level, or raise unless it lies strictly between 0 and 1.

    Parameters
    ----------
    level : float
        Confidence level, such as 0.95.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `level` is not inside (0, 1).

    Examples
    --------
    >>> check_level(0.95)
    0.95
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"expected a confidence level inside (0, 1), got level={level!r}; write 95 % as 0.95")
    return float(level)


def check_choice(choice: str, choices: Sequence[str], *, name: str) -> str:
    """Return a keyword, or raise unless it is one of the choices.

    Parameters
    ----------
    choice : str
    choices : sequence of str
    name : str
        Argument name for the message.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If `choice` is not among `choices`.

    Examples
    --------
    >>> check_choice("less", ("less", "greater"), name="alternative")
    'less'
    """
    if choice not in choices:
        raise ValueError(f"expected one of {', '.join(map(repr, choices))}, got {name}={choice!r}; choose one of these")
    return choice


def float_vector(values: ArrayLike, *, name: str, allow_infinite: bool = False) -> NDArray[np.float64]:
    """Return values as a float64 vector without NaN.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
        Numbers or booleans; may be empty.
    name : str
        Argument name for the message.
    allow_infinite : bool, default False
        Whether -inf and inf are valid, as for quantities of which only the order matters.

    Returns
    -------
    ndarray of float64, shape (n_samples,)

    Raises
    ------
    ValueError
        If the shape is not one-dimensional or a value is NaN (or infinite, unless allowed).

    Examples
    --------
    >>> float_vector([1, 2], name="values")
    array([1., 2.])
    """
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1:
        raise ValueError(f"expected a one-dimensional array, got {name} of shape {vector.shape}; pass one column")
    invalid = np.isnan(vector) if allow_infinite else ~np.isfinite(vector)
    if invalid.any():
        row = int(np.argmax(invalid))
        raise ValueError(
            f"expected {'numbers' if allow_infinite else 'finite numbers'}, got {name}[{row}]={vector[row]} "
            f"({int(invalid.sum())} such rows); drop or impute these rows first"
        )
    return vector


def paired_vectors(first: ArrayLike, second: ArrayLike, *, names: tuple[str, str]) -> tuple[NDArray[np.float64], ...]:
    """Return two finite float64 vectors of one length.

    Parameters
    ----------
    first, second : array-like, shape (n_samples,)
    names : tuple of str
        Argument names for the message.

    Returns
    -------
    tuple of two ndarray of float64, shape (n_samples,)

    Raises
    ------
    ValueError
        If a vector is invalid (see `float_vector`) or the lengths differ.

    Examples
    --------
    >>> paired_vectors([1], [2], names=("a", "b"))
    (array([1.]), array([2.]))
    """
    vectors = tuple(float_vector(v, name=name) for v, name in zip((first, second), names, strict=True))
    check_same_length(*(v.size for v in vectors), names=names)
    return vectors


def check_same_length(*lengths: int, names: Sequence[str]) -> None:
    """Raise unless all lengths agree.

    Parameters
    ----------
    *lengths : int
    names : sequence of str
        Argument names for the message.

    Raises
    ------
    ValueError
        If the lengths differ.

    Examples
    --------
    >>> check_same_length(3, 3, names=("a", "b"))
    """
    if len(set(lengths)) > 1:
        found = ", ".join(f"{name} with {length}" for name, length in zip(names, lengths, strict=True))
        raise ValueError(f"expected the same number of rows, got {found}; row i must be the same case in each")


def count_array(counts: ArrayLike, *, name: str) -> NDArray[np.int64]:
    """Return counts as int64 of any shape.

    Parameters
    ----------
    counts : array-like, any shape
        Whole numbers, zero or more; floats that are whole are accepted.
    name : str
        Argument name for the message.

    Returns
    -------
    ndarray of int64, shape of `counts`

    Raises
    ------
    ValueError
        If a count is negative, fractional, NaN or infinite.

    Examples
    --------
    >>> count_array([3.0, 0], name="successes")
    array([3, 0])
    """
    array = np.asarray(counts)
    numbers = array.astype(np.float64)
    invalid = ~np.isfinite(numbers) | (numbers < 0) | (numbers != np.floor(numbers))
    if invalid.any():
        raise ValueError(
            f"expected whole numbers of zero or more, got {name} with {numbers[invalid].flat[0]}; "
            "pass counts, not rates or weights"
        )
    return array.astype(np.int64)
