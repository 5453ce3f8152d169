"""Walk texts beside a model: credentials, YAML that builds Python objects, code, and what text files may smuggle."""

from __future__ import annotations

import codecs
import re

from holdfast.kernels.scan.chat_template import judge_template
from holdfast.kernels.scan.hub_config import judge_target
from holdfast.kernels.scan.observation import Budget, Place, Walked
from holdfast.kernels.scan.record import Record, Where
from holdfast.kernels.scan.secrets_found import LONGEST_TEXT, report_secrets

# a tag stands at the start of a value: of a line, behind a dash, a colon, a bracket, a comma or an anchor
_TAG = re.compile(
    rb"(?:(?:^|\r)[ \t]*|[-:?][ \t]+|[\[{,][ \t]*|&[\w-]+[ \t]+)"
    rb"(?P<tag>!<[^>\n]{1,300}>|!!?[\w./:%~-]{0,300})(?=[\s\"'\[{]|$)",
    re.M,
)
_BUILDS_PYTHON = re.compile(rb"(?:!!|!<.*)python/", re.IGNORECASE)
# where a tag may stand depends on line ends of other scripts and on brackets far before: wherever it does, it is one
_ANY_TAG = re.compile(rb"(?<![\w`])!(?:!|<)[^\s>]{1,300}")
_PERCENT = re.compile(rb"%([\da-fA-F]{2})")
_PLAIN_TAGS = re.compile(
    rb"!!(?:str|int|float|bool|null|map|seq|binary|timestamp|set|omap|pairs|merge)"
    rb"|!<tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq|binary|timestamp|set|omap|pairs|merge)>|!"
)
_TARGET = re.compile(
    rb"(?:^|[\s{,\"'])_target_[\"']?\s{0,9}:\s{0,9}(?:[!&][^\s]{0,100}\s{1,9}|[|>][-+\d]{0,2}\s{1,99}){0,3}[\"']?"
    rb"(?P<target>[A-Za-z_*][\w.]{0,200})"
)
_ESCAPE = re.compile(rb"\\(?:x([\da-fA-F]{2})|u00([\da-fA-F]{2})|U000000([\da-fA-F]{2})|\r?\n[ \t]{0,200})")
_TAG_DIRECTIVE = re.compile(rb"^%TAG[ \t]", re.M)
_REFERENCE = re.compile(rb"(?:^|[\s\[{,:-])(?P<mark>[&*])(?P<name>[^\s\[\]{},]{1,100})")
TEMPLATE_ENDINGS = (".jinja", ".jinja2", ".j2")
MOST_EXPANDED = 1_000_000
MOST_REFERENCES = 200_000
_ENTITY = re.compile(rb"<!ENTITY\s|<!DOCTYPE[^>\[]{0,200}\[", re.I)


def walk_text(data: memoryview, place: Place, budget: Budget, *, format: str = "text") -> Walked:
    """Walk a text; a program text is not examined, because what it does cannot be told from reading it."""
    record = Record(place)
    record.cover(0, len(data))
    report_secrets(record, data)
    if format == "python":
        record.add("not_examined", "text.python", "this is Python source: whether to run it is for a person to judge")
    elif format == "script":
        record.add("not_examined", "text.script", "this is a program by its name: a person must judge it")
    if len(data) > LONGEST_TEXT:
        message = f"credentials were looked for in the first {LONGEST_TEXT >> 20} MiB only"
        record.note(message)
    text = bytes(data[:LONGEST_TEXT])
    if format != "python" and b"!" in text:
        _report_tags(record, text, is_yaml=format == "yaml")
    if format == "yaml":
        for target in _targets(text) | (_targets(_ESCAPE.sub(_unescaped, text)) if b"\\" in text else set()):
            judge_target(record, target)
    if format == "yaml" and _expanded(text) > MOST_EXPANDED:
        message = "aliases of aliases: a reader that writes them out never ends"
        record.add("suspicious", "yaml.alias-bomb", message)
    if text.lstrip()[:1] == b"<" and _ENTITY.search(text):
        message = "an XML document type with entities makes some parsers read other files"
        record.add("suspicious", "text.xml-entity", message)
    if place.path[-1].lower().endswith(TEMPLATE_ENDINGS):
        judge_template(record, text.decode("utf-8", "replace"))
    return record.walked(format)


def _targets(text: bytes) -> set[str]:
    """Return what a loader of configurations would call; an alias stands for something else."""
    return {match["target"].decode() for match in _TARGET.finditer(text)}


def _unescaped(escape: re.Match[bytes]) -> bytes:
    digits = escape[1] or escape[2] or escape[3]
    return bytes([int(digits, 16)]) if digits else b""


def _report_tags(record: Record, text: bytes, *, is_yaml: bool) -> None:
    for directive in _TAG_DIRECTIVE.finditer(text):
        message = "a YAML directive gives tags another meaning: an innocent tag may build any object"
        record.add("unknown", "yaml.tag-directive", message, start=directive.start(), end=directive.end())
    for match in _ANY_TAG.finditer(text):
        if _builds_python(match[0]):
            message = "a YAML tag builds a Python object: loading it runs code that the file chose"
            where: Where = {"start": match.start(), "end": match.end(), "detail": match[0]}
            record.add("executes", "yaml.python-tag", message, **where)
    for match in _TAG.finditer(text) if is_yaml else ():
        tag = match["tag"]
        if tag.startswith((b"!!", b"!<")) and not _PLAIN_TAGS.fullmatch(tag) and not _builds_python(tag):
            message = "a YAML tag that is not of the core set builds what its application chose"
            record.add("unknown", "yaml.tag", message, start=match.start("tag"), end=match.end("tag"), detail=tag)


def _builds_python(tag: bytes) -> bool:
    """Whether a tag, of which any character may be written by its number, is one of those of Python."""
    return _BUILDS_PYTHON.match(_PERCENT.sub(lambda escape: bytes([int(escape[1], 16)]), tag)) is not None


def _expanded(text: bytes) -> int:
    """Return how many aliases stand in the largest anchored value once all are written out."""
    sizes: dict[bytes, int] = {}
    largest, current = 0, b""
    for count, match in enumerate(_REFERENCE.finditer(text)):
        if match["mark"] == b"&":
            current = match["name"]
            sizes[current] = 1
        elif current in sizes and match["name"] != current:
            sizes[current] = min(MOST_EXPANDED + 1, sizes[current] + sizes.get(match["name"], 0))
            largest = max(largest, sizes[current])
        if largest > MOST_EXPANDED or count > MOST_REFERENCES:
            return MOST_EXPANDED + 1
    return largest


def walk_wide_text(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Hand on a text of two or four bytes for each character as UTF-8: readers of JSON take all of these."""
    record = Record(place)
    record.cover(0, len(data))
    budget.expanded_bytes -= len(data)
    if budget.expanded_bytes < 0:
        record.add("not_examined", "limit.expanded", "the bytes allowed to come out of one file are spent")
        return record.walked("wide-text")
    is_utf_32 = bytes(data[:4]) in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
    try:
        text = str(data, "utf-32" if is_utf_32 else "utf-16").encode()
    except UnicodeError as error:
        record.add("malformed", "text.encoding", f"the mark of a wide text stands before something else: {error}")
    else:
        record.member(memoryview(text), f"(UTF-8) {place.path[-1]}")
    return record.walked("wide-text")
