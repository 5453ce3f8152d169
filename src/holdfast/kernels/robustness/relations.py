"""Relations between the columns of a row, written as text and parsed into data; nothing is ever executed.

The grammar, from what binds loosest to what binds tightest: ``->`` (implies), ``or``, ``and``, ``not``, one of
``<= < >= > == = !=`` or ``in {...}``, ``+ -``, ``* /``, a sign; then numbers, ``'text'``, ``true``, ``false``, columns
and parentheses. A column whose name is not a plain word stands in backticks. ``a follows b`` says that the value of
``a`` is settled by the level of ``b``; :func:`learn` fills in the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from numpy.typing import NDArray

LONGEST_TEXT = 2000
DEEPEST = 40

Comparator = Literal["<=", "<", ">=", ">", "==", "!="]


class Column(NamedTuple):
    """The value of a column."""

    name: str


class Constant(NamedTuple):
    """A number, a text or a truth value."""

    value: float | str | bool


class Arithmetic(NamedTuple):
    """Two numbers combined."""

    operator: Literal["+", "-", "*", "/"]
    left: Value
    right: Value


class Comparison(NamedTuple):
    """Two values compared."""

    operator: Comparator
    left: Value
    right: Value


class Membership(NamedTuple):
    """Whether a column holds one of some values."""

    column: Column
    values: tuple[float | str | bool, ...]


class Logic(NamedTuple):
    """Two statements combined."""

    operator: Literal["and", "or", "->"]
    left: Statement
    right: Statement


class Negation(NamedTuple):
    """A statement denied."""

    inner: Statement


class Follows(NamedTuple):
    """A column whose value another column settles; levels outside ``table`` settle nothing."""

    column: str
    of: str
    table: tuple[tuple[Any, Any], ...] | None = None


Value: TypeAlias = Column | Constant | Arithmetic
Statement: TypeAlias = Comparison | Membership | Logic | Negation | Follows
Node: TypeAlias = Value | Statement


class Relation(NamedTuple):
    """A statement that every valid row fulfils."""

    text: str
    """As it was written."""
    tree: Statement
    """As it was parsed."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns it speaks of, in order of appearance."""
        return tuple(dict.fromkeys(_names(self.tree)))


TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|(?P<quoted>`[^`]+`)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")|(?P<word>[^\W\d]\w*)|(?P<sign>->|<=|>=|==|!=|[<>=+\-*/(){},]))"
)
NOT, COMPARING, SIGN = 4, 5, 8
BINDING = {"->": 1, "or": 2, "and": 3, "+": 6, "-": 6, "*": 7, "/": 7}
BINDING |= dict.fromkeys(("<=", "<", ">=", ">", "==", "=", "!=", "in", "follows"), COMPARING)
KEYWORDS = {"and", "or", "not", "in", "follows", "true", "false"}


def parse_relation(text: str) -> Relation:
    """Parse one relation.

    Parameters
    ----------
    text : str
        For example ``"loan <= 5 * income"`` or ``"education = 'Bachelors' -> education_num == 13"``.

    Returns
    -------
    Relation

    Raises
    ------
    ValueError
        If the text does not follow the grammar; the message points at the place.

    Examples
    --------
    >>> parse_relation("capital_loss * capital_gain == 0").columns
    ('capital_loss', 'capital_gain')
    >>> parse_relation("loan <= import os")
    Traceback (most recent call last):
    ...
    ValueError: expected the end of the relation, got 'os' at position 15 of 'loan <= import os'
    """
    parser = _Parser(text)
    tree = parser.expression(0, 0)
    parser.expect_end()
    if isinstance(tree, Column | Constant | Arithmetic):
        raise ValueError(f"expected a statement such as 'a <= b', got the value {text!r}")
    return Relation(text, tree)


class _Parser:
    """Operator-precedence parser over the tokens of one relation."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"expected a relation of at most {LONGEST_TEXT} characters, got {len(text)}")
        self.text, self.at = text, 0
        self.tokens = list(self._tokens())

    def _tokens(self) -> Iterator[tuple[str, str, int]]:
        at, end = 0, len(self.text.rstrip())
        while at < end:
            match = TOKEN.match(self.text, at)
            if match is None or match.lastgroup is None:
                sign = self.text[at:].strip()[:1]
                raise ValueError(f"expected a relation, got {sign!r} at position {at} of {self.text!r}")
            yield match.lastgroup, match.group(match.lastgroup), match.start(match.lastgroup)
            at = match.end()

    def peek(self) -> str:
        """The next sign or keyword, or an empty string."""
        if self.at >= len(self.tokens):
            return ""
        kind, token, _ = self.tokens[self.at]
        return token if kind == "sign" or (kind == "word" and token in KEYWORDS) else ""

    def fail(self, expected: str) -> ValueError:
        if self.at >= len(self.tokens):
            return ValueError(f"expected {expected}, got the end of {self.text!r}")
        _, token, place = self.tokens[self.at]
        return ValueError(f"expected {expected}, got {token!r} at position {place} of {self.text!r}")

    def expect(self, sign: str) -> None:
        if self.peek() != sign:
            raise self.fail(repr(sign))
        self.at += 1

    def expect_end(self) -> None:
        if self.at < len(self.tokens):
            raise self.fail("the end of the relation")

    def expression(self, loosest: int, depth: int) -> Node:
        if depth > DEEPEST:
            raise ValueError(f"expected at most {DEEPEST} levels of nesting in {self.text!r}")
        left = self.operand(depth)
        while (sign := self.peek()) in BINDING and BINDING[sign] > loosest:
            if isinstance(left, Comparison) and BINDING[sign] == COMPARING:
                raise self.fail("one comparison at a time, joined by 'and'")
            self.at += 1
            left = self.combined(sign, left, depth)
        return left

    def combined(self, sign: str, left: Node, depth: int) -> Node:
        if sign == "in":
            return Membership(self.column(left), self.values())
        # An implication binds to the right: a -> b -> c is a -> (b -> c).
        right = self.expression(BINDING[sign] - (sign == "->"), depth + 1)
        if sign == "follows":
            return Follows(self.column(left).name, self.column(right).name)
        if sign in ("and", "or", "->"):
            return Logic(sign, self.statement(left), self.statement(right))  # type: ignore[arg-type]
        if sign in ("+", "-", "*", "/"):
            return Arithmetic(sign, self.value(left), self.value(right))  # type: ignore[arg-type]
        return Comparison("==" if sign == "=" else sign, self.value(left), self.value(right))  # type: ignore[arg-type]

    def operand(self, depth: int) -> Node:
        sign = self.peek()
        if sign == "(":
            self.at += 1
            inner = self.expression(0, depth + 1)
            self.expect(")")
            return inner
        if sign == "not":
            self.at += 1
            return Negation(self.statement(self.expression(NOT, depth + 1)))
        if sign == "-":
            self.at += 1
            inner = self.value(self.expression(SIGN, depth + 1))
            is_number = isinstance(inner, Constant) and isinstance(inner.value, float)
            return Constant(-inner.value) if is_number else Arithmetic("*", Constant(-1.0), inner)  # type: ignore[union-attr, operator]
        return self.atom()

    def atom(self) -> Column | Constant:
        sign = self.peek()
        if self.at >= len(self.tokens) or (sign and sign not in ("true", "false")):
            raise self.fail("a column or a value")
        kind, token, _ = self.tokens[self.at]
        self.at += 1
        if sign:
            return Constant(sign == "true")
        if kind == "number":
            return Constant(float(token))
        return Constant(token[1:-1]) if kind == "text" else Column(token.strip("`"))

    def values(self) -> tuple[float | str | bool, ...]:
        self.expect("{")
        found: list[float | str | bool] = []
        while True:
            negative = self.peek() == "-"
            self.at += negative
            item = self.atom()
            if isinstance(item, Column) or (negative and not isinstance(item.value, float)):
                raise ValueError(f"expected numbers or texts between the braces of {self.text!r}, got {item[0]!r}")
            found.append(-item.value if negative else item.value)  # type: ignore[operator]
            if self.peek() != ",":
                break
            self.at += 1
        self.expect("}")
        return tuple(found)

    def column(self, node: Node) -> Column:
        if not isinstance(node, Column):
            raise ValueError(f"expected the name of a column beside 'in' or 'follows' in {self.text!r}")
        return node

    def value(self, node: Node) -> Value:
        if not isinstance(node, Column | Constant | Arithmetic):
            raise ValueError(f"expected a number or a column, got a statement, in {self.text!r}")
        return node

    def statement(self, node: Node) -> Statement:
        if isinstance(node, Column | Constant | Arithmetic):
            raise ValueError(f"expected a statement such as 'a <= b', got a value, in {self.text!r}")
        return node


