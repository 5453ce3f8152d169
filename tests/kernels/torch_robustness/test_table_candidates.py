from __future__ import annotations

from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="attacks on networks need the extra 'torch'")

from holdfast.kernels.robustness.candidates import Search  # noqa: E402
from holdfast.kernels.robustness.evasion import search_flips  # noqa: E402
from holdfast.kernels.robustness.streams import PointStreams  # noqa: E402
from holdfast.kernels.robustness.threat import Space, Threat  # noqa: E402
from holdfast.kernels.torch_robustness.table_candidates import slope_candidates  # noqa: E402

# Columns: a number, a whole number, one that may not move, one that may only grow, a category of three levels.
W = np.array([[0.0, 1.0], [0.0, 0.6], [0.0, 50.0], [0.0, 2.0], [0.0, 0.3]])
SPACE = Space(
    scale=np.array([2.0, 5.0, 0.0, 1.0, 0.0]),
    low=np.array([0.0, 0.0, 0.0, 0.0, 0.0]),
    high=np.array([10.0, 20.0, 9.0, 5.0, 2.0]),
    is_whole=np.array([False, True, False, False, False]),
    n_levels=np.array([0, 0, 0, 0, 3]),
    direction=np.array([0, 0, 0, 1, 0]),
)


def rows(n: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    numbers = generator.uniform(0, 5, size=(n, 5))
    numbers[:, 1], numbers[:, 4] = generator.integers(0, 20, n), generator.integers(0, 3, n)
    numbers[0, 0] = np.nan
    return numbers


def scores(x: np.ndarray, cut: np.ndarray) -> np.ndarray:
    return np.column_stack([cut, np.nan_to_num(x) @ W[:, 1]])


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_suggested_rows_reach_as_far_as_any_and_only_where_the_rules_allow(norm: str) -> None:
    X, threat = rows(10), Threat(0.6, 0, 100, norm)  # type: ignore[arg-type]
    weights = torch.as_tensor(W[:, 1]).float()
    found = slope_candidates(
        lambda x: torch.stack([torch.full((len(x),), 1e4), x @ weights], 1), X, np.zeros(10, int),
        space=SPACE, threat=threat, seed=0,
    )  # fmt: skip
    assert found.shape[0] == 10
    assert np.isnan(found[0, :, 0]).all()
    assert np.array_equal(found[:, :, [2, 4]], np.broadcast_to(X[:, None, [2, 4]], found[:, :, [2, 4]].shape))
    assert (found[:, :, 3] >= X[:, None, 3]).all()
    # Settled by the search they are valid, and the best gains what the best valid row does.
    ids = np.arange(10)
    margins = partial(scores, cut=np.full(10, 1e4))
    search = Search(X, 0 * ids, margins, SPACE, threat, PointStreams(0, ids), lambda: False)
    settled, valid = search.settle(np.arange(10), found)
    near = search.distances(np.arange(10), settled) <= 0.6
    gain = np.where(valid & near, np.nan_to_num(settled - X[:, None]) @ W[:, 1], -np.inf).max(1)
    room = np.where(np.isnan(X), 0, np.minimum(SPACE.high - X, np.array([1.2, 3.0, 0.0, 0.6, 0.0])))
    room[:, 1] = np.floor(room[:, 1])
    if norm == "linf":
        assert np.allclose(gain, (room * W[:, 1]).sum(1), atol=1e-3)
    else:
        assert (gain >= 0.5 * (room * W[:, 1]).max(1)).all()


def test_no_rows_are_no_candidates() -> None:
    found = slope_candidates(
        lambda x: x, np.empty((0, 5)), np.zeros(0, int), space=SPACE, threat=Threat(1, 0, 9), seed=0
    )
    assert found.shape[0] == 0


def test_the_search_under_rules_begins_from_them_and_flips_more() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(12, 32), torch.nn.Tanh(), torch.nn.Linear(32, 2)).eval()
    X = np.random.default_rng(3).uniform(size=(40, 12))

    def predict(rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return np.asarray(network(torch.as_tensor(rows).float()).double().numpy())

    y = predict(X).argmax(1)
    space = Space(np.ones(12), np.zeros(12), np.ones(12), np.arange(12) == 20, np.zeros(12, dtype=np.int64))
    threat = Threat(0.25, 0, 40)
    common = {"predict": predict, "space": space, "threat": threat}
    asked, suggested = (
        search_flips(X, y, X[:0], y[:0], rng=np.random.default_rng(0), **common, **more)  # type: ignore[arg-type]
        for more in (
            {},
            {"suggest": lambda X, y, ids: slope_candidates(network, X, y, space=space, threat=threat, seed=0, ids=ids)},
        )
    )
    assert np.isfinite(suggested.distance).sum() > np.isfinite(asked.distance).sum()
    assert (suggested.queries <= 40).all()
    flips = np.isfinite(suggested.distance)
    assert (predict(suggested.points).argmax(1) != y)[flips].all()
    assert (np.abs(suggested.points - X)[flips] <= 0.25).all()
