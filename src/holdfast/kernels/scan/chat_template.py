"""Judge chat templates: programs in Jinja, which some runtimes render without a sandbox.

A template reaches the inside of Python by a name of an attribute, which it may spell in many ways or compute, and runs
something by calling what it found there. So both are judged: the names, and what is called, of which ordinary templates
need little.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

from holdfast.kernels.scan.record import Record

LONGEST = 4 << 20
_OPEN = re.compile(r"\{([{%#])")
_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<text>"(?:\\.|[^"\\])*+"|'(?:\\.|[^'\\])*+')|(?P<name>[^\W\d]\w*)|(?P<number>\d[\w.]*)|(?P<sign>.)""",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|(N)\{)")
_INSIDE = re.compile(
    r"_.*|.*__.*|mro|(?:gi|cr|ag)_\w+|(?:f|tb|co|func|im)_(?:\w*code|globals|builtins|locals|frame|back)"
)
_LOADING = frozenset({"import", "include", "extends", "from"})
_REACHING = frozenset({"lipsum", "cycler", "joiner"})
_KEYWORDS = frozenset(
    {"if", "elif", "in", "not", "and", "or", "else", "is", "call", "for", "set", "return", "do", "with"}
)
_FUNCTIONS = frozenset({"namespace", "range", "dict", "raise_exception", "strftime_now", "caller"})
_METHODS = frozenset(
    {name for kind in (str, list, dict) for name in dir(kind) if not name.startswith("_")} | {"cycle", "strftime"}
) - {"update", "setdefault", "format_map"}


class Token(NamedTuple):
    """A name, text, number or sign inside of a block; of a text what it stands for."""

    kind: str
    text: str


def judge_template(record: Record, template: str, start: int | None = None, end: int | None = None) -> None:
    """Report a template that reaches for the inside of Python objects, or calls what no ordinary one calls."""
    if len(template) > LONGEST:
        record.add("not_examined", "template.size", "a chat template is longer than is read", start=start, end=end)
        return
    blocks = list(_blocks(template))
    reached = next(filter(None, map(_reaching, blocks)), "")
    if reached:
        message = "a chat template reaches for the inside of Python objects: rendered without a sandbox it runs code"
        record.add("executes", "template.code", message, detail=reached, start=start, end=end)
        return
    macros = {block[1].text for block in blocks if len(block) > 1 and block[0].text == "macro"}
    called = next(filter(None, (_called(block, _FUNCTIONS | macros) for block in blocks)), "")
    if called:
        message = "a chat template calls what no ordinary one calls: rendered without a sandbox it may run code"
        record.add("unknown", "template.call", message, detail=called, start=start, end=end)


def _blocks(template: str) -> Iterator[list[Token]]:
    """Yield the tokens of each block, up to the mark that ends it outside of brackets, as Jinja does."""
    position = 0
    while opened := _OPEN.search(template, position):
        position = opened.end()
        if opened[1] == "#":
            closed = template.find("#}", position)
            position = len(template) if closed < 0 else closed + 2
            continue
        tokens, depth = list[Token](), 0
        ending = "}}" if opened[1] == "{" else "%}"
        while (depth or not template.startswith(ending, position)) and (match := _TOKEN.match(template, position)):
            position = match.end()
            kind, text = str(match.lastgroup), match[0]
            depth += (text in ("(", "[", "{")) - (text in (")", "]", "}") and depth > 0)
            if kind != "space":
                tokens.append(Token(kind, _plain(text) if kind == "text" else text))
        yield [token for number, token in enumerate(tokens) if number or token.text not in ("-", "+")]


def _plain(text: str) -> str:
    """Return what a text stands for, as far as it matters here."""
    return _ESCAPE.sub(_character, text[1:-1])


def _character(escape: re.Match[str]) -> str:
    """Return the character of an escape; one that is written by its name may be any."""
    number = int(escape[4], 8) if escape[4] else int(escape[1] or escape[2] or escape[3] or "5f", 16)
    return chr(min(number, sys.maxunicode))


def _reaching(block: list[Token]) -> str:
    if block and block[0].kind == "name" and block[0].text in _LOADING:
        return block[0].text
    for before, token in zip([Token("sign", ""), *block], block, strict=False):
        is_name, is_attribute = token.kind == "name", before.text == "."
        is_word = token.kind == "text" and (token.text == "attr" or "__" in token.text or not token.text.strip("_"))
        is_inside = is_name and _INSIDE.fullmatch(token.text) and (is_attribute or "__" in token.text)
        is_filter = is_name and token.text == "attr" and before.text == "|"
        if is_inside or is_filter or (is_word and token.text) or (is_name and token.text in _REACHING):
            return token.text
        if token.kind == "text" and _INSIDE.fullmatch(token.text) and before.text == "[":
            return token.text
    return ""


def _called(block: list[Token], functions: frozenset[str]) -> str:
    named = functions | _KEYWORDS
    padded = [Token("sign", ""), Token("sign", ""), *block, Token("sign", "")]
    for earlier, before, token, behind in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        is_member = before.text in (".", "|", "is") or (before.text == "not" and earlier.text == "is")
        is_call = behind == Token("sign", "(")
        if token.kind != "name":
            if is_call and (token.kind == "text" or token.text in ("]", ")", "}")):
                return f"{token.text}("
        elif token.text in functions and not is_member and not is_call and behind.text != "is":
            # another value under the name of a function
            return token.text
        elif is_call and not (token.text in _METHODS if before.text == "." else is_member or token.text in named):
            return token.text
    return ""
