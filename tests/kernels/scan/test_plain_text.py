import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.scan.observation import Budget, Place
from holdfast.kernels.scan.plain_text import walk_text


@pytest.mark.parametrize(
    "text",
    [
        b"a: !!python/object/apply:os.system [ls]\n",
        b"!!python/object/new:type {}\n",
        b"- !!python/name:os.system\n",
        b"[!!python/tuple [1]]\n",
        b"a: &x !!python/object:m.C {}\n",
        b"a: !<tag:yaml.org,2002:python/object/apply:os.system> [ls]\n",
        b"a: !!Python/object:x {}\n",
    ],
)
def test_tag_that_builds_python_objects_executes(scan_file, rules, text) -> None:  # type: ignore[no-untyped-def]
    assert "executes yaml.python-tag" in rules(scan_file(text))


@pytest.mark.parametrize(
    "text", [b"%TAG ! tag:yaml.org,2002:python/\n---\na: !object/apply:os.system [ls]\n", b"a: !!evil [1]\n"]
)
def test_tag_of_unknown_meaning_is_unknown(scan_file, text) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(text).verdict == "fail"


@pytest.mark.parametrize(
    "text",
    [
        b"a: !!str 3\nb: !!binary aGVsbG8=\n",
        b"Do not use `!!python/object` in files.\n",
        b"Wow!! That is great!\n",
        b"- !!! Attention !!!\n",
        b"a: 1 # !important\nb: 2\n",
        "name: größer\n".encode(),
        "text".encode("utf-16"),
    ],
)
def test_ordinary_text_passes(scan_file, text) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(text).verdict == "pass"


def test_program_text_is_not_examined(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    assert rules(scan_file(b"import os\nos.remove('x')\n")) == {"not_examined text.python"}


def test_entities_of_xml_are_suspicious(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    text = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>\n'
    assert "suspicious text.xml-entity" in rules(scan_file(text))


@given(st.binary(max_size=200))
def test_any_bytes_are_walked(data: bytes) -> None:
    walk_text(memoryview(data), Place(("f",), 0, len(data)), Budget(0, 0, 0, lambda: False))


def test_aliases_of_aliases_are_a_bomb(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))
    assert rules(scan_file(f"a0: &a0 [x]\n{levels}\n".encode())) == {"suspicious yaml.alias-bomb"}


def test_ordinary_anchors_are_no_bomb(scan_file) -> None:  # type: ignore[no-untyped-def]
    text = b"base: &base\n  lr: 0.1\n" + b"".join(b"m%d:\n  <<: *base\n" % n for n in range(2000))
    assert scan_file(text).verdict == "pass"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_configuration_of_wide_characters_is_judged(scan_file, rules, encoding) -> None:  # type: ignore[no-untyped-def]
    layer = '{"class_name": "Lambda", "config": {}}'
    assert rules(scan_file(layer.encode(encoding))) == {"executes keras.code"}
    big = {"utf-16": b"\xfe\xff", "utf-32": b"\0\0\xfe\xff"}[encoding] + layer.encode(f"{encoding}-be")
    assert rules(scan_file(big)) == {"executes keras.code"}


def test_mark_of_a_wide_text_before_other_bytes_is_malformed(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    assert rules(scan_file(b"\xff\xfe\x00\xd8\x00\xd8")) == {"malformed text.encoding"}


@pytest.mark.parametrize(
    "before",
    ['x: {"a":', "x: &a-b ", "x:\r  ", "x:\u2028  ", "['a', ", "['a',\u2028", "{'a':", "\ufeff'x': ", "? &a ", "--- "],
)
@pytest.mark.parametrize(
    "tag",
    ["!!python/object/apply:os.system", "!!%70ython/name:os", "!<tag:yaml.org,2002:%70ython/object/apply:os.system>"],
)
def test_tag_of_python_is_found_wherever_one_may_stand(scan_file, rules, before, tag) -> None:  # type: ignore[no-untyped-def]
    assert "executes yaml.python-tag" in rules(scan_file(f"{before}{tag} ['x']\n".encode()))


@pytest.mark.parametrize(
    "text", ["Loading `!!python/object` runs code.\n", "Run !python train.py!!\n", "!!! python/x\n"]
)
def test_words_about_python_pass(scan_file, text) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(text.encode()).verdict == "pass"


@pytest.mark.parametrize(
    "text",
    [
        "m:\n  _target_: os.system\n",
        "m: {'_target_': \"os.system\"}\n",
        "- _target_: 'os.system'\n",
        'm: {"_t\\x61rget_": "os.system"}\n',
        'm: {"_target_": "\\u006fs.system"}\n',
        'm:\n  "_tar\\\n  get_": os.system\n',
        "m:\n  _target_: !!str os.system\n",
        "m:\n  _target_: &a os.system\n",
        "m:\n  _target_: >-\n    os.system\n",
        "a: &a os.system\nm:\n  _target_: *a\n",
        "m:\n  ? _target_\n  : os.system\n",
    ],
)
def test_part_of_the_standard_library_to_call_is_unknown(scan_file, rules, text) -> None:  # type: ignore[no-untyped-def]
    assert rules(scan_file(text.encode())) == {"unknown config.target"}
    ordinary = (
        text.replace("*a", "os.system").replace("\\u006fs.system", "os.system").replace("os.system", "torch.Adam")
    )
    assert scan_file(ordinary.encode()).verdict == "pass"
