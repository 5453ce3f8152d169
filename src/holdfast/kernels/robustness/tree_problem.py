"""A tree model, its table and a threat, put together for the search over trees; changed rows as columns of cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.composition import GRID, Composition, agreement, compose
from holdfast.kernels.robustness.constraints import Budget, CategoryLimits, NumericLimits
from holdfast.kernels.robustness.ensemble import scores
from holdfast.kernels.robustness.feature_tracing import Features, NotComposable
from holdfast.kernels.robustness.forest import ROUNDING, Forest, forest_of
from holdfast.kernels.robustness.joined_columns import Joined, apart, as_objects, joined_of, together
from holdfast.kernels.robustness.limits import Rules
from holdfast.kernels.robustness.trees import MOST_WORK, Reach, attack_trees
from holdfast.kernels.robustness.turning_points import LARGEST
from holdfast.kernels.robustness.user_columns import CategoryColumn, NumberColumn, UserColumn, encoded

if TYPE_CHECKING:
    import polars as pl

    from holdfast.core.subject import RawTrees, Subject

Cells = Mapping[str, NDArray[Any]]
# Half the distance of 1 to the next number of single precision: the largest relative error of one addition.
UNIT = 2.0**-24
# Answers are rounded too; scores this close may be decided either way whatever the trees.
TIE = 1e-5
# Few enough that a clock is looked at often.
POINTS_AT_ONCE = 8
# No point may take more than this part of the work for all.
LARGEST_SHARE = 20
ONE_INPUT, RUNS, STAYS = 1, 2, 3


@dataclass(slots=True)
class Work:
    """The work that searches may do together, in steps down a tree: the same rows are searched on any machine."""

    most: int = MOST_WORK
    used: int = 0

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.used >= self.most

    @property
    def for_one(self) -> int:
        """The most that one point may take, whatever was used before."""
        return max(self.most // LARGEST_SHARE, 1)


class TreeProblem(NamedTuple):
    """A composed model and what may happen to its columns."""

    columns: Mapping[str, UserColumn]
    """Columns that move together are one of them, behind the others."""
    joined: tuple[Joined, ...]
    forest: Forest
    reach: Reach
    budget: Budget
    tie: float
    """Scores this close may be decided either way by a model that adds in single precision."""
    doubt: str
    """Why lower bounds of the search are no proof, in words; empty where they are."""

    def shifted(self, by: NDArray[np.float64]) -> TreeProblem:
        """Add numbers, shape ``(n_classes,)``, to the scores of all rows."""
        rounding = self.forest.rounding + ROUNDING * float(np.abs(by).max())
        forest = self.forest._replace(base=self.forest.base + by, rounding=rounding)
        return self._replace(forest=forest, tie=_tie(forest))


class Changed(NamedTuple):
    """Changed rows, as columns, and what is known of them; all fields but ``cells`` have shape ``(n_points,)``."""

    cells: Mapping[str, NDArray[Any]]
    distance: NDArray[np.float64]
    """inf where no flip was found."""
    lower: NDArray[np.float64]
    """No flip within the budget is closer than this, inf if there is none at all; NaN where nothing is proved."""
    queries: NDArray[np.int64]
    is_done: NDArray[np.bool_]
    """Whether the search of the row ran to its end; false where it was stopped."""

    def first(self, n: int) -> Changed:
        """Return the first rows alone."""
        cells = {name: values[:n] for name, values in self.cells.items()}
        return Changed(cells, self.distance[:n], self.lower[:n], self.queries[:n], self.is_done[:n])


def tree_problem(
    trees: RawTrees,
    features: Features,
    *,
    points: Cells,
    labels: NDArray[np.int64],
    rules: Rules,
    rng: np.random.Generator,
    seen: Cells | None = None,
) -> TreeProblem:
    """Compose the trees with the pipeline in front of them and write the threat as arrays.

    Parameters
    ----------
    trees, features, rng
        As in :func:`holdfast.kernels.robustness.composition.compose`.
    points
        The rows to attack, all columns of the pipeline by name, each ``(n_points,)``.
    labels
        What the model answers them, as positions in score order.
    rules
        What may happen to the columns, and how far. Columns that they do not name stay as they are.
    seen
        Columns of the training data. Their values are asked about too where it is not known how the pipeline moves.

    Raises
    ------
    NotComposable
        When the pipeline mixes columns, or the composed trees answer some point otherwise than the model.

    Notes
    -----
    Of a map of numbers, answers on a grid say nothing about what lies between. So the search proves something only
    where it is known that the map runs one way between the points of the grid, or where the grid is all there is.
    """
    joined = joined_of(points, rules)
    given = together(points, joined)
    front = trees.front
    turns: dict[str, NDArray[np.float64] | None] = dict.fromkeys(points)
    if front is not None and front.motion[trees.column[trees.column >= 0]].min(initial=STAYS) >= RUNS:
        turns = {name: _joint_turns(front.turns, name, f"#{place}") for place, name in enumerate(points)}
    columns: dict[str, UserColumn] = {
        name: _column(values, rules.limits.get(name), turns.get(name), None if seen is None else seen.get(name))
        for name, values in given.items()
        if name in points
    }
    columns |= {each.name: _joint(each, given[each.name]) for each in joined}
    made = compose(trees, lambda cells: features(apart(cells, joined, like=points)), columns, rng=rng)
    forest = forest_of(made.ensemble)
    tie = _tie(forest)
    same = agreement(scores(made.ensemble, encoded(columns, given)), link=trees.link, labels=labels, tie=tie)
    if same.differing.size:
        raise NotComposable(
            f"the trees that were read answer {same.differing.size} of {len(labels)} rows otherwise than the model"
        )
    doubt = _doubt_of_rules(rules, points, joined) or _doubt_of_front(trees, made, columns)
    return TreeProblem(columns, joined, forest, _reach(columns, joined, rules), rules.budget, tie, doubt)


def problem_about(
    subject: Subject,
    points: pl.DataFrame,
    labels: NDArray[np.int64],
    *,
    rules: Rules,
    rng: np.random.Generator,
    seen: Cells | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> TreeProblem:
    """Write the trees of a subject's model as a problem about some rows of its table.

    Parameters
    ----------
    points
        The rows, columns ``features``.
    labels, rules, rng, seen
        As in :func:`tree_problem`.
    should_stop
        Asked before each question to the pipeline.

    Raises
    ------
    NotComposable
        As :func:`tree_problem` does, and where it was stopped.
    """

    def features(cells: Cells) -> NDArray[np.float64]:
        if should_stop():
            raise NotComposable("the time was up while the pipeline in front of them was read")
        return subject.tree_features(subject.frame(cells, points))

    cells = subject.cells(points)
    return tree_problem(subject.trees(), features, points=cells, labels=labels, rules=rules, rng=rng, seen=seen)


def search_trees(
    problem: TreeProblem,
    points: Cells,
    y: NDArray[np.int64],
    *,
    max_parts: int,
    work: Work | None = None,
    is_beyond_ties: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Changed:
    """Search the closest flip of every point within the budget, and prove how close any can be.

    Scores within a rounding error of a tie count as flips here, so that what is proved holds for a model that adds in
    single precision; whether a flip is one is for the model to say.

    Parameters
    ----------
    problem, points, y
        From :func:`tree_problem`; rows, and the labels to flip from.
    max_parts
        Parts of boxes per point.
    work
        What all searches may do together; once it is spent, the rest is left as it is.
    is_beyond_ties
        Search flips that no rounding error undoes instead; then nothing is proved, and work that is spent is no end.
    should_stop
        Asked between small parts of the points; True leaves the rest as it is.
    """
    given = together(points, problem.joined)
    X = encoded(problem.columns, given)
    n, work = len(y), work or Work()
    point, distance, lower = X.copy(), np.full(n, np.inf), np.full(n, np.nan)
    is_done = np.zeros(n, dtype=np.bool_)
    for start in range(0, n, POINTS_AT_ONCE):
        if should_stop() or (work.is_spent and not is_beyond_ties):
            break
        part = slice(start, start + POINTS_AT_ONCE)
        found = attack_trees(
            problem.forest,
            X[part],
            y[part],
            reach=problem.reach,
            norm=problem.budget.norm,
            max_distance=problem.budget.distance,
            slack=problem.tie if is_beyond_ties else -problem.tie,
            max_parts=max_parts,
            max_work=work.for_one,
        )
        work.used += int(found.work.sum())
        point[part], distance[part], lower[part], is_done[part] = found.points, found.distance, found.lower, True
    none_exists = ~np.isfinite(distance) & (lower >= problem.budget.distance)
    lower = np.where(none_exists, np.inf, lower)
    if is_beyond_ties or problem.doubt:
        lower = np.full(n, np.nan)
    lower = np.where(_is_covered(problem, X), lower, np.nan)
    cells = apart(_changed_cells(problem, X, given, point), problem.joined, like=points)
    return Changed(cells, distance, lower, np.zeros(n, dtype=np.int64), is_done)


def replaced(first: Changed, second: Changed, rows: NDArray[np.int64], is_better: NDArray[np.bool_]) -> Changed:
    """Put what a second search found at ``rows`` in the place of the first where it is better; add its queries."""
    better = rows[is_better]
    cells = {name: values.copy() for name, values in first.cells.items()}
    for name, values in second.cells.items():
        cells[name][better] = values[is_better]
    distance, queries = first.distance.copy(), first.queries.copy()
    distance[better] = second.distance[is_better]
    queries[rows] += second.queries
    is_done = first.is_done.copy()
    is_done[rows] &= second.is_done
    return Changed(cells, distance, first.lower, queries, is_done)


def _changed_cells(
    problem: TreeProblem, X: NDArray[np.float64], points: Cells, changed_to: NDArray[np.float64]
) -> dict[str, NDArray[Any]]:
    """Return the columns of the changed rows; cells that the search left alone keep their very value."""
    changed: dict[str, NDArray[Any]] = {}
    for j, (name, column) in enumerate(problem.columns.items()):
        moved = np.flatnonzero((changed_to[:, j] != X[:, j]) & ~np.isnan(changed_to[:, j]))
        values = points[name].copy()
        new = changed_to[moved, j]
        values[moved] = column.levels[new.astype(np.int64)] if isinstance(column, CategoryColumn) else new
        changed[name] = values
    return changed


def _is_covered(problem: TreeProblem, X: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the search speaks of a row: no infinite number in it, and joined columns as they should be."""
    covered = np.asarray(~np.isinf(X).any(axis=1))
    names = list(problem.columns)
    for each in problem.joined:
        covered = covered & (X[:, names.index(each.name)] < len(each.known))
    return covered


