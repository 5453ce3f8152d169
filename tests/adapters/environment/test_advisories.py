"""Which OSV records concern a component: PEP 440 throughout."""

from __future__ import annotations

import json
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from holdfast.adapters.environment.advisories import read_advisories, vulnerabilities
from holdfast.core.errors import InputError
from holdfast.core.materials import Component, Vulnerability


def record(id: str = "PYSEC-1", name: str = "some-lib", *events: dict[str, str], **other: Any) -> dict[str, Any]:
    affected = {"package": {"ecosystem": "PyPI", "name": name}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    return {"id": id, "affected": [affected], **other}


def component(version: str, name: str = "some-lib") -> Component:
    purl = f"pkg:pypi/{name}@{version}"
    return Component(ref=purl, kind="library", name=name, version=version, purl=purl)


def look_up(tmp_path: Path, records: Any, *components: Component) -> tuple[Vulnerability, ...]:
    file = tmp_path / "osv.json"
    file.write_text(json.dumps(records))
    return vulnerabilities(components, read_advisories(file))[0]


FROM_TO = ({"introduced": "1.0"}, {"fixed": "2.0"})


@pytest.mark.parametrize(
    ("events", "version", "affected"),
    [
        (FROM_TO, "1.0", True),
        (FROM_TO, "1.10", True),
        (FROM_TO, "0.9", False),
        (FROM_TO, "2.0", False),
        (FROM_TO, "2.0rc1", True),
        (FROM_TO, "1.0rc1", False),
        (FROM_TO, "1.0.post1", True),
        (FROM_TO, "1!1.5", False),
        (FROM_TO, "1.5+cpu", True),
        (({"introduced": "0"}, {"fixed": "2.0"}), "0.0.1.dev3", True),
        (({"introduced": "0"},), "99", True),
        (({"introduced": "1"}, {"last_affected": "1.5"}), "1.5", True),
        (({"introduced": "1"}, {"last_affected": "1.5"}), "1.5+cpu", True),
        (({"introduced": "1"}, {"last_affected": "1.5"}), "1.5.1", False),
        (({"introduced": "3"}, {"fixed": "3.1"}, {"introduced": "1"}, {"fixed": "1.2"}), "1.1", True),
        (({"introduced": "3"}, {"fixed": "3.1"}, {"introduced": "1"}, {"fixed": "1.2"}), "2.0", False),
        (({"introduced": "3"}, {"fixed": "3.1"}, {"introduced": "1"}, {"fixed": "1.2"}), "3.0.9", True),
        (({"introduced": "1", "fixed": "2"},), "1.5", True),
    ],
)
def test_a_range_is_walked_by_the_order_of_versions(
    events: tuple[dict[str, str], ...], version: str, affected: bool, tmp_path: Path
) -> None:
    assert bool(look_up(tmp_path, record("PYSEC-1", "Some_Lib", *events), component(version))) == affected


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.integers(0, 30), min_size=2, max_size=6, unique=True).map(sorted),
    st.integers(0, 30),
    st.sampled_from(["", "rc1", ".post1", ".dev1", "+local"]),
    st.randoms(use_true_random=False),
)
def test_ranges_agree_with_the_specifiers_of_packaging(
    tmp_path_factory: pytest.TempPathFactory, ends: list[int], at: int, suffix: str, order: random.Random
) -> None:
    pairs = list(zip(ends[::2], ends[1::2], strict=False))
    events = [event for a, b in pairs for event in ({"introduced": f"{a}.0"}, {"fixed": f"{b}.0"})]
    order.shuffle(events)
    version = f"{at}.0{suffix}"
    # by the order of PEP 440, which a specifier bends for pre-releases at its end: those are asked in two steps
    inside = any(
        SpecifierSet(f">={a}.0", prereleases=True).contains(version.partition("+")[0])
        and not SpecifierSet(f">={b}.0", prereleases=True).contains(version.partition("+")[0])
        for a, b in pairs
    )
    found = look_up(tmp_path_factory.mktemp("o"), record("PYSEC-1", "some-lib", *events), component(version))
    assert bool(found) == inside


def test_versions_that_are_listed_are_affected_however_they_are_spelled(tmp_path: Path) -> None:
    listed = {"id": "A", "affected": [{"package": {"ecosystem": "PyPI", "name": "some.lib"}, "versions": ["1.0.0"]}]}
    assert look_up(tmp_path, listed, component("1.0"))
    assert look_up(tmp_path, listed, component("1.0.0+cu121"))
    assert not look_up(tmp_path, listed, component("1.0.1"))


def test_other_ecosystems_and_other_names_do_not_matter(tmp_path: Path) -> None:
    npm = record("A", "some-lib", {"introduced": "0"})
    npm["affected"][0]["package"]["ecosystem"] = "npm"
    assert not look_up(tmp_path, [npm, record("B", "other", {"introduced": "0"})], component("1"))


