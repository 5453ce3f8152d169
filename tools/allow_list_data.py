"""The arrays, tables and scientific objects that the allow list is made from."""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np


def attempts(makers: dict[str, Callable[[], Any]]) -> Iterator[tuple[str, Any]]:
    """Yield what can be made, by its label."""
    for label, make in makers.items():
        with warnings.catch_warnings(), contextlib.suppress(Exception):
            warnings.simplefilter("ignore")
            yield label, make()


def numpy_objects() -> Iterator[tuple[str, Any]]:
    """Arrays of every type and shape, scalars, generators, masked and record arrays, polynomials."""
    codes = [
        "?",
        "b",
        "B",
        "h",
        "i",
        "l",
        "L",
        "e",
        "f",
        "d",
        "g",
        "F",
        "D",
        "S5",
        "U4",
        "O",
        "V3",
        "M8[ns]",
        "m8[D]",
        ">f8",
    ]
    for code in codes:
        yield from attempts({code: partial(lambda code: [np.zeros(3, code), np.zeros((2, 2), code, order="F")], code)})
        yield from attempts(
            {f"scalar {code}": partial(lambda code: [np.zeros(1, code)[0], np.dtype(code), np.dtype(code).type], code)}
        )
    record = [("a", "i4"), ("b", "f8", (2,)), ("c", "O")]
    series = np.polynomial
    yield from attempts(
        {
            "structured": lambda: [np.zeros(2, record), np.zeros(2, record[:2]), np.zeros(2, record)[0]],
            "nested": lambda: np.zeros(2, [("x", record[:2]), ("y", "f4")]),
            "record": lambda: np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
            "masked": lambda: [np.ma.array([1, 2], mask=[False, True]), np.ma.masked],
            "matrix": lambda: np.asmatrix([[1.0]]),
            "limits": lambda: [np.finfo(code) for code in ("f2", "f4", "f8")] + [np.iinfo("i4"), np.iinfo("u1")],
            "texts": lambda: np.array(["a", "b"], dtype=np.dtypes.StringDType()),
            "random": lambda: [np.random.RandomState(0), np.random.default_rng(0)],
            "seed": lambda: np.random.SeedSequence(3).spawn(2),
            "generators": lambda: [np.random.Generator(kind(0)) for kind in _bit_generators()],
            "polynomials": lambda: [kind([1, 2, 3]) for kind in _polynomials(series)],
            "poly1d": lambda: np.poly1d([1, 2]),
            "vectorized": lambda: np.vectorize(np.sin),
            "nan and types": lambda: [
                np.nan,
                np.float64,
                np.int64,
                np.bool_,
                np.str_,
                np.number,
                np.generic,
                np.ndarray,
            ],
            "functions": lambda: [getattr(np, name) for name in _plain_functions()],
        }
    )


def _bit_generators() -> list[Any]:
    return [np.random.MT19937, np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64]


def _polynomials(series: Any) -> list[Any]:
    names = ("Polynomial", "Chebyshev", "Hermite", "HermiteE", "Laguerre", "Legendre")
    return [getattr(series, name) for name in names]


def _plain_functions() -> list[str]:
    plain = ["mean", "median", "std", "var", "sum", "prod", "min", "max", "argmin", "argmax", "nan_to_num", "clip"]
    shapes = ["asarray", "array", "squeeze", "transpose", "ravel", "atleast_1d", "atleast_2d", "expand_dims", "hstack"]
    return [*plain, *shapes, "unique", "round", "cumsum", "diff", "nanmean", "nanstd", "nanmin", "nanmax", "nanmedian"]


