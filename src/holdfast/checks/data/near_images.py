"""Do test images stand in the training table too, moved, brightened or noisier?

**What it answers.** An image that was cropped, moved by a few pixels, saved again or photographed twice is no exact
copy, and a model remembers it all the same: a test on it measures memory.

**How.** For tables of pixels (``modality: image``): each image is laid out around the middle of what stands out of its
border, brought to 32 x 32 grey pixels and hashed by the signs of its lowest cosine frequencies. The training images
whose hashes differ in the fewest bits are compared by their pixels: *likeness* is the correlation, which neither
brightness nor contrast changes. How near is too near is settled in the training table: images count as copies from the
likeness on that one training image in 200 has to another one by coincidence. ``excess_overlap`` is the share of test
images with such a copy in training minus that share, each with its interval; images with an exact copy count on neither
side (see ``data.duplicates``).

**How to read it.** ``excess_overlap`` near 0 means that test images are no nearer to training images than training
images are to each other. ``moved_recall`` says how many of 300 training images are found that were moved by up to a
fourteenth of their side and given noise of 5 % of their range on purpose.

- *Good:* excess 0.0 % (-0.3 to 0.3) with a recall of 97 %.
- *Bad:* excess 4.1 % (3.5 to 4.7): look at the pairs, the most alike first.
- *Misleading:* excess 0 % for passport photographs that are all alike: with a recall of 20 %, copies cannot be told.

**Measured** (``benchmarks/near_copies.py``; 5,000 training images of handwritten digits, 500 copies of each kind).
Found: moved by up to 1, 2 and 4 of 28 pixels 100, 99.8 and 96.6 %; darker with less contrast 100 %; noise of 5 and 10 %
of the range 98 and 82 %, both moved and noisy 79 %. Beyond it: turned by 3 degrees 24 %, by 5 degrees 2 %, noise of
20 % under 1 %. Of 5,000 other images 0.5 % counted as copies, by coincidence 0.5 %.

**When it misleads.** Images that were turned, mirrored or strongly enlarged are not found. A training table with
altered copies of its own images (augmentation) makes coincidence look more likely than it is: then the excess is
understated. Several images of one object or person belong to ``group``.

**What to do about a bad one.** Look at ``pairs.parquet``; take copies out of the test table, or split again by what the
images come from, then train and audit again.

References: Zauner (2010), Implementation and benchmarking of perceptual image hash functions; Barz and Denzler (2020),
Do we train on test data? Journal of Imaging 6(6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.data.near_images import Nearest, Prepared
    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "Images that are nearly the same",
    "question": "Do test images stand in the training table too, moved, brightened or noisier?",
    "needs": ["train", "test"],
    "measures": [
        {"id": "overlap", "name": "Test images with a copy in the training table", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "expected_overlap", "name": "Copies that coincidence explains", "unit": "share",
         "direction": "neither", "range": [0, 1]},
        {"id": "excess_overlap", "name": "Copies beyond coincidence", "unit": "share",
         "direction": "lower_is_better", "range": [-1, 1]},
        {"id": "moved_recall", "name": "Images moved and given noise on purpose that are found", "unit": "share",
         "direction": "higher_is_better", "range": [0, 1]},
    ],
    "reads": ["image_shape", "modality"],
    "evidence_codes": ["DATAQ"],
    "references": [
        "Zauner (2010), Implementation and benchmarking of perceptual image hash functions",
        "Barz, Denzler (2020), Do we train on test data? Purging CIFAR of near-duplicates, Journal of Imaging 6(6)",
    ],
    "cost": "light",
    "effort": {"quick": {"images": 1000}, "default": {"images": 5000}, "thorough": {"images": 20000}},
}  # fmt: skip

REMEDIATION = (
    "Look at the listed pairs. Take copies out of the test table, or split again by what the images come from, then "
    "train and audit again: until then every score may be too good."
)
BY_COINCIDENCE = 0.005
TRIED, MOVED, NOISE = 300, 1 / 14, 0.05
FEWEST_IMAGES = 100
SHARES = Chart(
    id="near_images", title="Test images that nearly stand in the training table", kind="points", table="shares",
    x="overlap", y="share", low="low", high="high", y_title="share of test images",
    caption="The share found, and the share that coincidence explains; apart, they mean that images were copied.",
)  # fmt: skip


def run(subject: Subject, ctx: Context, *, height: int = 0, channels: int = 0) -> Outcome:
    """Look each test image up among the training images.

    Parameters
    ----------
    height
        Rows of pixels; 0 takes the deployment's ``image_shape``, else images for square ones.
    channels
        Numbers for each pixel, one beside the other; 0 takes ``image_shape``, else 1, or 3 where only that makes a
        square.
    """
    import numpy as np

    from holdfast.kernels.data.near_duplicates import exact_copies
    from holdfast.kernels.data.near_images import nearest_images, prepare_images

    train, test = _images(subject, height, channels)
    n_train, known = len(train), prepare_images(train)
    flat = np.concatenate([train.reshape(n_train, -1), test.reshape(len(test), -1)])
    copies = exact_copies(flat.view(np.int32).astype(np.int64), np.arange(len(flat)) < n_train)
    n_asked = int(ctx.effort.get("images", 5000))
    own = _drawn(np.flatnonzero(copies[:n_train] == 0), n_asked, ctx.rng)
    asked = _drawn(np.flatnonzero(copies[n_train:] == 0), n_asked, ctx.rng)
    if min(own.size, asked.size) < FEWEST_IMAGES:
        raise NotRun(
            f"{own.size} training and {asked.size} test images have no exact copy in training",
            hint=f"give {FEWEST_IMAGES} different images or more in each table; see data.duplicates",
        )
    among = nearest_images(prepare_images(train[own]), known, own=own)
    found = nearest_images(prepare_images(test[asked]), known)
    limit = float(np.quantile(among.likeness, 1.0 - BY_COINCIDENCE, method="higher"))
    share, chance, excess = _estimates(own, among, found, limit, ctx.level)
    pairs = _pairs(asked, found, limit)
    return Outcome(
        measurements=(
            *_measured(ctx.level, share, chance, excess, asked.size),
            _recall(train, known, limit, ctx),
        ),
        tables={
            "pairs": pairs,
            "shares": _shares(share, chance),
            "affected_rows": _affected(pairs if excess.low > 0.0 else pairs.head(0)),
        },
        charts=(SHARES,),
        remediation=REMEDIATION,
        assumptions=(
            f"Inputs are taken for images of {' x '.join(map(str, train.shape[1:]))} pixels, row by row; images count "
            f"as copies from a likeness of {limit:.4f} on, which one training image in {1 / BY_COINCIDENCE:.0f} has "
            "to another.",
        ),
        work={"images": own.size + asked.size},
    )


def _estimates(
    own: NDArray[np.int64], among: Nearest, found: Nearest, limit: float, level: float
) -> list[IntervalEstimate[float]]:
    """Share of test images with a copy, the share that coincidence explains, and the difference."""
    import numpy as np

    from holdfast.kernels.data.duplicates import beyond_chance
    from holdfast.kernels.data.near_duplicates import Twins, chance_of_a_twin
    from holdfast.kernels.stats.proportions import clopper_pearson

    n = int(max(own.max(), among.place.max())) + 1
    degree, first, is_own = np.zeros(n, dtype=np.int64), np.full(n, -1, dtype=np.int64), np.zeros(n, dtype=np.bool_)
    degree[own], first[own], is_own[own] = among.likeness >= limit, among.place, True
    chance = chance_of_a_twin(Twins(degree, first, np.zeros_like(degree)), is_own, level=level)
    is_copy = found.likeness >= limit
    share = clopper_pearson(int(is_copy.sum()), is_copy.size, level=level)
    return [share, chance, beyond_chance(is_copy, chance, level=level)]


def _pairs(asked: NDArray[np.int64], found: Nearest, limit: float) -> pl.DataFrame:
    import polars as pl

    columns = {"test_row": asked, "train_row": found.place, "likeness": found.likeness}
    return pl.DataFrame(columns).filter(pl.col("likeness") >= limit).sort("likeness", descending=True)


def _affected(pairs: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    reason = pl.format("training image {}, likeness {}", "train_row", pl.col("likeness").round(3))
    return pairs.select(pl.lit("test").alias("table"), row="test_row", reason=reason)


def _shares(share: IntervalEstimate[float], chance: IntervalEstimate[float]) -> pl.DataFrame:
    import polars as pl

    lines = [("found", *share), ("by coincidence", *chance)]
    return pl.DataFrame(lines, schema=["overlap", "share", "low", "high"], orient="row")


def _images(subject: Subject, height: int, channels: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Images of both tables, ``(n, height, width[, channels])``."""
    import numpy as np

    from holdfast.kernels.robustness.pixels import as_images, image_layout

    if subject.deployment.modality != "image":
        raise NotApplicable("the inputs are no images", hint="state modality: image under deployment where they are")
    if subject.train is None or subject.test is None:
        raise NotRun("there is no training and test table", hint="give --train and --test")
    names, parts = list(subject.features), []
    layout = image_layout(len(names), subject.deployment.image_shape, height=height, channels=channels)
    if layout is None:
        raise NotApplicable(
            f"{len(names)} inputs make no square image, grey or of three channels, of 4 x 4 pixels or more",
            hint="state image_shape under deployment: [channels, height, width]",
        )
    for table in (subject.train, subject.test):
        frame = table.frame.select(names)
        words = [name for name, kind in frame.schema.items() if not kind.is_numeric()]
        if words:
            raise NotApplicable(f"the input {words[0]!r} is no number", hint="leave out what is no pixel, by ignore")
        cells = np.column_stack([each.astype(np.float32) for each in subject.cells(frame).values()])
        if not np.isfinite(cells).all():
            raise NotRun(f"pixels are missing in the {table.name} table", hint="fill them or leave these rows out")
        images = as_images(cells, layout).transpose(0, 2, 3, 1)
        parts.append(np.ascontiguousarray(images[..., 0] if layout.shape[0] == 1 else images))
    return parts[0], parts[1]


