import pytest

from holdfast.kernels.scan import allow_rules
from holdfast.kernels.scan.allow_list import Rule, parse_allow_list, parse_pattern, parse_rule, shipped_allow_list

DATA = """
{"versions": {"sklearn": ["1.0"]},
 "globals": {"sklearn.a": {"B": ["new()", "state:dict"]}, "os": {"system": ["ref"]}}}
"""


def test_pattern_lists_alternatives_per_argument() -> None:
    assert parse_pattern("int|none, str") == (("int", "none"), ("str",))
    assert parse_pattern("") == ()


def test_rule_reads_every_token() -> None:
    rule = parse_rule(["ref", "new()", "call(int)", "state:dict", "append", "result:first"])
    assert rule == Rule(True, ((),), ((("int",),),), frozenset({"dict"}), frozenset({"append"}), "first")
    assert rule.is_class


def test_joined_rule_allows_what_either_allows() -> None:
    joined = parse_rule(["call(int)"]).joined(parse_rule(["call(str)", "state:dict", "ref"]))
    assert joined.calls == ((("int",),), (("str",),))
    assert joined.is_reference
    assert joined.states == {"dict"}


def test_generated_list_cannot_bring_in_what_is_never_allowed() -> None:
    allow = parse_allow_list(DATA)
    assert allow.rule("os", "system") is None
    assert allow.rule("sklearn.a", "B") is not None


def test_written_rules_join_every_list() -> None:
    assert parse_allow_list(DATA).rule("numpy", "dtype") is not None


def test_package_is_known_by_its_classes() -> None:
    allow = parse_allow_list(
        '{"versions": {}, "globals": {"sklearn.a.b": {"C": ["new()"], "d": ["ref"]}, "x.y.z": {"f": ["ref"]}}}'
    )
    assert allow.knows_package("sklearn.a.other")
    assert not allow.knows_package("sklearn.b.other")
    assert not allow.knows_package("x.y.other")


def test_constants_are_the_texts_that_rules_name() -> None:
    assert "latin1" in parse_allow_list(DATA).constants()


def test_shipped_list_names_the_versions_it_was_made_from() -> None:
    versions = shipped_allow_list().versions
    assert {"sklearn", "numpy", "scipy", "pandas", "torch", "lightgbm", "xgboost"} <= versions.keys()
    assert len(versions["sklearn"]) >= 6
    assert len(shipped_allow_list().digest) == 64


def test_digest_covers_the_rules_written_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    before = parse_allow_list(DATA).digest
    assert parse_allow_list(DATA).digest == before
    monkeypatch.setitem(allow_rules.WRITTEN, "pytz:_UTC", ["call(int)"])
    assert parse_allow_list(DATA).digest != before


def test_state_may_be_a_tuple_of_named_kinds() -> None:
    rule = parse_rule(["state(@a:b, empty, dict|none)", "state:list"])
    assert rule.shapes == ((("@a:b",), ("empty",), ("dict", "none")),)
    assert rule.states == {"list"}