def scipy_objects() -> Iterator[tuple[str, Any]]:
    """Sparse containers, distributions, spatial trees, interpolators, rotations."""
    from scipy import interpolate, optimize, sparse, spatial, special, stats

    for form, kind in itertools.product(("csr", "csc", "coo", "lil", "dok", "dia", "bsr"), ("matrix", "array")):
        yield from attempts(
            {f"{form} {kind}": partial(lambda f, k: getattr(sparse, f"{f}_{k}")(np.eye(3)), form, kind)}
        )
    for name in dir(stats):
        value = getattr(stats, name)
        if isinstance(value, stats.rv_continuous | stats.rv_discrete):
            shapes = [0.7] * getattr(value, "numargs", 0)
            yield from attempts(
                {name: partial(lambda v: v, value), f"{name} frozen": partial(lambda v, s: v(*s), value, shapes)}
            )
    x, rng = np.arange(6.0), np.random.default_rng(0)
    points = rng.normal(size=(20, 2))
    yield from attempts(
        {
            "kd tree": lambda: [spatial.cKDTree(points), spatial.KDTree(points)],
            "hull": lambda: spatial.ConvexHull(points),
            "rotation": lambda: spatial.transform.Rotation.identity(),
            "histogram": lambda: stats.rv_histogram(np.histogram(points[:, 0], bins=5)),
            "kde": lambda: stats.gaussian_kde(points.T),
            "spline": lambda: interpolate.BSpline(np.arange(8.0), np.arange(4.0), 3),
            "univariate": lambda: interpolate.UnivariateSpline(x, x),
            "multivariate normal": lambda: stats.multivariate_normal([0, 0], np.eye(2)),
            "rbf": lambda: interpolate.RBFInterpolator(points, points[:, 0]),
            "grid": lambda: interpolate.RegularGridInterpolator((x, x), np.zeros((6, 6))),
            "result": lambda: optimize.minimize(_square, [1.0, 2.0]),
            "functions": lambda: [special.expit, special.logit, special.boxcox1p],
            **{
                f"interp1d {kind}": partial(lambda kind: interpolate.interp1d(x, x, kind=kind), kind)
                for kind in ("linear", "nearest", "previous", "next", "zero", "slinear", "quadratic", "cubic")
            },
            **{
                name: partial(lambda name: getattr(interpolate, name)(x, x), name)
                for name in (
                    "CubicSpline",
                    "PchipInterpolator",
                    "Akima1DInterpolator",
                    "BarycentricInterpolator",
                    "KroghInterpolator",
                    "InterpolatedUnivariateSpline",
                    "make_interp_spline",
                    "LSQUnivariateSpline",
                )
            },
            **{
                name: partial(lambda name: getattr(interpolate, name)(points, points[:, 0]), name)
                for name in ("LinearNDInterpolator", "CloughTocher2DInterpolator", "NearestNDInterpolator")
            },
            "pieces": lambda: [
                interpolate.PPoly([[1.0], [2.0]], [0.0, 1.0]),
                interpolate.BPoly([[1.0]], [0.0, 1.0]),
            ],
            "triangles": lambda: spatial.Delaunay(points),
            "cells": lambda: spatial.Voronoi(points),
            "bounds": lambda: [optimize.Bounds([0], [1]), optimize.LinearConstraint([[1.0]], [0.0], [1.0])],
            "survival": lambda: stats.ecdf(points[:, 0]),
            **{
                name: partial(lambda name: getattr(stats, name)(points[:, 0], points[:, 1]), name)
                for name in (
                    "linregress",
                    "pearsonr",
                    "spearmanr",
                    "kendalltau",
                    "ttest_ind",
                    "mannwhitneyu",
                    "ks_2samp",
                )
            },
            **{
                name: partial(lambda name: getattr(stats, name)(points[:, 0]), name)
                for name in ("describe", "shapiro", "normaltest", "skewtest", "jarque_bera")
            },
            "one sample": lambda: [stats.ttest_1samp(points[:, 0], 0.0), stats.mode(points[:, 0])],
        }
    )


def _square(x: Any) -> float:
    return float((x**2).sum())


