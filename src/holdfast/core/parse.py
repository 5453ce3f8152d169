"""From text that people or programs wrote to the typed data model, strictly.

Unknown keys, wrong types and duplicate keys are errors that name the place and the closest valid key. YAML is read with
the safe loader: no tags, no anchors, no aliases, a limit on size and depth. As in YAML 1.2, only ``true`` and ``false``
are truth values: ``yes`` and ``no`` are words, because they are class labels in many tables.
"""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_type_hints

from holdfast.core.errors import InputError, did_you_mean

T = TypeVar("T")
LARGEST_YAML = 1 << 20
BOOLEAN = "tag:yaml.org,2002:bool"
FLOAT = "tag:yaml.org,2002:float"
IN_YAML_WORDS = {
    "tuple_type": "expected a list",
    "dataclass_type": "expected a mapping",
    "string_type": "expected text, in quotes where YAML takes it for something else",
}
DEEPEST_YAML = 20


def parse_yaml(text: str, *, source: str) -> Any:
    """Read YAML that may be hostile.

    Raises
    ------
    InputError
        On a syntax error, a duplicate key, a tag, an anchor or alias, or a text over 1 MiB or 20 levels deep.
    """
    import yaml

    def where(event: Any) -> str:
        return f"{source}, line {event.start_mark.line + 1}"

    if len(text) > LARGEST_YAML:
        raise InputError(f"expected at most {LARGEST_YAML} characters of YAML in {source}, got {len(text)}")
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise InputError(f"{where(event)}: anchors and aliases are not accepted")
            tag = getattr(event, "tag", None)
            if tag and not getattr(event, "implicit", True):
                raise InputError(f"{where(event)}: the tag {tag!r} is not accepted")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST_YAML:
                raise InputError(f"{where(event)}: nested more than {DEEPEST_YAML} levels deep")
        return yaml.load(text, Loader=_strict_loader())  # noqa: S506  (a subclass of SafeLoader)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date or number that cannot be
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InputError(f"{source}{place}: not valid YAML: {getattr(error, 'problem', None) or error}") from None


@cache
def _strict_loader() -> Any:
    import yaml

    class StrictLoader(yaml.SafeLoader):
        """The safe loader, with duplicate keys refused, and truth values and powers of ten (1e-5) of YAML 1.2."""

    def mapping(loader: Any, node: Any) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = loader.construct_object(key_node, deep=True)
            if not isinstance(key, (str, int, float, bool)):
                raise yaml.constructor.ConstructorError(None, None, "keys must be plain words", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} occurs twice", key_node.start_mark
                )
            seen.add(key)
        return dict(loader.construct_pairs(node, deep=True))

    StrictLoader.yaml_implicit_resolvers = {
        first: [item for item in resolvers if item[0] != BOOLEAN]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    StrictLoader.add_implicit_resolver(BOOLEAN, re.compile("(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
    StrictLoader.add_implicit_resolver(
        FLOAT, re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
    )
    StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    return StrictLoader


def from_mapping(kind: type[T], value: Any, *, source: str) -> T:
    """Build a dataclass from a mapping, refusing unknown keys and wrong types.

    Raises
    ------
    InputError
        Naming the place, what was expected and the closest valid key.
    """
    from pydantic import ValidationError

    if not isinstance(value, dict):
        raise InputError(f"expected a mapping in {source}, got {type(value).__name__}")
    _refuse_unknown_keys(kind, value, source=source)
    refuse_half_characters(value, source=source)
    try:
        return cast(T, _adapter(cast(Any, kind)).validate_python(value))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the top level"
        expected = IN_YAML_WORDS.get(first["type"], first["msg"])
        got = "" if "headers" in first["loc"] else f"; got {first['input']!r:.80}"  # those hold secrets
        raise InputError(f"{source}, at {place}: {expected}{got}") from None


def refuse_half_characters(value: Any, *, source: str) -> None:
    """Refuse text that is no Unicode, from an escape such as ``\\ud800`` or a file name of other bytes.

    Raises
    ------
    InputError
        Showing the text.
    """
    if isinstance(value, dict):
        for part in (*value, *value.values()):
            refuse_half_characters(part, source=source)
    elif isinstance(value, (list, tuple)):
        for part in value:
            refuse_half_characters(part, source=source)
    elif isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise InputError(f"expected Unicode text in {source}, got {value!r:.80}", hint="rename the file or the column")


def from_json(kind: type[T], text: str | bytes, *, source: str) -> T:
    """Read one of our own JSON documents back, losslessly."""
    from pydantic import ValidationError

    try:
        return cast(T, _adapter(cast(Any, kind)).validate_json(text))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the top level"
        raise InputError(
            f"{source} is not a valid {kind.__name__} document: at {place}: {first['msg']}",
            hint="it may be damaged or written by another version; run `holdfast verify` on its bundle",
        ) from None


def json_schema(kind: type) -> dict[str, Any]:
    """Return the JSON Schema of a document type."""
    return cast("dict[str, Any]", _adapter(cast(Any, kind)).json_schema(mode="serialization"))


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _refuse_unknown_keys(kind: Any, value: dict[str, Any], *, source: str) -> None:
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    for key, item in value.items():
        if key not in names:
            raise InputError(f"unknown key {key!r} in {source}", hint=did_you_mean(str(key), names))
        for candidate in (hints[key], *get_args(hints[key])):
            if is_dataclass(candidate):
                items = item if isinstance(item, list) else [item]
                for part in items:
                    if isinstance(part, dict):
                        _refuse_unknown_keys(candidate, part, source=f"{source}, {key}")