def _joint_turns(turns: Mapping[str, NDArray[np.float64]], *names: str) -> NDArray[np.float64]:
    return np.unique(np.concatenate([np.zeros(0), *(turns[name] for name in names if name in turns)]))


def _column(
    values: NDArray[Any],
    rule: NumericLimits | CategoryLimits | None,
    turns: NDArray[np.float64] | None,
    seen: NDArray[Any] | None,
) -> UserColumn:
    if values.dtype.kind == "f":
        finite = values[np.isfinite(values)]
        ends = [finite.min(), finite.max()] if finite.size else [0.0, 0.0]
        if isinstance(rule, NumericLimits):
            ends = [min(ends[0], rule.low), max(ends[1], rule.high)]
        is_whole = isinstance(rule, NumericLimits) and rule.is_whole and bool((finite == np.floor(finite)).all())
        can_miss = bool(np.isnan(values).any())
        known = finite if turns is not None or seen is None else np.concatenate([finite, seen[np.isfinite(seen)]])
        return NumberColumn(known, float(ends[0]), float(ends[1]), is_whole=is_whole, can_miss=can_miss, turns=turns)
    present = {value for value in values.tolist() if value is not None}
    allowed = rule.levels if isinstance(rule, CategoryLimits) else frozenset()
    levels = sorted(present | allowed, key=str) or [""]
    return CategoryColumn(np.array(levels, dtype=object), can_miss=bool((values == np.array(None)).any()))