def _names(node: Node) -> Iterator[str]:
    match node:
        case Column(name):
            yield name
        case Arithmetic(_, left, right) | Comparison(_, left, right) | Logic(_, left, right):
            yield from _names(left)
            yield from _names(right)
        case Membership(column, _):
            yield column.name
        case Negation(inner):
            yield from _names(inner)
        case Follows(column, of, _):
            yield column
            yield of
        case _:
            return


def learn(relations: Iterable[Relation], columns: Mapping[str, NDArray[Any]]) -> tuple[Relation, ...]:
    """Fill in what ``a follows b`` means from rows that are known to be valid.

    Parameters
    ----------
    relations : iterable of Relation
        Others are passed through.
    columns : mapping of column name to ndarray, shape (n_samples,)
        Missing cells (None or NaN) teach nothing.

    Returns
    -------
    tuple of Relation

    Raises
    ------
    ValueError
        If a level goes with two values, or a column is absent; the message names the rows.

    Examples
    --------
    >>> import numpy as np
    >>> rows = {"years": np.array([13.0, 9.0]), "degree": np.array(["BSc", "school"], dtype=object)}
    >>> learn([parse_relation("years follows degree")], rows)[0].tree.table
    (('BSc', 13.0), ('school', 9.0))
    """
    return tuple(_learned(relation, columns) for relation in relations)


def _learned(relation: Relation, columns: Mapping[str, NDArray[Any]]) -> Relation:
    tree = relation.tree
    if not isinstance(tree, Follows) or tree.table is not None:
        return relation
    for name in relation.columns:
        if name not in columns:
            raise ValueError(f"expected columns of the table in {relation.text!r}, got {name!r}")
    table: dict[Any, Any] = {}
    first: dict[Any, int] = {}
    for row, (level, value) in enumerate(zip(columns[tree.of].tolist(), columns[tree.column].tolist(), strict=True)):
        if level is None or level != level or value is None or value != value:
            continue
        if table.setdefault(level, value) != value:
            raise ValueError(
                f"expected one value of {tree.column!r} for {tree.of} = {level!r} ({relation.text!r}), got "
                f"{table[level]!r} in row {first[level]} and {value!r} in row {row}"
            )
        first.setdefault(level, row)
    ordered = sorted(table.items(), key=lambda item: str(item[0]))
    return relation._replace(tree=tree._replace(table=tuple(ordered)))
