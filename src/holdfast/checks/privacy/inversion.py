"""Do inputs that are reconstructed from the network resemble the rows it was trained on?

**What it answers.** Who holds a neural network can ask it for the input that it takes most surely for a class: a face
for a name, a typical patient for a diagnosis. Such pictures look frightening, and often say nothing about anybody: they
show what the class has in common, which other people of the class show as well. This check measures what a
reconstruction gives away about the rows of *this* training table.

**How.** Half of the test table plays what the attacker knows without the model: the average of each class. From there
an input is sought by the gradient that the network takes most surely for the class, near the average and within the
ranges of the known rows (after Fredrikson et al.). Training rows and the other half of the test table are then
measured, in units of the usual deviation: how much nearer is the row to the reconstruction of its class than to the
class's average? Where the model had nothing to give away about its own rows, training rows and other rows of a class
are nearer equally often. Where copies can be trained, a second reconstruction comes from a copy that never saw the
training rows (it learnt from the known half), and takes the place of the average. Where the deployment says that data
are public or internal, the report shows reconstructions of images beside the training row that they come nearest to.

**How to read it.** ``member_auc`` is the probability that a random training row is nearer, in that sense, than a random
other row of its class: 0.5 is chance. ``member_auc_over_copy`` is the same against the copy's reconstruction.
``beats_class_mean`` is the share of training rows that lie nearer to the reconstruction than to the average that
anybody with such rows computes: near 0 the reconstruction is no likeness of anybody, whatever it looks like.

- *Good:* ``member_auc`` 0.507 (0.485 to 0.529): chance lies in the interval.
- *Bad:* ``member_auc`` 0.81 (0.78 to 0.84): reconstructions lie on the side of the rows that were learnt by heart.
- *Misleading:* ``beats_class_mean`` 0.4 with ``member_auc`` 0.5: reconstructions resemble the class well, training rows
  no more than others; they reveal what the class is, not who was in the table.

**When it misleads.** Both areas compare the two tables: where they differ for another reason, such as time, they differ
from 0.5 without any leak. ``privacy.membership`` tests for that first (``blind_auc``). All are lower bounds: another
attack may find more. Finding nothing is no proof.

**What to do about a bad one.** Stop training earlier, regularise, train on more rows for each class, or train with
differential privacy; keep the network's file from those who need only its answers.

References
----------
Fredrikson, M., Jha, S. and Ristenpart, T. (2015). Model inversion attacks that exploit confidence information and
basic countermeasures. CCS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import ModelError, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject, Table

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.core.network import RawNetwork
    from holdfast.kernels.stats.interval import IntervalEstimate

    Numbers = NDArray[np.float64]

SPEC = {
    "title": "Model inversion",
    "question": "Do inputs that are reconstructed from the network resemble the rows it was trained on?",
    "needs": ["train", "test", "target", "query", "gradients"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {"id": "member_auc", "name": "Training rows nearer to the reconstruction than other rows", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "member_auc_over_copy", "name": "The same, against a network without these rows", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "beats_class_mean", "name": "Training rows nearer to the reconstruction than to the known average",
         "unit": "share", "direction": "neither", "range": [0, 1]},
    ],
    "reads": ["image_shape", "modality", "sensitivity"],
    "evidence_codes": ["INVERT"],
    "references": [
        "Fredrikson, Jha, Ristenpart (2015), Model inversion attacks that exploit confidence information, CCS",
    ],
    "cost": "medium",
    "effort": {
        "quick": {"points": 1000, "steps": 100},
        "default": {"points": 5000, "steps": 300},
        "thorough": {"points": 50000, "steps": 1000},
    },
}  # fmt: skip

FEWEST = 50
MOST_PICTURES = 6
MOST_LINES = 50
REMEDIATION = (
    "Stop training earlier, regularise, train on more rows for each class, or train with differential privacy; keep "
    "the network's file from those who need only its answers."
)
KEPT_BACK = "Reconstructions are shown only where the deployment says that the data are public or internal."
CHART = Chart(
    id="classes", title="Training rows nearer to the reconstruction of their class than other rows", kind="points",
    table="classes", x="class", y="member_auc", low="low", high="high", reference=0.5, y_title="area (0.5 is chance)",
    caption="Above one half, what the network shows of a class lies on the side of the rows it was trained on.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of a table as numbers, with their classes and their places in the table."""

    frame: pl.DataFrame
    cells: Numbers
    y: NDArray[np.int64]
    places: NDArray[np.int64]

    def part(self, chosen: NDArray[np.int64]) -> _Rows:
        return _Rows(self.frame[chosen], self.cells[chosen], self.y[chosen], self.places[chosen])


