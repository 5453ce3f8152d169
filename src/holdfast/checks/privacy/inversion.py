"""Do inputs that are reconstructed from the network resemble the rows it was trained on?

**What it answers.** Who holds a neural network can ask it for the input that it takes most surely for a class: a face
for a name, a typical patient for a diagnosis. Such pictures look frightening, and often say nothing about anybody: they
show what the class has in common, which other people of the class show as well. This check measures what a
reconstruction gives away about the rows of *this* training table.

**How.** For each class an input is sought by the gradient, from the average of the known rows, within their ranges,
near them and, for images, smooth (Fredrikson et al.). Half of the test table plays what the attacker knows without the
model: the average row, and the average of each class. Training rows and the other half of the test table are then
measured, in units of the usual deviation: how much nearer is the row to the reconstruction of its class than to the
class's average? Where the model had nothing to give away about its own rows, training rows and other rows of a class
are nearer equally often. Where copies can be trained, a second reconstruction comes from a copy that never saw the
training rows (it learnt from the known half), and takes the place of the average.

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

from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import MissingExtra, ModelError, NotApplicable, NotRun
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
    "needs": ["train", "test", "target", "query"],
    "measures": [
        {"id": "member_auc", "name": "Training rows nearer to the reconstruction than other rows", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "member_auc_over_copy", "name": "The same, against a network without these rows", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "beats_class_mean", "name": "Training rows nearer to the reconstruction than to the known average",
         "unit": "share", "direction": "neither", "range": [0, 1]},
    ],
    "reads": ["modality"],
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
SMOOTHNESS = 0.05
REMEDIATION = (
    "Stop training earlier, regularise, train on more rows for each class, or train with differential privacy; keep "
    "the network's file from those who need only its answers."
)
CHART = Chart(
    id="classes", title="Training rows nearer to the reconstruction of their class than other rows", kind="points",
    table="classes", x="class", y="member_auc", low="low", high="high", reference=0.5, y_title="area (0.5 is chance)",
    caption="Above one half, what the network shows of a class lies on the side of the rows it was trained on.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of a table as numbers, with their classes."""

    frame: pl.DataFrame
    cells: Numbers
    y: NDArray[np.int64]

    def part(self, chosen: NDArray[np.int64]) -> _Rows:
        return _Rows(self.frame[chosen], self.cells[chosen], self.y[chosen])


def run(subject: Subject, ctx: Context) -> Outcome:
    """Reconstruct an input for each class and compare it with training rows and others."""
    import numpy as np

    if subject.task == "regression":
        raise NotApplicable("there are no classes to reconstruct", hint="ask about a classifier")
    if subject.info is None or "gradients" not in subject.info.capabilities:
        raise NotRun("there is no neural network to read", hint="give an ONNX or PyTorch network with --model")
    assert subject.train is not None
    assert subject.test is not None
    network = subject.network()
    points = ctx.effort.get("points", 5000)
    members, rest = _rows(subject, subject.train, points, ctx), _rows(subject, subject.test, 2 * points, ctx)
    known, others = (rest.part(np.arange(start, rest.y.size, 2)) for start in (0, 1))
    if min(members.y.size, others.y.size) < FEWEST:
        raise NotRun(
            f"there are {members.y.size} training rows and {others.y.size} others of the classes known without the "
            f"model; fewer than {FEWEST} say nothing",
            hint="give larger tables",
        )
    is_image = len(network.input_shape) == 3
    unit = _unit(known.cells, is_whole=is_image or subject.deployment.modality == "image")
    found = _inverted(network, known.cells, unit, len(subject.classes), ctx)
    return _compared(subject, ctx, unit, found, members, known, others, _of_copy(subject, ctx, unit, known))


def _rows(subject: Subject, table: Table, most: int, ctx: Context) -> _Rows:
    """Choose rows without missing cells whose class the model has."""
    import numpy as np
    import polars as pl

    frame, y = table.frame.select(subject.features), np.asarray(subject.y(table), dtype=np.int64)
    cells = frame.cast(pl.Float64).to_numpy()
    usable = np.flatnonzero((y >= 0) & np.isfinite(cells).all(axis=1))
    chosen = ctx.rng.permutation(usable)[:most]
    return _Rows(frame[chosen], cells[chosen], y[chosen])