def _drawn(rows: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    import numpy as np

    return np.sort(rng.permutation(rows)[:n])


def _measured(
    level: float,
    share: IntervalEstimate[float],
    chance: IntervalEstimate[float],
    excess: IntervalEstimate[float],
    n: int,
) -> list[Measured]:
    from holdfast.kernels.performance.frequencies import frequency

    cases, count = frequency(*(max(end, 0.0) for end in excess))
    plain = f"Of {cases} test images, about {count} are altered copies of training images, beyond coincidence."
    return [
        _share("overlap", share, "Clopper-Pearson", level, n, ""),
        _share("expected_overlap", chance, "Wilson at the effective size of the jackknife's variance", level, n, ""),
        _share("excess_overlap", excess, "Newcombe's square-and-add", level, n, plain),
    ]


def _recall(train: NDArray[np.float32], known: Prepared, limit: float, ctx: Context) -> Measured:
    """Move training images, add noise, and see how many are found."""
    import numpy as np

    from holdfast.kernels.data.near_images import nearest_images, prepare_images
    from holdfast.kernels.stats.proportions import clopper_pearson

    rows = ctx.rng.permutation(len(train))[:TRIED]
    by = np.rint(ctx.rng.uniform(-MOVED, MOVED, (rows.size, 2)) * train.shape[1:3]).astype(np.int64)
    made = np.stack([np.roll(train[row], shift, axis=(0, 1)) for row, shift in zip(rows, by, strict=True)])
    made = made + ctx.rng.normal(0.0, NOISE * float(np.ptp(train)), made.shape)
    found = nearest_images(prepare_images(np.clip(made, train.min(), train.max())), known)
    n_found = int((found.likeness >= limit).sum())
    recall = clopper_pearson(n_found, rows.size, level=ctx.level)
    plain = f"Of {rows.size} training images that were moved and given noise on purpose, {recall.value:.0%} were found."
    return _share("moved_recall", recall, "Clopper-Pearson", ctx.level, rows.size, plain)


def _share(id: str, found: IntervalEstimate[float], method: str, level: float, n: int, plain: str) -> Measured:
    interval = Interval(low=found.low, high=found.high, level=level, method=method)
    return Measured(id=id, value=found.value, interval=interval, n=n, plain=plain)
