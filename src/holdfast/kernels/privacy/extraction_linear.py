"""Recover linear and logistic models exactly from their answers, by solving equations."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lstsq, qr

from holdfast.kernels.privacy.input_space import InputSpace

Floats = NDArray[np.float64]
Ask = Callable[[Floats], Floats]

_CANDIDATES = 2000
_MOST_PARAMETERS = 1000
# Answers that are no decimal fractions may still be single precision.
_SINGLE = 2.0**-24
_MOST_DECIMALS = 6
# Decimals are told apart only where the error of single precision is less than this share of a step.
_SHARP = 0.1
# Equations that miss by more than this many times what rounding explains are not those of the model.
_MISFIT = 5.0
# Rounded answers are asked for this many times the parameters, and not less than the second number.
_REPEATS, _FEW = 5, 50
_REACHES = (0.5, 1.0, 2.0, 4.0)


class LinearCopy(NamedTuple):
    """A linear model recovered from answers."""

    space: InputSpace
    """Inputs of the model."""
    coefficients: Floats
    """Weights of the design of the space, shape ``(n_inputs, n_outputs)``, in logits or units of the value."""
    parameters: int
    """Number of independent weights for each output."""
    queries: int
    """Rows asked."""
    resolution: float
    """Step to which the answers are rounded."""
    misfit: float
    """Root mean square of the errors of the equations, in units of what rounding explains; inf when undetermined."""

    @property
    def is_linear(self) -> bool:
        """Whether the equations hold up to rounding, so that the model is what was solved for."""
        return self.misfit <= _MISFIT

    def scores(self, X: Floats) -> Floats:
        """Logits or values of rows of codes, shape ``(n_rows, n_outputs)``; the largest logit is the label."""
        return self.space.design(X) @ self.coefficients


def recover_linear(ask: Ask, space: InputSpace, *, queries: int, rng: np.random.Generator) -> LinearCopy | None:
    """Solve for the weights of a linear, logistic or multinomial logistic model.

    Parameters
    ----------
    ask : callable
        Maps rows of codes, shape ``(n_rows, n_columns)``, to probabilities ``(n_rows, n_classes)``, or to the values
        of a regression ``(n_rows, 1)``.
    space : InputSpace
        Inputs; numbers and one indicator for each level make the design that the model is linear in.
    queries : int
        Rows that may be asked.
    rng : numpy.random.Generator
        Draws candidates of rows.

    Returns
    -------
    LinearCopy or None
        ``None`` without a question where the budget is below the number of parameters plus one. A copy that is not
        ``is_linear`` is of a model of another kind.

    Notes
    -----
    The logarithm of the ratio of two probabilities is linear in the inputs. Independent rows near the medians, one
    more than parameters, determine it; the surplus equation tells whether the model is linear. Answers that are rounded
    or saturated need more rows: further ones are chosen one by one to raise the determinant of the information
    matrix (D-optimal), where a row counts by how little rounding blurs its predicted answer. Saturated answers are
    dropped. Where indicators repeat the intercept, the solution of smallest norm is taken.

    References
    ----------
    Tramer, F., Zhang, F., Juels, A., Reiter, M. and Ristenpart, T. (2016). Stealing machine learning models via
    prediction APIs. USENIX Security, section 4.1.

    Examples
    --------
    >>> from holdfast.kernels.privacy.input_space import space_of
    >>> space = space_of({"x": np.array([0.0, 1.0, 2.0])})
    >>> copy = recover_linear(lambda X: 3.0 * X - 1.0, space, queries=10, rng=np.random.default_rng(0))
    >>> copy.queries, bool(np.allclose(copy.scores(np.array([[5.0]])), 14.0))
    (3, True)
    """
    rows = space.draw(_CANDIDATES, rng, reach=1.0)
    design = space.design(rows)
    if design.shape[1] > _MOST_PARAMETERS:
        return None
    order, rank = _independent(design)
    if rank + 1 > queries:
        return None
    X = rows[order[: rank + 1]]
    answers = ask(X)
    limit = min(queries, max(_REPEATS * rank, _FEW))
    while True:
        copy = _solve(space, X, answers, rank)
        enough = np.isfinite(copy.misfit) and (not copy.is_linear or copy.resolution == _SINGLE)
        if enough or len(X) >= limit:
            return copy
        more = _informative(copy, X, answers, min(max(10, rank // 2), limit - len(X)), rng)
        X, answers = np.concatenate([X, more]), np.concatenate([answers, ask(more)])


def resolution_of(answers: Floats) -> float:
    """Find the step to which answers are rounded.

    Parameters
    ----------
    answers : ndarray of float64, any shape

    Returns
    -------
    float
        The largest power of ten, from 1 to 1e-6, of which all answers are multiples; 2^-24, the relative step of single
        precision, where there is none.

    Examples
    --------
    >>> resolution_of(np.array([0.25, 0.5]))
    0.01
    """
    for decimals in range(_MOST_DECIMALS + 1):
        scaled = answers * 10.0**decimals
        if np.abs(scaled).max() * _SINGLE > _SHARP:
            break
        if (np.abs(scaled - np.round(scaled)) <= _SINGLE * np.maximum(np.abs(scaled), 1.0)).all():
            return float(10.0**-decimals)
    return _SINGLE


def log_ratios(probabilities: Floats, *, reference: int, resolution: float) -> tuple[Floats, Floats]:
    """Take logarithms of probabilities over that of a reference class, with their errors from rounding.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n_rows, n_classes)
    reference : int
        Column of the class to divide by.
    resolution : float
        Step to which they are rounded.

    Returns
    -------
    tuple of two ndarray of float64, shape (n_rows, n_classes)
        The ratios, and the standard deviation of each; 0 and infinity where an answer is saturated.
    """
    is_known = (probabilities > 0.5 * resolution) & (probabilities[:, [reference]] > 0.5 * resolution)
    inverse = 1.0 / np.where(is_known, probabilities, 1.0)
    base = np.where(is_known, probabilities[:, [reference]], 1.0)
    deviation = resolution / np.sqrt(12.0) * (inverse + 1.0 / base)
    return np.where(is_known, -np.log(inverse) - np.log(base), 0.0), np.where(is_known, deviation, np.inf)


def _independent(design: Floats) -> tuple[NDArray[np.int64], int]:
    """Order rows so that each adds most to those before it; and how many are independent."""
    _, triangle, order = qr(design.T, mode="economic", pivoting=True)
    sizes = np.abs(np.diag(triangle))
    return order, int((sizes > 1e-9 * sizes[0]).sum())


def _solve(space: InputSpace, X: Floats, answers: Floats, rank: int) -> LinearCopy:
    """Weighted least squares for each output, of smallest norm."""
    design, resolution = space.design(X), resolution_of(answers)
    targets, deviation = _equations(answers, resolution)
    coefficients = np.zeros((design.shape[1], targets.shape[1]))
    errors: list[Floats] = []
    is_determined = True
    for k in range(targets.shape[1]):
        is_used = np.isfinite(deviation[:, k]) & (deviation[:, k] > 0.0)
        if (deviation[:, k] == 0.0).all():
            continue
        if not is_used.any():
            is_determined = False
            continue
        weight = 1.0 / deviation[is_used, k]
        solved = lstsq(design[is_used] * weight[:, None], targets[is_used, k] * weight, cond=1e-11)
        coefficients[:, k] = solved[0]
        is_determined &= int(solved[2]) >= rank and int(is_used.sum()) > rank
        errors.append((design[is_used] @ coefficients[:, k] - targets[is_used, k]) * weight)
    spare = max(sum(map(len, errors)) - rank * len(errors), 1)
    misfit = float(np.sqrt(sum(float((error**2).sum()) for error in errors) / spare)) if is_determined else np.inf
    return LinearCopy(space, coefficients, rank, len(X), resolution, misfit)


def _equations(answers: Floats, resolution: float) -> tuple[Floats, Floats]:
    """What the design has to give, and its standard deviation; 0 for the reference class, which needs no equation."""
    if answers.shape[1] == 1:
        scale = max(float(np.abs(answers).max()), 1.0) if resolution == _SINGLE else 1.0
        return answers, np.full(answers.shape, resolution * scale)
    reference = int(np.minimum(answers, 1.0 - answers).sum(axis=0).argmax())
    targets, deviation = log_ratios(answers, reference=reference, resolution=resolution)
    deviation[:, reference] = 0.0
    return targets, deviation


def _informative(copy: LinearCopy, X: Floats, answers: Floats, n: int, rng: np.random.Generator) -> Floats:
    """Choose rows one by one that raise the determinant of the information matrix most."""
    space = copy.space
    rows = np.concatenate([space.draw(_CANDIDATES // len(_REACHES), rng, reach=reach) for reach in _REACHES])
    design = space.design(rows)
    weight = _weights(copy.scores(rows), copy.resolution)
    asked = space.design(X) * _weights(copy.scores(X), copy.resolution)[:, None]
    inverse = np.linalg.inv(asked.T @ asked + 1e-6 * np.trace(asked.T @ asked) / len(asked.T) * np.eye(asked.shape[1]))
    candidates = design * weight[:, None]
    chosen: list[int] = []
    for _ in range(n):
        projected = candidates @ inverse
        gain = (projected * candidates).sum(axis=1)
        gain[chosen] = -1.0
        best = int(gain.argmax())
        chosen.append(best)
        inverse -= np.outer(projected[best], projected[best]) / (1.0 + gain[best])
    return rows[chosen]


def _weights(scores: Floats, resolution: float) -> Floats:
    """How sharply predicted answers would tell the logits apart; equal for values."""
    if scores.shape[1] == 1:
        return np.ones(len(scores))
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = shifted / shifted.sum(axis=1, keepdims=True)
    p = np.where(p > resolution, p, 0.0)
    return np.asarray(np.sqrt(((p * (1.0 - p)) ** 2).sum(axis=1)) + 1e-9)