def test_withdrawn_records_count_for_nothing(tmp_path: Path) -> None:
    gone = record("A", "some-lib", {"introduced": "0"}, withdrawn="2026-01-01T00:00:00Z")
    file = tmp_path / "osv.json"
    file.write_text(json.dumps([gone, record("B", "other")]))
    found, source = vulnerabilities([component("1")], read_advisories(file))
    assert found == ()
    assert (source.records, source.withdrawn) == (2, 1)


def test_records_of_one_fault_are_joined_through_their_names(tmp_path: Path) -> None:
    first = record("PYSEC-1", "some-lib", {"introduced": "0"}, {"fixed": "3"}, aliases=["CVE-1", "GHSA-x"], summary="p")
    second = record("GHSA-x", "some-lib", {"introduced": "0"}, {"fixed": "2.10"}, aliases=["CVE-1"], summary="g")
    second["database_specific"] = {"severity": "MODERATE"}
    second["severity"] = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N"}]
    alone = record("OSV-9", "some-lib", {"introduced": "0"})
    found = look_up(tmp_path, [first, alone, second], component("1"))
    assert [one.id for one in found] == ["CVE-1", "OSV-9"]
    assert found[0].aliases == ("GHSA-x", "PYSEC-1")
    assert found[0].fixed == ("2.10", "3")
    assert (found[0].severity, found[0].vectors) == ("medium", ("CVSS:3.1/AV:N",))


def test_a_chain_of_names_is_one_fault(tmp_path: Path) -> None:
    names = [("C", ["D"]), ("A", ["B"]), ("B", ["C"]), ("Z", [])]
    records = [record(name, "some-lib", {"introduced": "0"}, aliases=aliases) for name, aliases in names]
    assert [one.id for one in look_up(tmp_path, records, component("1"))] == ["A", "Z"]


def test_a_range_with_a_version_of_no_order_is_counted_and_listed_versions_still_hold(tmp_path: Path) -> None:
    odd = record("A", "some-lib", {"introduced": "0"}, {"fixed": "next"})
    odd["affected"][0]["versions"] = ["1.0"]
    file = tmp_path / "osv.json"
    file.write_text(json.dumps(odd))
    found, source = vulnerabilities([component("1.0"), component("1.1")], read_advisories(file))
    assert [one.affects for one in found] == [("pkg:pypi/some-lib@1.0",)]
    assert source.unreadable == 2


@pytest.mark.parametrize("form", ["record", "list", "vulns", "folder", "zip"])
def test_records_come_in_a_file_a_folder_or_an_archive(form: str, tmp_path: Path) -> None:
    one = record("A", "some-lib", {"introduced": "0"})
    place = tmp_path / form
    if form == "folder":
        place.mkdir()
        (place / "A.json").write_text(json.dumps(one))
        (place / "notes.txt").write_text("no record")
    elif form == "zip":
        with zipfile.ZipFile(place, "w") as archive:
            archive.writestr("A.json", json.dumps(one))
    else:
        place.write_text(json.dumps({"record": one, "list": [one], "vulns": {"vulns": [one]}}[form]))
    found, source = vulnerabilities([component("1")], read_advisories(place))
    assert [vulnerability.id for vulnerability in found] == ["A"]
    assert source.records == 1


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", "nonsense", '[{"id": 1}]', '{"id": "A", "affected": [[]]}', '{"id": "A", "aliases": [1]}'],
)
def test_what_is_no_advisory_is_refused_with_a_next_step(content: str, tmp_path: Path) -> None:
    (tmp_path / "osv.json").write_text(content)
    with pytest.raises(InputError) as refused:
        read_advisories(tmp_path / "osv.json")
    assert "OSV" in refused.value.hint


@pytest.mark.parametrize("what", ["absent", "damaged archive"])
def test_advisories_that_cannot_be_read_are_refused(what: str, tmp_path: Path) -> None:
    place = tmp_path / "a.zip"
    if what == "damaged archive":
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("A.json", json.dumps([record("A")] * 100))
        place.write_bytes(place.read_bytes().replace(b"PK\x01\x02", b"PK\x01\x03"))
    with pytest.raises(InputError, match="advisories"):
        read_advisories(place)


NESTED = st.recursive(st.none() | st.booleans() | st.text(max_size=5), lambda x: st.lists(x, max_size=3), max_leaves=5)


@settings(deadline=None, max_examples=80)
@given(st.dictionaries(st.sampled_from(["package", "ranges", "versions", "events"]), NESTED))
def test_a_record_of_another_form_is_refused_or_read_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, affected: dict[str, Any]
) -> None:
    try:
        look_up(tmp_path_factory.mktemp("o"), {"id": "A", "affected": [affected]}, component("1"))
    except InputError as error:
        assert "no OSV record" in error.message  # noqa: PT017