def _joint(joined: Joined, values: NDArray[Any]) -> CategoryColumn:
    others = sorted(set(values.tolist()) - set(joined.known), key=str)
    return CategoryColumn(as_objects([*joined.known, *others]))


def _doubt_of_rules(rules: Rules, points: Cells, joined: Sequence[Joined]) -> str:
    """Say which columns may change that the search leaves alone."""
    carried = {name for each in joined for name in each.members}
    left = [name for name, rule in rules.limits.items() if rule.is_derived and name not in carried]
    left += [name for name in rules.limits if name not in points]
    left += [name for group in rules.one_hot for name in group if name not in carried]
    return f"{left[0]!r} changes together with other columns in a way that the search cannot follow" if left else ""


def _doubt_of_front(trees: RawTrees, made: Composition, columns: Mapping[str, UserColumn]) -> str:
    """Say what is not known of the pipeline that would have to be."""
    inner = trees.column >= 0
    used = np.unique(trees.column[inner])
    if not used.size:
        return ""
    if trees.front is None:
        return "nothing is known of the steps in front of the trees"
    names = list(columns)
    is_listed = np.array(
        [isinstance(column, CategoryColumn) or column.lists_all(GRID) for column in columns.values()] + [False]
    )
    is_far = np.array(
        [isinstance(c, NumberColumn) and max(abs(c.low), abs(c.high)) > LARGEST for c in columns.values()] + [False]
    )
    needed = np.full(trees.n_columns, RUNS)
    needed[trees.column[inner & (trees.levels >= 0)]] = STAYS
    needed = np.where(is_listed[made.follows], ONE_INPUT, needed)[used]
    lacking = used[(trees.front.motion[used] < needed) | (is_far & ~is_listed)[made.follows[used]]]
    if not lacking.size:
        return ""
    owner = made.follows[lacking[0]]
    where = f" of {names[owner]!r}" if owner >= 0 else ""
    why = f"; {trees.front.doubt}" if trees.front.doubt else ""
    return f"a feature{where} may turn between the numbers that were asked about{why}"


