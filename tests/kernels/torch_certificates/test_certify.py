"""Proofs of networks against exact answers, attacks and each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from holdfast.core.network import RawNetwork

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not bounded")

from holdfast.kernels.torch_certificates.certify import TIE, Proof, Work, certify  # noqa: E402  (needs torch)
from holdfast.kernels.torch_certificates.regions import Region  # noqa: E402
from holdfast.kernels.torch_networks.forward import as_function  # noqa: E402
from tests.kernels.torch_certificates.small_networks import ball, cnn, decoder, exact_least, mlp  # noqa: E402

DEEP = Work(branches=300)


def points(network: RawNetwork, n: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.tensor(np.random.default_rng(seed).normal(size=(n, *network.input_shape)))
    return x, as_function(network, dtype=torch.float64)(x).argmax(dim=1)


def descended(network: RawNetwork, region: Region, y: torch.Tensor) -> torch.Tensor:
    """Attack by projected gradient steps from random starts; return the smallest margin met."""
    forward = as_function(network, dtype=torch.float64)
    generator, least = torch.Generator().manual_seed(0), torch.full((y.numel(),), torch.inf, dtype=torch.float64)
    for _ in range(2):
        x = region.low + torch.rand(region.low.shape, generator=generator, dtype=torch.float64) * (
            region.high - region.low
        )
        x = onto(x, region)
        for step in range(25):
            x = x.detach().requires_grad_(True)
            scores = forward(x)
            right = scores.gather(1, y[:, None])[:, 0]
            margin = right - scores.scatter(1, y[:, None], -torch.inf).amax(dim=1)
            least = torch.minimum(least, margin.detach())
            (slope,) = torch.autograd.grad(margin.sum(), x)
            flat = slope.flatten(1)
            way = slope.sign() if region.norm == "linf" else (flat / flat.norm(dim=1, keepdim=True)).reshape(x.shape)
            x = onto(x - region.radius * 0.5 * 0.9**step * way, region)
    return least


def onto(x: torch.Tensor, region: Region) -> torch.Tensor:
    if region.norm == "l2":
        moves = (x - region.point).flatten(1)
        moves = moves * (region.radius / moves.norm(dim=1, keepdim=True)).clamp(max=1.0)
        x = region.point + moves.reshape(x.shape)
    return x.clamp(region.low, region.high)


def consistent(proof: Proof) -> None:
    assert not (proof.proved & proof.flipped).any()
    assert (proof.proved == (proof.margin > TIE)).all()
    assert (proof.proved == (proof.stage > 0)).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("bend", ["Relu", "Tanh"])
def test_no_attack_beats_a_proof(norm: str, bend: str) -> None:
    network = mlp((4, 10, 8, 3), 0, bend=bend)
    x, y = points(network, 12)
    region = ball(x, 0.25, norm)
    proof = certify(network, region, y, work=DEEP)
    consistent(proof)
    least = descended(network, region, y)
    assert (proof.margin <= least + 1e-6).all()
    assert not (proof.proved & (least < 0)).any()
    assert (proof.proved | proof.flipped).double().mean() > 0.9
    outside = (proof.flip - x)[proof.flipped].flatten(1)
    assert (outside.abs().amax(1) if norm == "linf" else outside.norm(dim=1)).max() <= 0.25 * (1 + 1e-6)


@pytest.mark.parametrize(("network", "radius"), [(cnn(0), 0.05), (decoder(0), 0.2)], ids=["cnn", "decoder"])
def test_a_convolution_is_proved_below_what_an_attack_finds(network: RawNetwork, radius: float) -> None:
    x, y = points(network, 8)
    region = ball(x, radius)
    proof = certify(network, region, y, work=Work(slope_steps=5))
    consistent(proof)
    least = descended(network, region, y)
    assert (proof.margin <= least + 1e-6).all()
    assert not (proof.proved & (least < 0)).any()
    assert 0 < int(proof.proved.sum()) < 8


def test_each_deeper_stage_proves_more_and_branches_come_to_the_exact_answer() -> None:
    """Both kinds of branching: 4 inputs are halved; of 14 the bends are split."""
    for sizes, radius in (((4, 8, 8, 2), 0.3), ((14, 8, 8, 2), 0.12)):
        network = mlp(sizes, 3)
        x, y = points(network, 7)
        region = ball(x, radius)
        proofs = [certify(network, region, y, work=work) for work in (Work(slope_steps=0), Work(), Work(branches=2000))]
        for shallow, deep in itertools.pairwise(proofs):
            assert (deep.margin >= shallow.margin - 1e-9).all()
            assert not (shallow.proved & ~deep.proved).any()
        for i in range(7):
            c = np.where(np.arange(2) == int(y[i]), 1.0, -1.0)
            exact = exact_least(network, c, region.low[i].numpy(), region.high[i].numpy())
            assert float(proofs[-1].margin[i]) <= exact + 1e-6
            assert bool(proofs[-1].proved[i]) == (exact > 1e-4)
            assert bool(proofs[-1].flipped[i]) == (exact < -1e-4)
        assert proofs[-1].proved.sum() > proofs[0].proved.sum()


def test_on_a_linear_network_proofs_and_flips_are_exact() -> None:
    network = mlp((6, 3), 0)
    x, y = points(network, 40)
    proof = certify(network, ball(x, 0.3), y, work=Work(slope_steps=0))
    w, b = (network.constants[name].astype(np.float64) for name in ("w0", "b0"))
    scores = x.numpy() @ w + b
    for i in range(40):
        others = [j for j in range(3) if j != int(y[i])]
        exact = min(scores[i, y[i]] - scores[i, j] - 0.3 * np.abs(w[:, y[i]] - w[:, j]).sum() for j in others)
        assert float(proof.margin[i]) == pytest.approx(exact, abs=1e-4)
        assert bool(proof.flipped[i]) == (exact < 0)
    assert 5 < int(proof.proved.sum()) < 35


@pytest.mark.parametrize("link", ["sigmoid", "probability"])
def test_a_single_score_is_judged_by_its_side(link: str) -> None:
    network = mlp((3, 1), 0, link=link)  # type: ignore[arg-type]
    x = torch.tensor(np.random.default_rng(0).normal(size=(30, 3)))
    score = as_function(network, dtype=torch.float64)(x)[:, 0] - (0.5 if link == "probability" else 0.0)
    y = (score > 0).long()
    proof = certify(network, ball(x, 0.2), y, work=Work(slope_steps=0))
    exact = score.abs() - 0.2 * float(np.abs(network.constants["w0"]).sum())
    torch.testing.assert_close(proof.margin, exact, atol=1e-4, rtol=0)


def test_results_do_not_depend_on_the_neighbours() -> None:
    network = cnn(2)
    x, y = points(network, 4)
    whole = certify(network, ball(x, 0.04), y, work=Work(slope_steps=3))
    alone = [certify(network, ball(x[i : i + 1], 0.04), y[i : i + 1], work=Work(slope_steps=3)) for i in range(4)]
    torch.testing.assert_close(whole.margin, torch.cat([each.margin for each in alone]), atol=1e-9, rtol=0)
    assert whole.proved.tolist() == [bool(each.proved) for each in alone]


def test_time_that_is_up_leaves_points_open() -> None:
    network = mlp((4, 8, 3), 0)
    x, y = points(network, 5)
    proof = certify(network, ball(x, 0.01), y, work=Work(), should_stop=lambda: True)
    assert not proof.proved.any()
    assert torch.isneginf(proof.margin).all()