@dataclass(frozen=True, slots=True)
class _Likeness:
    """A point for each class: what is known, what the network shows, what a copy without the rows shows, ``(k, d)``."""

    unit: Numbers
    means: Numbers
    found: Numbers
    of_copy: Numbers | None


def run(subject: Subject, ctx: Context) -> Outcome:
    """Reconstruct an input for each class and compare it with training rows and others."""
    from importlib.util import find_spec

    import numpy as np

    from holdfast.kernels.privacy.inversion import class_means

    if find_spec("torch") is None:
        hint = "pip install 'holdfast[torch]'"
        raise NotRun("reconstructing inputs from a network needs torch, which is not installed", hint=hint)
    assert subject.train is not None
    assert subject.test is not None
    network = subject.network()
    points = ctx.effort.get("points", 5000)
    members, rest = _rows(subject, subject.train, points, ctx), _rows(subject, subject.test, 2 * points, ctx)
    known, others = (rest.part(np.arange(start, rest.y.size, 2)) for start in (0, 1))
    # a class is compared where there is an average of known rows, and a row on either side
    every = np.arange(len(subject.classes))
    compared = every[np.all([np.isin(every, side.y) for side in (known, members, others)], axis=0)]
    sides = [side.part(np.flatnonzero(np.isin(side.y, compared))) for side in (members, others)]
    if min(side.y.size for side in sides) < FEWEST:
        raise NotRun(
            f"there are {sides[0].y.size} training rows and {sides[1].y.size} others of classes that both tables hold; "
            f"fewer than {FEWEST} say nothing",
            hint="give larger tables, with rows of the same classes",
        )
    is_image = len(network.input_shape) == 3 or subject.deployment.modality == "image"
    unit = _unit(known.cells, is_whole=is_image)
    means = class_means(known.cells, known.y, n_classes=every.size)
    found = _inverted(network, known.cells, means, unit, ctx)
    likeness = _Likeness(unit, means, found, _of_copy(subject, ctx, unit, known, means))
    outcome = _compared(subject, ctx, likeness, *sides, n_known=known.y.size)
    return _shown(subject, network.input_shape, likeness, sides[0], outcome) if is_image else outcome


def _rows(subject: Subject, table: Table, most: int, ctx: Context) -> _Rows:
    """Choose rows without missing cells whose class the model has."""
    import numpy as np
    import polars as pl

    frame, y = table.frame.select(subject.features), np.asarray(subject.y(table), dtype=np.int64)
    cells = frame.cast(pl.Float64).to_numpy()
    usable = np.flatnonzero((y >= 0) & np.isfinite(cells).all(axis=1))
    chosen = ctx.rng.permutation(usable)[:most]
    return _Rows(frame[chosen], cells[chosen], y[chosen], chosen)


def _unit(cells: Numbers, *, is_whole: bool) -> Numbers:
    """The usual deviation of each column; of all pixels together, or those that are rarely used would count most."""
    import numpy as np

    spread = cells.std(axis=0)
    return np.full(spread.size, np.sqrt(np.mean(spread**2))) if is_whole else spread


def _inverted(network: RawNetwork, known: Numbers, means: Numbers, unit: Numbers, ctx: Context) -> Numbers:
    """Reconstruct an input for each class, ``(n_classes, n_columns)``, from its average or that of all."""
    import numpy as np

    from holdfast.kernels.torch_networks.forward import as_function
    from holdfast.kernels.torch_privacy.inversion import invert_classes

    shape = network.input_shape
    starts = np.where(np.isfinite(means), means, known.mean(axis=0))
    found = invert_classes(
        as_function(network),
        network.link,
        starts.reshape(-1, *shape),
        unit=unit.reshape(shape),
        low=known.min(axis=0).reshape(shape),
        high=known.max(axis=0).reshape(shape),
        n_steps=ctx.effort.get("steps", 300),
    )
    return found.reshape(starts.shape)


def _of_copy(subject: Subject, ctx: Context, unit: Numbers, known: _Rows, means: Numbers) -> Numbers | None:
    """Reconstruct from a copy that was trained on the known rows only, where one can be trained and read."""
    assert subject.info is not None
    if "refit" not in subject.info.capabilities:
        return None
    try:
        with subject.retrained(known.frame, known.y, seed=ctx.seed % 2**31) as copy:
            return _inverted(copy.network(), known.cells, means, unit, ctx)
    except (ModelError, NotRun):
        return None