def _unit(cells: Numbers, *, is_whole: bool) -> Numbers:
    """The usual deviation of each column; of all pixels together, or those that are rarely used would count most."""
    import numpy as np

    spread = cells.std(axis=0)
    return np.full(spread.size, np.sqrt(np.mean(spread**2))) if is_whole else spread


def _inverted(network: RawNetwork, known: Numbers, unit: Numbers, n_classes: int, ctx: Context) -> Numbers:
    """Reconstruct an input for each class, ``(n_classes, n_columns)``."""
    try:
        from holdfast.kernels.torch_networks.forward import as_function
        from holdfast.kernels.torch_privacy.inversion import invert_classes
    except ImportError:
        raise MissingExtra("reconstructing inputs from a neural network", "torch") from None

    shape = network.input_shape
    found = invert_classes(
        as_function(network),
        network.link,
        known.mean(axis=0).reshape(shape),
        n_classes=n_classes,
        unit=unit.reshape(shape),
        low=known.min(axis=0).reshape(shape),
        high=known.max(axis=0).reshape(shape),
        n_steps=ctx.effort.get("steps", 300),
        smoothness=SMOOTHNESS if len(shape) == 3 else 0.0,
    )
    return found.reshape(n_classes, -1)


def _of_copy(subject: Subject, ctx: Context, unit: Numbers, known: _Rows) -> Numbers | None:
    """Reconstruct from a copy that was trained on the known rows only, where one can be trained and read."""
    assert subject.info is not None
    if "refit" not in subject.info.capabilities:
        return None
    try:
        with subject.retrained(known.frame, known.y, seed=ctx.seed % 2**31) as copy:
            return _inverted(copy.network(), known.cells, unit, len(subject.classes), ctx)
    except (ModelError, NotRun):
        return None


def _compared(
    subject: Subject,
    ctx: Context,
    unit: Numbers,
    found: Numbers,
    members: _Rows,
    known: _Rows,
    others: _Rows,
    of_copy: Numbers | None,
) -> Outcome:
    import numpy as np

    from holdfast.kernels.privacy.inversion import class_means, nearness, ranks_within
    from holdfast.kernels.stats.delong import auc_delong
    from holdfast.kernels.stats.proportions import clopper_pearson

    means = class_means(known.cells, known.y, n_classes=len(subject.classes))
    # of a class that the attacker knows no row of there is no average to compare with
    is_known = np.asarray(np.isfinite(means).all(axis=1))
    sides = [side.part(np.flatnonzero(is_known[side.y])) for side in (members, others)]
    cells, y = (np.concatenate(parts) for parts in zip(*((side.cells, side.y) for side in sides), strict=True))
    is_member = np.arange(y.size) < sides[0].y.size
    gains = nearness(cells, y, found, means, unit=unit)
    area = auc_delong(is_member, ranks_within(gains, y), level=ctx.level)
    n_nearer = int((gains[is_member] > 0).sum())
    share = clopper_pearson(n_nearer, sides[0].y.size, level=ctx.level)
    plain = f"In {area.value:.0%} of cases a training row is nearer than another row of its class; 50 % is chance."
    measured = [
        _measured(ctx, "member_auc", area, "DeLong, on ranks within classes", y.size, plain),
        _measured(ctx, "beats_class_mean", share, "Clopper-Pearson", sides[0].y.size),
    ]
    notes = [
        f"{known.y.size:,} rows of the test table play what is known without the network; {sides[0].y.size:,} training "
        f"rows and {sides[1].y.size:,} others were compared."
    ]
    if of_copy is None:
        notes.append("No copy of the network could be trained without its rows; the class averages stand in for it.")
    else:
        over = ranks_within(nearness(cells, y, found, of_copy, unit=unit), y)
        found_over = auc_delong(is_member, over, level=ctx.level)
        measured.append(_measured(ctx, "member_auc_over_copy", found_over, "DeLong, on ranks within classes", y.size))
    return Outcome(
        measurements=tuple(measured),
        tables={"classes": _by_class(subject, ctx, gains, y, is_member)},
        charts=(CHART,),
        remediation=REMEDIATION,
        assumptions=tuple(notes),
        work={"points": int(y.size), "classes": len(subject.classes)},
    )


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
