"""What is known of the steps of a scikit-learn pipeline: on how many inputs a feature depends, and where it turns.

Steps are known by their exact type, for a subclass may do anything. Each feature carries the map from its input through
the steps before it, so that a bin edge deep in a pipeline is found again among the numbers of the input, to the last
bit. Steps whose arithmetic may turn back by a rounding error (splines, power transforms, functions of the user's own)
count as not known.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.core.subject import NOTHING, ONE_INPUT, RUNS, STAYS, Front
from holdfast.kernels.robustness.turning_points import crossings, neighbourhood

Floats = NDArray[np.float64]
Map = Callable[[Floats], Floats]
SEVERAL, NONE = -1, -2
SCALERS = ("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler")
ENCODERS = ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder")
SELECTORS = (
    "GenericUnivariateSelect", "RFE", "RFECV", "SelectFdr", "SelectFpr", "SelectFromModel", "SelectFwe", "SelectKBest",
    "SelectPercentile", "SequentialFeatureSelector", "VarianceThreshold",
)  # fmt: skip
# More edges of one column would make the composition too large.
MOST_EDGES = 20_000


class Unread(Exception):
    """A step, or a way of setting it, that is not known; the text names it."""


class Feature(NamedTuple):
    """A feature on its way through the steps: its input, what is known of it, and the maps from the one to the other.

    ``source`` is a position among the inputs, ``SEVERAL`` or ``NONE``; ``motion`` as in
    :class:`holdfast.core.subject.Front`; the maps are kept only while ``motion`` is ``RUNS``.
    """

    source: int
    motion: int
    maps: tuple[Map, ...] = ()

    def along(self, values: Floats) -> Floats:
        """Return the feature where its input has these values."""
        for each in self.maps:
            values = each(values)
        return values

    def then(self, further: Map) -> Feature:
        """Follow it through a map that is monotone."""
        return self._replace(maps=(*self.maps, further)) if self.motion == RUNS else self


CONSTANT = Feature(NONE, STAYS)


def read_front(steps: Sequence[Any], *, names: Sequence[str], n_inputs: int, n_features: int) -> Front:
    """Follow the inputs through fitted steps to the features of the trees.

    Parameters
    ----------
    steps
        The steps in front of the trees.
    names
        Names of the inputs; empty where the pipeline states none, then turns are named ``#0``, ``#1``, ....
    n_inputs, n_features
        Number of inputs and of features.
    """
    reader = _Reader(n_inputs)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = reader.through(steps, [Feature(position, RUNS) for position in range(n_inputs)], n_features)
    called = names or [f"#{position}" for position in range(n_inputs)]
    turns = {name: own for name, own in zip(called, reader.turns, strict=True) if own.size}
    motion = np.array([feature.motion for feature in found], dtype=np.int8)
    return Front(motion=motion, turns=turns, doubt=reader.doubts[0] if reader.doubts else "")


class _Reader:
    """Where each input turns, and what is not known."""

    def __init__(self, n_inputs: int) -> None:
        self.turns = [np.zeros(0)] * n_inputs
        self.doubts: list[str] = []

    def through(self, steps: Sequence[Any], features: list[Feature], width: int | None) -> list[Feature]:
        """Follow features through one step after the other."""
        widths = [*(getattr(step, "n_features_in_", None) for step in steps[1:]), width]
        for step, behind in zip(steps, widths, strict=False):
            features = self.step(step, features, behind)
        return self.fitted(features, features, width, "the steps")

    def step(self, step: Any, features: list[Feature], width: int | None) -> list[Feature]:
        """Follow features through one step."""
        if step is None or isinstance(step, str):
            return [] if step == "drop" else features
        name = type(step).__name__
        handler = HANDLERS.get(name) if type(step).__module__.partition(".")[0] == "sklearn" else None
        try:
            if handler is None:
                raise Unread(f"what {name} does is not known")
            found = handler(self, step, features)
        except Unread as error:
            return self.lost(str(error), features, width)
        except Exception as error:  # a step that cannot be followed, for whatever reason, is one that is not known
            return self.lost(f"{name} could not be followed ({type(error).__name__})", features, width)
        return self.fitted(found, features, width, name)

    def fitted(self, found: list[Feature], given: list[Feature], width: int | None, name: str) -> list[Feature]:
        """Let go of features that are not as many as they should be."""
        if width is None or len(found) == width:
            return found
        return self.lost(f"{name} made {width} features where {len(found)} were followed", given, width)

    def lost(self, reason: str, given: list[Feature], width: int | None) -> list[Feature]:
        """Give up on what a step makes; of one input it is still a function of that input alone."""
        self.doubts.append(reason)
        sources = {feature.source for feature in given} - {NONE}
        is_one = len(sources) == 1 and SEVERAL not in sources
        return [Feature(sources.pop(), ONE_INPUT) if is_one else Feature(SEVERAL, NOTHING)] * (width or 0)

    def mark(self, feature: Feature, edges: Any) -> None:
        """Note where a feature passes edges, among the numbers of its input."""
        numbers = [float(edge) for edge in np.asarray(edges).ravel().tolist() if isinstance(edge, (int, float))]
        wanted = np.array([number for number in numbers if np.isfinite(number)])
        if feature.motion != RUNS or not wanted.size:
            return
        if wanted.size > MOST_EDGES:
            raise Unread(f"a step has {wanted.size} edges in one column")
        own = self.turns[feature.source]
        found = crossings(feature.along, wanted, turns=own) if feature.maps else wanted
        self.turns[feature.source] = np.union1d(own, neighbourhood(found))

    def cut(self, feature: Feature, edges: Any) -> Feature:
        """Follow a feature through a map that is constant between edges."""
        self.mark(feature, edges)
        return feature._replace(motion=STAYS, maps=()) if feature.motion == RUNS else feature


def _column_of(step: Any, position: int, width: int, out: int | None = None) -> Map:
    """One column of a step that treats each by itself, the others at 0."""

    def along(values: Floats) -> Floats:
        rows = np.zeros((values.size, width))
        rows[:, position] = values
        made = step.transform(rows)
        return np.asarray(made.toarray() if hasattr(made, "toarray") else made, np.float64)[
            :, position if out is None else out
        ]

    return along


def _scaled(reader: _Reader, step: Any, features: list[Feature]) -> list[Feature]:
    return [feature.then(_column_of(step, at, len(features))) for at, feature in enumerate(features)]


def _imputed(reader: _Reader, step: Any, features: list[Feature]) -> list[Feature]:
    found = []
    for feature, fill in zip(features, step.statistics_.tolist(), strict=True):
        reader.mark(feature, [step.missing_values])
        if step.keep_empty_features or fill == fill:
            found.append(feature if step.missing_values != step.missing_values else feature.then(_filled(step, fill)))
    if step.indicator_ is not None:
        found += _told_missing(reader, step.indicator_, features)
    return found


def _filled(step: Any, fill: Any) -> Map:
    return lambda values: np.where(values == step.missing_values, fill, values)


def _told_missing(reader: _Reader, step: Any, features: list[Feature]) -> list[Feature]:
    return [reader.cut(features[at], [step.missing_values]) for at in step.features_.tolist()]


def _binned(reader: _Reader, step: Any, features: list[Feature]) -> list[Feature]:
    if step.dtype not in (None, np.float64):
        raise Unread("KBinsDiscretizer rounds to another precision")
    cut = [reader.cut(feature, edges[1:-1]) for feature, edges in zip(features, step.bin_edges_, strict=True)]
    each = [1] * len(cut) if step.encode == "ordinal" else step.n_bins_.tolist()
    return [feature for feature, n in zip(cut, each, strict=True) for _ in range(n)]


def _halved(reader: _Reader, step: Any, features: list[Feature]) -> list[Feature]:
    return [reader.cut(feature, [step.threshold]) for feature in features]


def _ranked(reader: _Reader, step: Any, features: list[Feature]) -> list[Feature]:
    if step.output_distribution != "uniform":
        raise Unread("QuantileTransformer to a normal distribution may turn back by a rounding error")
    for feature, edges in zip(features, step.quantiles_.T, strict=True):
        reader.mark(feature, edges)
    return _scaled(reader, step, features)


def _wavering(reader: _Reader, step: Any, features: list[Feature]) -> list[Feature]:
    raise Unread(f"{type(step).__name__} may turn back by a rounding error")


def _encoded(reader: _Reader, step: Any, features: list[Feature]) -> list[Feature]:
    cut = [reader.cut(feature, levels) for feature, levels in zip(features, step.categories_, strict=True)]
    each = [1] * len(cut)
    if type(step).__name__ == "OneHotEncoder":
        rare = getattr(step, "infrequent_categories_", None) or [None] * len(cut)
        dropped = [None] * len(cut) if step.drop_idx_ is None else step.drop_idx_
        each = [
            len(levels) - (0 if few is None else len(few) - 1) - (gone is not None)
            for levels, few, gone in zip(step.categories_, rare, dropped, strict=True)
        ]
    elif getattr(step, "target_type_", "") == "multiclass":
        each = [len(step.classes_)] * len(cut)
    return [feature for feature, n in zip(cut, each, strict=True) for _ in range(n)]


def _multiplied(reader: _Reader, step: Any, features: list[Feature]) -> list[Feature]:
    """Powers of one feature turn at 0 only; products of several depend on several."""
    found = []
    for out, powers in enumerate(step.powers_):
        parts = np.flatnonzero(powers).tolist()
        if not parts:
            found.append(CONSTANT)
        elif len(parts) == 1:
            reader.mark(features[parts[0]], [0.0])
            found.append(features[parts[0]].then(_column_of(step, parts[0], len(features), out)))
        else:
            found += reader.lost("PolynomialFeatures multiplies columns", [features[at] for at in parts], 1)
    return found


def _selected(reader: _Reader, step: Any, features: list[Feature]) -> list[Feature]:
    return [feature for feature, is_kept in zip(features, step.get_support(), strict=True) if is_kept]


def _called(reader: _Reader, step: Any, features: list[Feature]) -> list[Feature]:
    """Only a function that checks its input and changes nothing is known: histogram boosting puts one in front."""
    given = step.func.func if isinstance(step.func, partial) else step.func
    if given is not None and f"{given.__module__}.{given.__name__}" != "sklearn.utils.validation.check_array":
        raise Unread("FunctionTransformer calls a function of the user's own")
    return features


def _in_turn(reader: _Reader, step: Any, features: list[Feature]) -> list[Feature]:
    return reader.through([part for _, part in step.steps], features, None)


def _weighted(features: list[Feature], weights: Mapping[str, float] | None, name: str) -> list[Feature]:
    weight = (weights or {}).get(name, 1.0)
    return [feature.then(lambda values: values * weight) for feature in features] if weight != 1.0 else features


def _united(reader: _Reader, step: Any, features: list[Feature]) -> list[Feature]:
    parts = [(name, reader.step(part, features, None)) for name, part in step.transformer_list]
    return [each for name, part in parts for each in _weighted(part, step.transformer_weights, name)]


def _by_column(reader: _Reader, step: Any, features: list[Feature]) -> list[Feature]:
    ends = [place.stop for place in step.output_indices_.values()]
    found: list[Feature] = [Feature(SEVERAL, NOTHING)] * max(ends, default=0)
    for name, part, columns in step.transformers_:
        place = step.output_indices_[name]
        given = [features[at] for at in _positions(columns, step, len(features))]
        if place.stop > place.start:
            made = reader.step(part, given, place.stop - place.start)
            found[place] = _weighted(made, step.transformer_weights, name)
    return found


def _positions(columns: Any, step: Any, n: int) -> list[int]:
    """Turn a choice of columns, by name, number, slice or mask, into numbers."""
    names = [str(name) for name in getattr(step, "feature_names_in_", ())]
    if isinstance(columns, slice):
        if isinstance(columns.start, str) or isinstance(columns.stop, str):
            raise Unread("ColumnTransformer chooses columns by a slice of names")
        return list(range(n))[columns]
    chosen = [columns] if isinstance(columns, (str, int)) else list(columns)
    if chosen and all(isinstance(each, (bool, np.bool_)) for each in chosen):
        return [at for at, is_chosen in enumerate(chosen) if is_chosen]
    return [names.index(each) if isinstance(each, str) else range(n)[int(each)] for each in chosen]


Handler = Callable[[_Reader, Any, list[Feature]], list[Feature]]
HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(SCALERS, _scaled),
    **dict.fromkeys(ENCODERS, _encoded),
    **dict.fromkeys(SELECTORS, _selected),
    "SimpleImputer": _imputed,
    "MissingIndicator": _told_missing,
    "KBinsDiscretizer": _binned,
    "Binarizer": _halved,
    "QuantileTransformer": _ranked,
    "PowerTransformer": _wavering,
    "SplineTransformer": _wavering,
    "PolynomialFeatures": _multiplied,
    "FunctionTransformer": _called,
    "Pipeline": _in_turn,
    "FeatureUnion": _united,
    "ColumnTransformer": _by_column,
}
