"""Flips as a person reads them: which cells changed, from what to what, and a few rows before and after."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from holdfast.kernels.robustness.threat import moves_in_words

if TYPE_CHECKING:
    from holdfast.kernels.robustness.constraints import Budget

HIDDEN = "not shown"
MISSING = "missing"
MOST_EXAMPLES = 5
FEWEST_DIGITS, MOST_DIGITS = 4, 18

Cells = Mapping[str, Sequence[Any]]
THROUGH_TREES = "The model's trees were searched, by branch and bound; every flip was asked of the model itself."
ALONG_SLOPES = (
    "The network was attacked along its slopes: steps that adapt (APGD) on the margin, away from the own class and "
    "towards the others in the order of the scores, with restarts; every flip was asked of the model itself."
)


def changes_in_words(before: Cells, after: Cells, *, hidden: Collection[str]) -> list[str]:
    """Say for each row which cells changed.

    Parameters
    ----------
    before : mapping of column name to cells, each of length n_rows
    after : mapping of column name to cells
        Of the columns that may change: the new cell, ``None`` where the row keeps its own.
    hidden : collection of str
        Columns whose values are not told, only that they changed.

    Examples
    --------
    >>> changes_in_words({"pay": [1.0], "sex": ["f"]}, {"pay": [1.25], "sex": ["m"]}, hidden=["sex"])
    ['pay: 1 → 1.25, sex']
    """
    n = len(next(iter(before.values()), ()))
    return [
        ", ".join(
            name if name in hidden else f"{name}: {' → '.join(_pair(before[name][row], cells[row]))}"
            for name, cells in after.items()
            if cells[row] is not None
        )
        for row in range(n)
    ]


def example_rows(
    before: Cells,
    after: Cells,
    *,
    points: Cells,
    classes: Sequence[object],
    hidden: Collection[str],
    is_whole: bool,
) -> dict[str, list[Any]]:
    """Choose the most convincing flips and write their rows before and after.

    Those with the fewest changed cells come first, then the shortest moves. Flips by the same columns stand back behind
    flips by others, so that different ways to flip the model are seen.

    Parameters
    ----------
    before, after, hidden
        As in :func:`changes_in_words`.
    points : mapping of str to sequences of length n_rows
        ``row``, what each row is called; ``label``, the answer before; ``distance``, the size of the move.
    classes : sequence
        All labels; with two of them the answer after is the other one.
    is_whole : bool
        Whether cells that stay are told too; otherwise only columns that change in some example are.

    Returns
    -------
    dict of str to list
        Columns of equal length, one line per example and cell: ``row``, ``answer``, ``answer_after``, ``column``,
        ``before``, ``after``, ``is_changed``. Columns that change in some example stand first.

    Examples
    --------
    >>> lines = example_rows(
    ...     {"pay": [1.0, 2.0], "age": [30, 40]}, {"pay": [None, 2.5]},
    ...     points={"row": [7, 8], "label": ["no", "no"], "distance": [None, 0.5]},
    ...     classes=["no", "yes"], hidden=[], is_whole=False,
    ... )
    >>> lines["row"], lines["before"], lines["after"], lines["answer_after"]
    ([8], ['2'], ['2.5'], ['yes'])
    """
    rows, moves, n = points["row"], points["distance"], len(points["row"])
    names = [str(label) for label in classes]
    other = dict(zip(names, reversed(names), strict=True)) if len(names) == 2 else {}
    sets = [tuple(name for name, cells in after.items() if cells[row] is not None) for row in range(n)]
    changed = [row for row in range(n) if sets[row]]
    order = sorted(changed, key=lambda row: (len(sets[row]), moves[row], rows[row]))
    first = list({sets[row]: row for row in reversed(order)}.values())
    chosen = [row for row in order if row in first][:MOST_EXAMPLES]
    chosen += [row for row in order if row not in chosen][: MOST_EXAMPLES - len(chosen)]
    changing = dict.fromkeys(name for row in chosen for name in sets[row])
    columns = (*changing, *(name for name in before if is_whole and name not in changing))
    told: dict[str, list[Any]] = {
        name: [] for name in ("row", "answer", "answer_after", "column", "before", "after", "is_changed")
    }
    for row in chosen:
        answers = (points["label"][row], other.get(points["label"][row], "another"))
        for name in columns:
            is_changed = name in sets[row]
            old = before[name][row]
            pair = (HIDDEN, HIDDEN) if name in hidden else _pair(old, after[name][row] if is_changed else old)
            for key, value in zip(told, (rows[row], *answers, name, *pair, is_changed), strict=True):
                told[key].append(value)
    return told


def _pair(old: Any, new: Any) -> tuple[str, str]:
    """Write two cells, numbers with as few digits as tell them apart."""
    if not (isinstance(old, float) and isinstance(new, float)):
        return _text(old), _text(new)
    pairs = [(f"{old:.{digits}g}", f"{new:.{digits}g}") for digits in range(FEWEST_DIGITS, MOST_DIGITS)]
    # 6e+04 is harder to read than a few digits more.
    apart = [pair for pair in pairs if (pair[0] != pair[1] or old == new) and "e+0" not in "".join(pair)]
    return apart[0] if apart else (repr(old), repr(new))


def _text(cell: Any) -> str:
    if cell is None or cell != cell:
        return MISSING
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def attack_in_words(
    budget: Budget,
    counts: Mapping[str, int],
    *,
    drawn: int,
    n: int,
    n_flipped: int,
    how: str,
    stopped: str,
    is_constant: bool,
    has_train: bool,
    is_early: bool,
    is_timed: bool = False,
    is_image: bool = False,
) -> tuple[str, ...]:
    """Say what the numbers of an attack lean on.

    Parameters
    ----------
    budget
        How far the attacker may go.
    counts
        Rows by what became of them: ``against`` the rules, ``unsteady``, ``refused``, ``unstable``, ``spared``,
        ``unfinished``; ``masked`` ones, whose slopes look useless.
    drawn, n, n_flipped
        Rows drawn, attacked in full, and flipped.
    how, stopped
        How the model was attacked, and why that ended before all rows were.
    is_constant, has_train, is_early, is_timed, is_image
        Whether the model gives all rows one answer, whether there is a training table, and whether the attack ended
        because its verdict was settled, whether the clock decided what was done, and whether inputs are pixels.

    Examples
    --------
    >>> from holdfast.kernels.robustness.constraints import Budget
    >>> said = attack_in_words(
    ...     Budget(0.2, 1), {}, drawn=9, n=5, n_flipped=0, how="Asked.", stopped="the time was up", is_constant=False,
    ...     has_train=True, is_early=False,
    ... )
    >>> said[-1]
    '4 of 9 rows drawn in random order are left out, not attacked in full: the time was up.'
    """
    against, unsteady, refused, unstable, spared, unfinished, masked = (
        counts.get(name, 0) for name in ("against", "unsteady", "refused", "unstable", "spared", "unfinished", "masked")
    )
    why = stopped or "the search left open more of them than may be asked about"
    cases = {
        how: True,
        moves_in_words(budget, is_image=is_image)
        + (
            ""
            if is_image
            else " Text columns never do, and immutable and sensitive ones only where the threat is full control."
        ): True,
        "Finding nothing gives a bound, not safety.": True,
        f"The slopes of {masked} rows lead nowhere (gradient masking, which is no robustness): these were searched "
        "without slopes, too, by random squares and along the boundary.": masked,
        "The model gives every test row the same answer; one that knows no other cannot be flipped.": is_constant,
        "Ranges, units and levels come from the test table, because no training table was given.": not has_train,
        "The attack stopped early: the share flipped lies clearly on one side of the policy's limit.": is_early,
        f"{drawn - n} of {drawn} rows drawn in random order are left out, not attacked in full: {why}.": drawn - n,
        f"There was too little time for all: {unfinished} rows neither flipped nor had the full effort. They count as "
        "flipped at the upper end of the interval. Work went where it flipped most rows per second, so the result "
        "depends on the speed of the machine.": is_timed and unfinished,
        f"{spared} rows that the search left open were not asked about: others were, in vain.": spared and not is_image,
        f"{against} rows have flips that break a relation or another rule; these do not count.": against,
        f"{unsteady} rows have flips that did not stand up when asked again; these do not count.": unsteady,
        "More flips were taken back than stood up, so the share flipped says little: the model wavers.": unsteady
        > n_flipped,
        f"The model failed on {refused} changed rows; these count as not flipped.": refused,
        f"The model answered {unstable} of {drawn} rows differently when asked again.": unstable,
    }
    return tuple(text for text, applies in cases.items() if applies)