def _tie(forest: Forest) -> float:
    """Bound how far sums in single precision, in whatever order, are from the true ones, over two classes.

    References
    ----------
    Higham, N. J. (2002). Accuracy and stability of numerical algorithms. SIAM, section 4.2: n - 1 additions of x_i err
    by at most (n - 1) u / (1 - (n - 1) u) times the sum of the |x_i|.
    """
    if not forest.roots.size:
        return TIE
    leaves = np.abs(np.where(forest.column[:, None] < 0, forest.value, 0.0))
    largest = np.maximum.reduceat(leaves, np.sort(forest.roots), axis=0)
    n = (largest > 0).sum(axis=0) + 2
    error = n * UNIT / (1 - n * UNIT) * (np.abs(forest.base) + largest.sum(axis=0))
    return max(TIE, float(np.sort(error)[-2:].sum()))


def _reach(columns: Mapping[str, UserColumn], joined: Sequence[Joined], rules: Rules) -> Reach:
    own = [None if rule is None or rule.is_derived else rule for rule in map(rules.limits.get, columns)]
    numbers = [rule if isinstance(rule, NumericLimits) else None for rule in own]
    free = {name: rule for name, rule in zip(columns, own, strict=True) if isinstance(rule, CategoryLimits)}
    costs = [rule.cost for rule in free.values()] + [each.cost for each in joined if each.can_move]
    known = {name: rule.levels for name, rule in free.items()}
    known |= {each.name: frozenset(each.known) for each in joined if each.can_move}
    widest = max((len(c.levels) for c in columns.values() if isinstance(c, CategoryColumn)), default=1)
    allowed = np.zeros((len(columns), widest), dtype=np.bool_)
    for j, (name, column) in enumerate(columns.items()):
        if name in known and isinstance(column, CategoryColumn):
            allowed[j, : len(column.levels)] = [level in known[name] for level in column.levels.tolist()]
    cheapest = min(costs, default=1.0)
    swaps = min(rules.budget.categories / cheapest, len(columns)) if cheapest > 0 else len(columns)
    return Reach(
        scale=np.array([rule.scale / rule.cost if rule else 0.0 for rule in numbers]),
        low=np.array([rule.low if rule else -np.inf for rule in numbers]),
        high=np.array([rule.high if rule else np.inf for rule in numbers]),
        is_whole=np.array([bool(rule and rule.is_whole) for rule in numbers]),
        direction=np.array([rule.direction if rule else 0 for rule in numbers], dtype=np.int8),
        swap_cost=np.array([0.0 if name in known else np.inf for name in columns]),
        allowed=allowed,
        max_swaps=int(swaps),
    )