def _compared(
    subject: Subject, ctx: Context, likeness: _Likeness, members: _Rows, others: _Rows, *, n_known: int
) -> Outcome:
    import numpy as np

    from holdfast.kernels.privacy.inversion import nearness, ranks_within
    from holdfast.kernels.stats.delong import auc_delong
    from holdfast.kernels.stats.proportions import clopper_pearson

    cells, y = np.concatenate([members.cells, others.cells]), np.concatenate([members.y, others.y])
    is_member, unit, found = np.arange(y.size) < members.y.size, likeness.unit, likeness.found
    gains = nearness(cells, y, found, likeness.means, unit=unit)
    area = auc_delong(is_member, ranks_within(gains, y), level=ctx.level)
    share = clopper_pearson(int((gains[is_member] > 0).sum()), members.y.size, level=ctx.level)
    plain = (
        f"Of a training row and another row of its class, the training row lies nearer to what the network shows in "
        f"{100 * area.value:.0f} % of cases; 50 % is chance."
    )
    measured = [
        _measured(ctx, "member_auc", area, "DeLong, on ranks within classes", y.size, plain),
        _measured(ctx, "beats_class_mean", share, "Clopper-Pearson", members.y.size),
    ]
    notes = [
        f"{n_known:,} rows of the test table play what is known without the network; {members.y.size:,} training rows "
        f"and {others.y.size:,} others were compared."
    ]
    if likeness.of_copy is None:
        notes.append("No copy of the network could be trained without its rows; the class averages stand in for it.")
    else:
        over = ranks_within(nearness(cells, y, found, likeness.of_copy, unit=unit), y)
        found_over = auc_delong(is_member, over, level=ctx.level)
        measured.append(_measured(ctx, "member_auc_over_copy", found_over, "DeLong, on ranks within classes", y.size))
    return Outcome(
        measurements=tuple(measured),
        tables={"classes": _by_class(subject, ctx, gains, y, is_member)},
        charts=(CHART,) if np.unique(y).size <= MOST_LINES else (),
        remediation=REMEDIATION,
        assumptions=tuple(notes),
        work={"points": int(y.size), "classes": len(subject.classes)},
    )


def _shown(
    subject: Subject, input_shape: tuple[int, ...], likeness: _Likeness, members: _Rows, outcome: Outcome
) -> Outcome:
    """Add the best likenesses, where whole rows may be shown, or say that they are not."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.privacy.inversion import best_likenesses
    from holdfast.kernels.robustness.pictures import picture_shape

    if subject.deployment.sensitivity not in ("public", "internal"):
        return replace(outcome, assumptions=(*outcome.assumptions, KEPT_BACK))
    stated = input_shape if len(input_shape) == 3 else subject.deployment.image_shape
    shape = picture_shape(len(subject.features), stated)
    if shape is None:
        return outcome
    at, ratio = best_likenesses(members.cells, members.y, likeness.found, likeness.means, unit=likeness.unit)
    at, ratio = at[:MOST_PICTURES], ratio[:MOST_PICTURES]
    y, (channels, height, width) = members.y[at], shape
    images = {"reconstruction": likeness.found[y], "training": members.cells[at], "average": likeness.means[y]}
    flat = {
        name: each.reshape(-1, *shape).transpose(0, 2, 3, 1).reshape(at.size, -1).tolist()
        for name, each in images.items()
    }
    told = {
        "row": members.places[at],
        "class": [str(subject.classes[each]) for each in y],
        "ratio": ratio,
        "shape": [[height, width, channels]] * at.size,
        "low": np.full(at.size, members.cells.min()),
        "high": np.full(at.size, members.cells.max()),
    }
    return replace(outcome, tables={**outcome.tables, "likenesses": pl.DataFrame({**told, **flat})})


def _by_class(
    subject: Subject, ctx: Context, gains: Numbers, y: NDArray[np.int64], is_member: NDArray[np.bool_]
) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    from holdfast.kernels.stats.delong import auc_delong

    lines = []
    for each in np.unique(y):
        is_own = y == each
        area = auc_delong(is_member[is_own], gains[is_own], level=ctx.level)
        if area.value == area.value:
            counts = int((is_own & is_member).sum()), int((is_own & ~is_member).sum())
            lines.append((str(subject.classes[each]), *counts, *area))
    schema = {"class": pl.String, "members": pl.Int64, "others": pl.Int64}
    return pl.DataFrame(lines, schema=schema | dict.fromkeys(("member_auc", "low", "high"), pl.Float64), orient="row")


def _measured(ctx: Context, id: str, found: IntervalEstimate[float], method: str, n: int, plain: str = "") -> Measured:
    interval = Interval(low=found.low, high=found.high, level=ctx.level, method=method)
    return Measured(id=id, value=found.value, interval=interval, n=n, plain=plain)
