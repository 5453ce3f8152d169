"""Mend stated probabilities by what happened on rows held out, and hand the mending on as a small JSON text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression, minimize_scalar
from scipy.special import expit, log_softmax, logit, softmax

from holdfast.kernels.performance.corp import reliability_steps
from holdfast.kernels.performance.inputs import class_positions, score_matrix

RECALIBRATOR_SCHEMA = "https://holdfast.dev/schema/recalibrator/1"
Method = Literal["temperature", "platt", "isotonic", "venn_abers", "scaling_binning"]
METHODS: tuple[Method, ...] = get_args(Method)
Numbers = NDArray[np.float64]
SMALLEST = 1e-12  # stated probabilities of 0 have no log odds
HOTTEST = 100.0
MOST_STEPS = 2000  # of a Venn-Abers predictor: it takes two fits for each
N_BINS = 15


@dataclass(frozen=True, slots=True)
class ScoreMap:
    """How one stated probability becomes another.

    Attributes
    ----------
    kind
        ``logistic``: ``value[0]`` times the log odds plus ``value[1]``, as log odds. ``line``: linear between the
        points ``(at, value)``, constant outside of them. ``steps``: ``value[i]`` from ``at[i - 1]`` to below ``at[i]``.
    at, value
        Numbers of that kind.
    """

    kind: Literal["logistic", "line", "steps"]
    at: tuple[float, ...]
    value: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Recalibrator:
    """A fitted recalibration: plain numbers, no code.

    Attributes
    ----------
    method
        How it was fitted.
    n_classes
        Columns of the scores it takes and returns.
    temperature
        What the logarithms of the scores are divided by; for that method only.
    maps
        For the other methods: of two classes one map, for the second; else one for each, and the results are divided by
        their sum.
    n_rows
        Rows it was fitted to.
    schema
        Version of this form.
    """

    method: Method
    n_classes: int
    temperature: float | None
    maps: tuple[ScoreMap, ...]
    n_rows: int
    schema: str = RECALIBRATOR_SCHEMA


def fit_recalibrator(method: Method, scores: ArrayLike, y_true: ArrayLike) -> Recalibrator:
    """Fit a recalibration to rows that did not train the model.

    Parameters
    ----------
    method : {"temperature", "platt", "isotonic", "venn_abers", "scaling_binning"}
        One number for all classes (Guo et al.); a logistic curve (Platt, with his targets); a rising step function; the
        probability between the two isotonic fits that either outcome of the new case would give (Venn-Abers, by log
        loss); a logistic curve averaged over bins, so that its error can be measured (Kumar et al.).
    scores : array-like, shape (n_samples, n_classes)
        Stated probabilities; rows add up to one.
    y_true : array-like of int, shape (n_samples,)
        Classes as positions.

    Returns
    -------
    Recalibrator

    Raises
    ------
    ValueError
        If the method is unknown, there is no row, a score is no probability, or a class is out of range.

    Notes
    -----
    With more than two classes all but ``temperature`` are fitted to each class against the rest. Venn-Abers bins the
    scores into at most 2,000 of equal size, which keeps its validity.

    References
    ----------
    Guo, C. et al. (2017). On calibration of modern neural networks. ICML, section 4.
    Platt, J. (1999). Probabilistic outputs for support vector machines, section 2.2.
    Zadrozny, B. and Elkan, C. (2002). Transforming classifier scores into accurate multiclass probability estimates.
    Vovk, V., Petej, I. and Fedorova, V. (2015). Large-scale probabilistic predictors with and without guarantees of
    validity. NeurIPS (inductive Venn-Abers predictors; section 4 for the single probability).
    Kumar, A., Liang, P. and Ma, T. (2019). Verified uncertainty calibration. NeurIPS, section 4.

    Examples
    --------
    >>> scores = np.tile([[0.1, 0.9], [0.9, 0.1]], (50, 1))
    >>> outcome = np.tile([1, 0, 1, 0, 0, 0, 1, 1, 1, 0], 10)
    >>> mended = apply_recalibrator(fit_recalibrator("isotonic", scores, outcome), scores)
    >>> mended[0].round(2).tolist()
    [0.2, 0.8]
    """
    if method not in METHODS:
        raise ValueError(f"expected one of {', '.join(METHODS)}, got method={method!r}")
    stated = _probabilities(scores)
    y = class_positions(y_true, n_classes=stated.shape[1], name="y_true")
    if y.size == 0 or y.size != stated.shape[0]:
        raise ValueError(f"expected as many outcomes as scores and one or more, got {y.size} and {stated.shape[0]}")
    if method == "temperature":
        return Recalibrator(method, stated.shape[1], _temperature(stated, y), (), y.size)
    fit = {"platt": _platt, "isotonic": _isotonic, "venn_abers": _venn_abers, "scaling_binning": _scaling_binning}
    judged = [1] if stated.shape[1] == 2 else range(stated.shape[1])
    maps = tuple(fit[method](stated[:, at], (y == at).astype(np.float64)) for at in judged)
    return Recalibrator(method, stated.shape[1], None, maps, y.size)


def apply_recalibrator(recalibrator: Recalibrator, scores: ArrayLike) -> Numbers:
    """Mend stated probabilities.

    Parameters
    ----------
    recalibrator : Recalibrator
    scores : array-like, shape (n_samples, n_classes)
        Stated probabilities in the order of the classes it was fitted to.

    Returns
    -------
    ndarray of float64, shape (n_samples, n_classes)
        Rows add up to one.

    Raises
    ------
    ValueError
        If the number of classes is another, or a score is no probability.

    Examples
    --------
    >>> halved = Recalibrator("temperature", 2, 2.0, (), 100)
    >>> apply_recalibrator(halved, [[0.2, 0.8]]).round(3).tolist()
    [[0.333, 0.667]]
    """
    stated = _probabilities(scores)
    if stated.shape[1] != recalibrator.n_classes:
        raise ValueError(
            f"expected scores of {recalibrator.n_classes} classes, got {stated.shape[1]} columns; "
            "the recalibrator belongs to another model"
        )
    if recalibrator.temperature is not None:
        return np.asarray(softmax(np.log(np.maximum(stated, SMALLEST)) / recalibrator.temperature, axis=1))
    if len(recalibrator.maps) == 1:
        p = _mapped(recalibrator.maps[0], stated[:, 1])
        return np.column_stack([1.0 - p, p])
    parts = np.column_stack([_mapped(each, stated[:, at]) for at, each in enumerate(recalibrator.maps)])
    total = parts.sum(axis=1, keepdims=True)
    # Where every class against the rest is denied, nothing was learned: the scores stay.
    return np.where(total > 0.0, parts / np.where(total > 0.0, total, 1.0), stated)


def recalibrator_json(recalibrator: Recalibrator) -> str:
    """Write a recalibrator as JSON, numbers exactly as they are.

    Examples
    --------
    >>> recalibrator_json(Recalibrator("temperature", 2, 2.0, (), 100))[:45]
    '{"maps": [], "method": "temperature", "n_clas'
    """
    return json.dumps(asdict(recalibrator), sort_keys=True, allow_nan=False)


def read_recalibrator(text: str | bytes) -> Recalibrator:
    """Read what `recalibrator_json` wrote.

    Raises
    ------
    ValueError
        If it is no JSON, of another version, or its numbers do not fit together.

    Examples
    --------
    >>> given = Recalibrator("platt", 2, None, (ScoreMap("logistic", (), (0.5, 0.1)),), 100)
    >>> read_recalibrator(recalibrator_json(given)) == given
    True
    """
    held = json.loads(text)
    if not isinstance(held, dict) or held.get("schema") != RECALIBRATOR_SCHEMA:
        found = held.get("schema") if isinstance(held, dict) else type(held).__name__
        raise ValueError(f"expected a recalibrator of the schema {RECALIBRATOR_SCHEMA}, got {found!r}")
    if held.keys() != Recalibrator.__dataclass_fields__.keys():
        raise ValueError(f"expected the fields {sorted(Recalibrator.__dataclass_fields__)}, got {sorted(held)}")
    maps = tuple(_read_map(each) for each in held["maps"])
    read = Recalibrator(**{**held, "maps": maps})
    whole = isinstance(read.n_classes, int) and read.n_classes > 1 and isinstance(read.n_rows, int)
    n_maps = 0 if read.method == "temperature" else 1 if read.n_classes == 2 else read.n_classes
    heat = read.temperature
    fits = (heat is not None and np.isfinite(heat) and heat > 0.0) if read.method == "temperature" else heat is None
    if read.method not in METHODS or not whole or len(maps) != n_maps or not fits:
        raise ValueError(
            f"expected {n_maps} maps and a temperature only for that method, got {len(maps)} and {heat!r} "
            f"for {read.method!r} with {read.n_classes!r} classes; write it again with recalibrator_json"
        )
    return read


def _read_map(held: dict[str, Any]) -> ScoreMap:
    at, value = (np.asarray(held[name], dtype=np.float64) for name in ("at", "value"))
    sizes = {"logistic": (0, 2), "line": (at.size, max(at.size, 1)), "steps": (at.size, at.size + 1)}
    kind = held["kind"]
    if sizes.get(kind) != (at.size, value.size) or not (np.isfinite(at).all() and np.isfinite(value).all()):
        raise ValueError(f"expected finite numbers that fit the kind of map, got {kind!r} with {at.size}, {value.size}")
    if (np.diff(at) <= 0.0).any() or (kind != "logistic" and ((value < 0.0) | (value > 1.0)).any()):
        raise ValueError(f"expected rising scores and probabilities in [0, 1] in a map of kind {kind!r}, got others")
    return ScoreMap(kind, tuple(at.tolist()), tuple(value.tolist()))


def _probabilities(scores: ArrayLike) -> Numbers:
    stated = score_matrix(scores)
    if stated.shape[1] < 2 or (stated < 0.0).any() or not np.allclose(stated.sum(axis=1), 1.0, atol=1e-3):
        ends = (float(stated.min()), float(stated.max())) if stated.size else (0.0, 0.0)
        raise ValueError(
            f"expected probabilities of two or more classes that add up to one, got {stated.shape[1]} columns with "
            f"scores from {ends[0]:.4g} to {ends[1]:.4g}; give class probabilities, not margins"
        )
    return stated


def _mapped(by: ScoreMap, p: Numbers) -> Numbers:
    if by.kind == "logistic":
        return np.asarray(expit(by.value[0] * _log_odds(p) + by.value[1]))
    if by.kind == "line":
        return np.interp(p, by.at, by.value)
    return np.asarray(by.value)[np.searchsorted(by.at, p, side="right")]


def _log_odds(p: Numbers) -> Numbers:
    return np.asarray(logit(np.clip(p, SMALLEST, 1.0 - SMALLEST)))


def _temperature(scores: Numbers, y: NDArray[np.int64]) -> float:
    logs = np.log(np.maximum(scores, SMALLEST))
    rows = np.arange(y.size)

    def loss(log_heat: float) -> float:
        return -float(log_softmax(logs / np.exp(log_heat), axis=1)[rows, y].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-np.log(HOTTEST), np.log(HOTTEST)), method="bounded").x))


def _platt(p: Numbers, y: Numbers) -> ScoreMap:
    n_yes = float(y.sum())
    target = np.where(y == 1.0, (n_yes + 1.0) / (n_yes + 2.0), 1.0 / (y.size - n_yes + 2.0))
    design = np.column_stack([_log_odds(p), np.ones(p.size)])
    beta = np.array([1.0, 0.0])
    loss = _cross_entropy(design @ beta, target)
    for _ in range(100):
        fitted = expit(design @ beta)
        gradient = design.T @ (fitted - target)
        # A touch of curvature keeps the step finite where all scores are equal.
        curvature = (design * (fitted * (1.0 - fitted))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        while (new := _cross_entropy(design @ (beta - step), target)) > loss and np.abs(step).max() > 1e-12:
            step /= 2.0
        if np.abs(step).max() <= 1e-9:
            break
        beta, loss = beta - step, new
    return ScoreMap("logistic", (), (float(beta[0]), float(beta[1])))


def _cross_entropy(log_odds: Numbers, target: Numbers) -> float:
    return float((np.logaddexp(0.0, log_odds) - target * log_odds).sum())


def _isotonic(p: Numbers, y: Numbers) -> ScoreMap:
    steps = reliability_steps(p, y)
    value = steps.recalibrated
    is_inner = np.zeros(value.size, dtype=np.bool_)
    is_inner[1:-1] = (value[1:-1] == value[:-2]) & (value[1:-1] == value[2:])
    return ScoreMap("line", _floats(steps.score[~is_inner]), _floats(np.clip(value[~is_inner], 0.0, 1.0)))


def _venn_abers(p: Numbers, y: Numbers) -> ScoreMap:
    edges, place = _bins(p, MOST_STEPS)
    n = np.bincount(place).astype(np.float64)
    yes = np.bincount(place, weights=y)
    value = np.empty(n.size)
    for at in range(n.size):
        n[at] += 1.0
        low = float(isotonic_regression(yes / n, weights=n).x[at])
        yes[at] += 1.0
        high = float(isotonic_regression(yes / n, weights=n).x[at])
        n[at], yes[at] = n[at] - 1.0, yes[at] - 1.0
        value[at] = high / (1.0 - low + high)
    value = np.clip(value, 0.0, 1.0)
    is_step = np.diff(value) != 0.0
    return ScoreMap("steps", _floats(edges[is_step]), _floats(value[np.append(True, is_step)]))


def _scaling_binning(p: Numbers, y: Numbers) -> ScoreMap:
    """Fit the curve to every other row; bins and their means of it come from the rest."""
    curve = _platt(p[::2], y[::2])
    rest = p[1::2] if p.size > 1 else p
    edges, place = _bins(rest, N_BINS)
    value = np.bincount(place, weights=_mapped(curve, rest)) / np.bincount(place)
    return ScoreMap("steps", _floats(edges), _floats(value))


def _bins(p: Numbers, most: int) -> tuple[Numbers, NDArray[np.int64]]:
    """Bins of about equal size, none empty: the lower edges of all but the first, and the bin of each row."""
    distinct = np.unique(p)
    if distinct.size <= most:
        edges = (distinct[1:] + distinct[:-1]) / 2.0
        edges = np.where(edges > distinct[:-1], edges, distinct[1:])
    else:
        edges = np.unique(np.quantile(p, np.arange(1, most) / most, method="inverted_cdf"))
        edges = edges[edges > distinct[0]]
    return edges, np.searchsorted(edges, p, side="right").astype(np.int64)


def _floats(values: Sequence[float] | Numbers) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