def pandas_objects() -> Iterator[tuple[str, Any]]:
    """Frames, series, indices and scalars with every extension type."""
    import pandas as pd

    days = pd.date_range("2020-01-01", periods=3, tz="Europe/Berlin")
    columns: dict[str, Callable[[], Any]] = {
        "int": lambda: [1, 2, 3],
        "float": lambda: [1.0, None, 3.0],
        "text": lambda: ["a", "b", None],
        "bool": lambda: [True, False, True],
        "category": lambda: pd.Categorical(["u", "v", "u"], ordered=True),
        "days": lambda: days,
        "utc": lambda: days.tz_convert("UTC"),
        "naive": lambda: days.tz_localize(None),
        "delta": lambda: pd.to_timedelta([1, 2, 3], unit="D"),
        "period": lambda: pd.period_range("2020-01", periods=3, freq="M"),
        "interval": lambda: pd.interval_range(0, 3),
        "nullable": lambda: pd.array([1, None, 3], dtype="Int64"),
        **{
            f"nullable {name}": partial(lambda name: pd.array([1, None, 3], dtype=name), name)
            for name in ("Int8", "Int16", "Int32", "UInt8", "UInt16", "UInt32", "UInt64", "Float32")
        },
        "nullable float": lambda: pd.array([1.5, None, 3], dtype="Float64"),
        "nullable bool": lambda: pd.array([True, None, False], dtype="boolean"),
        "string": lambda: pd.array(["a", None, "c"], dtype="string"),
        "python string": lambda: pd.array(["a", None, "c"], dtype="string[python]"),
        "arrow": lambda: pd.array(["a", None, "c"], dtype="string[pyarrow]"),
        "arrow int": lambda: pd.array([1, None, 3], dtype="int64[pyarrow]"),
        "sparse": lambda: pd.arrays.SparseArray([0, 0, 1]),
        "complex": lambda: [1j, 2j, 3j],
        "object": lambda: np.array([{}, [], ()], dtype=object),
    }
    for label, make in columns.items():
        yield from attempts(
            {
                f"{label} array": partial(lambda make: pd.array(make()), make),
                f"{label} series": partial(lambda make: pd.Series(make(), name="x"), make),
                f"{label} frame": partial(lambda make: pd.DataFrame({"x": make(), "y": [1, 2, 3]}), make),
                f"{label} index": partial(lambda make: pd.Index(make()), make),
                f"{label} indexed": partial(lambda make: pd.DataFrame({"x": [1, 2, 3]}, index=pd.Index(make())), make),
                f"{label} dtype": partial(lambda make: pd.Series(make()).dtype, make),
            }
        )
    for freq in ("D", "h", "min", "s", "ms", "us", "ns", "W", "M", "Q", "Y", "B", "W-MON", "2D"):
        yield from attempts(
            {
                f"period {freq}": partial(
                    lambda freq: [pd.Period("2020-01-01", freq), pd.period_range("2020", periods=3, freq=freq)], freq
                ),
                f"days every {freq}": partial(lambda freq: pd.date_range("2020", periods=3, freq=freq), freq),
                f"step {freq}": partial(lambda freq: pd.tseries.frequencies.to_offset(freq), freq),
            }
        )
    for freq in ("ME", "QE", "YE", "MS", "QS", "YS", "BME", "SME", "bh"):
        yield from attempts(
            {f"days every {freq}": partial(lambda freq: pd.date_range("2020", periods=3, freq=freq), freq)}
        )
    yield from offset_objects()
    yield from attempts(
        {
            "scalars": lambda: [
                pd.Timestamp("2020", tz="UTC"),
                pd.Timestamp("2020"),
                pd.Timedelta("1D"),
                pd.NaT,
                pd.NA,
            ],
            "more scalars": lambda: [pd.Period("2020", "M"), pd.Interval(0, 1)],
            "levels": lambda: pd.MultiIndex.from_product([[1, 2], ["a", "b"]], names=["p", "q"]),
            "range": lambda: pd.RangeIndex(3),
            "empty": lambda: [pd.DataFrame(), pd.Series(dtype=float)],
            "offsets": lambda: [
                pd.offsets.Day(2),
                pd.offsets.MonthEnd(),
                pd.offsets.BusinessDay(),
                pd.DateOffset(months=1),
            ],
        }
    )


def offset_objects() -> Iterator[tuple[str, Any]]:
    """Every offset of pandas, once and three times."""
    import pandas as pd

    for name in vars(pd.offsets)["__all__"]:
        kind = getattr(pd.offsets, name)
        yield from attempts({f"offset {name}": partial(lambda kind: [kind(), kind(3)], kind)})
