from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.errors import InputError
from holdfast.kernels.personal_data.checksums import luhn
from holdfast.kernels.personal_data.rule import Span
from holdfast.redaction.documents import Leaf
from holdfast.redaction.plan import Plan
from holdfast.redaction.redacting import Redactor, Replacement, outside, redact_text
from holdfast.redaction.restoring import FormatRestorer, Restorer, format_places
from holdfast.redaction.transforms import Document
from holdfast.redaction.vault import open_vault
from tests.redaction.finding import KEYS, OTHER_KEYS, Finding, plan_of

LABELS = ("PERSON", "EMAIL_ADDRESS", "CREDIT_CARD", "IBAN_CODE", "US_SSN")
# pieces that look like tokens, cards and the like stand beside any Unicode, half characters included
PIECES = st.one_of(
    st.text(max_size=12),
    st.text(st.characters(exclude_categories=()), max_size=6),
    st.sampled_from(
        ["[PERSON:s:", "12345678:test:", "A" * 24, "]", "4111111111111111", "GB82WEST12345698765432", "@", "x.org"]
    ),
)
TEXTS = st.lists(PIECES, max_size=8).map("".join)


@st.composite
def texts_with_spans(draw: st.DrawFn) -> tuple[str, list[Span]]:
    text = draw(TEXTS)
    cut = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))
    spans = draw(st.lists(st.tuples(cut, st.sampled_from(LABELS), st.floats(0, 1)), max_size=4))
    return text, [Span(min(ends), max(ends), label, score) for ends, label, score in spans]


def restored(text: str, spans: list[Span], plan: Plan) -> str:
    redacted = Redactor(plan, keys=KEYS).redact_text(text, spans)
    places = format_places([redacted], [Leaf(text)])
    [in_format] = FormatRestorer(plan, KEYS.newest).restore([redacted.text or ""], places)
    return Restorer(KEYS).restore_text(in_format)


# Properties


@pytest.mark.parametrize("rule", ["token", "encrypt", {"transform": "token", "keep_domain": True},
                                  {"transform": "encrypt", "keep_domain": True, "keep_first": 1}])  # fmt: skip
@settings(max_examples=50, deadline=None)
@given(case=texts_with_spans())
def test_restoring_gives_any_text_back(rule: object, case: tuple[str, list[Span]]) -> None:
    text, spans = case
    assert restored(text, spans, plan_of(rule)) == text


@settings(max_examples=50, deadline=None)
@given(texts_with_spans())
def test_redacting_twice_can_be_undone_twice(case: tuple[str, list[Span]]) -> None:
    text, spans = case
    redactor, restorer = Redactor(plan_of("token"), keys=KEYS), Restorer(KEYS)
    once = redactor.redact_text(text, spans).text or ""
    twice = redactor.redact_text(once, Finding().find([once])[0]).text or ""
    assert restorer.restore_text(restorer.restore_text(twice)) == text


@settings(max_examples=50, deadline=None)
@given(texts_with_spans(), st.sampled_from(["replace", "mask", "hash", "token", "drop"]))
def test_replacements_stand_where_they_are_said_to_stand(case: tuple[str, list[Span]], method: str) -> None:
    text, spans = case
    redacted = Redactor(plan_of(method), keys=KEYS).redact_text(text, spans)
    kept = list(redacted.text or "")
    for found in reversed(redacted.replacements):
        del kept[found.start : found.end]
    covered = {at for span in spans for at in range(span.start, span.end)}
    left = [letter for at, letter in enumerate(text) if at not in covered]
    if method != "token":  # which also wraps what looks like a token
        assert kept == left


@given(st.text(min_size=1), st.text(min_size=1))
def test_equal_values_get_equal_tokens_and_others_do_not(one: str, other: str) -> None:
    tokens = [
        redact_text(v, [Span(0, len(v), "PERSON", 1.0)], plan_of("token"), keys=KEYS)[0] for v in (one, one, other)
    ]
    assert tokens[0] == tokens[1]
    assert (tokens[0] == tokens[2]) == (one == other)


# Known answers


def test_people_are_numbered_within_a_document() -> None:
    text = "Ann Lee wrote to Bob Ray; ann lee waited. Ann  Lee left."
    spans = [Span(0, 7, "PERSON", 1), Span(17, 24, "PERSON", 1), Span(26, 33, "PERSON", 1), Span(42, 50, "PERSON", 1)]
    found, counts = redact_text(text, spans, plan_of())
    assert found == "[PERSON_1] wrote to [PERSON_2]; [PERSON_1] waited. [PERSON_1] left."
    assert [(c.label, c.method, c.n) for c in counts] == [("PERSON", "replace", 4)]


def test_overlapping_spans_leave_nothing_of_either_readable() -> None:
    spans = [Span(0, 9, "PERSON", 0.6), Span(4, 15, "EMAIL_ADDRESS", 0.9)]
    assert redact_text("Ann ann@mail.org!", spans, plan_of())[0] == "[EMAIL_ADDRESS_1]g!"


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ("drop", "Ann", ""),
        ("keep", "Ann", "Ann"),
        ({"transform": "mask", "keep_last": 4}, "4111 1111 1111 1111", "**** **** **** 1111"),
        ({"transform": "mask", "keep_first": 1, "keep_domain": True}, "ann@x.org", "a**@x.org"),
        ({"transform": "generalise", "to": "age_band", "width": 5}, "37", "35-39"),
        ({"transform": "generalise", "to": "year"}, "12 May 1980", "1980"),
        ({"transform": "generalise", "to": "year"}, "yesterday", "[PERSON_1]"),
    ],
)
def test_each_transform_does_what_it_says(rule: object, value: str, expected: str) -> None:
    assert redact_text(value, [Span(0, len(value), "PERSON", 1.0)], plan_of(rule), keys=KEYS)[0] == expected


def test_suppression_leaves_the_record_out() -> None:
    assert redact_text("a 1", [Span(0, 1, "PERSON", 1.0)], plan_of("suppress"))[0] is None


def test_cards_encrypted_in_text_stay_cards() -> None:
    found, counts = redact_text(
        "pay 4111 1111 1111 1111", [Span(4, 23, "CREDIT_CARD", 1)], plan_of("encrypt"), keys=KEYS
    )
    assert found is not None
    assert (found[:11], len(found), luhn(found[4:].replace(" ", ""))) == ("pay 4111 11", 23, True)
    assert found != "pay 4111 1111 1111 1111"
    assert counts[0].key_id == KEYS.newest.id


@pytest.mark.parametrize(
    ("label", "value"), [("ZIP_CODE", "94110"), ("PERSON", "Zoë Ünal"), ("CREDIT_CARD", "4111111111111112")]
)
def test_what_has_no_format_of_its_own_becomes_a_token(label: str, value: str) -> None:
    redactor = Redactor(plan_of("encrypt"), keys=KEYS)
    found = redactor.redact_text(value, [Span(0, len(value), label, 1.0)])
    assert found.replacements[0].method == "token"
    assert redactor.tally.fallbacks == {label: 1}
    assert value not in (found.text or "")


# Keyed hashes and dates


def hashed(value: str, *, label: str = "PERSON", purpose: str = "a", keys: object = KEYS) -> str:
    from holdfast.redaction.keys import KeyRing
    from holdfast.redaction.plan import parse_plan

    assert isinstance(keys, KeyRing)
    plan = parse_plan({"purpose": purpose, "default": "hash"}, source="a test")
    return str(redact_text(value, [Span(0, len(value), label, 1.0)], plan, keys=keys)[0])


def test_hashes_are_apart_by_label_purpose_and_key_and_alike_by_value() -> None:
    hashes = [hashed("Ann"), hashed("Ann", label="NICK"), hashed("Ann", purpose="b"), hashed("Ann", keys=OTHER_KEYS)]
    assert len({each.split("#")[-1] for each in hashes}) == 4
    assert hashed(" ann ".strip()) == hashed("ANN") == hashes[0]
    assert hashes[0].split("#")[1] == KEYS.newest.id


def shifted(value: str, subject: str) -> str:
    plan = plan_of("shift_date")
    return str(redact_text(value, [Span(0, len(value), "DATE_TIME", 1.0)], plan, keys=KEYS, subject=subject)[0])


@given(st.dates(), st.dates(), st.text(max_size=8))
def test_intervals_of_a_subject_stay(first: object, second: object, subject: str) -> None:
    from datetime import date

    assert isinstance(first, date)
    assert isinstance(second, date)
    moved = [shifted(str(day), subject) for day in (first, second)]
    if all(each[0] != "[" for each in moved):  # at the ends of the calendar there is no room to move
        assert date.fromisoformat(moved[0]) - date.fromisoformat(moved[1]) == first - second
        assert moved[0] != str(first)


def test_subjects_move_by_different_numbers_of_days() -> None:
    assert len({shifted("2000-01-01", f"person {n}") for n in range(40)}) > 30


# What is left


def test_only_what_lies_outside_replacements_is_left() -> None:
    text = "[PERSON_1] Smith, [PERSON_2] 12"
    done = [Replacement(0, 10, "PERSON", "replace"), Replacement(18, 28, "PERSON", "replace")]
    spans = [Span(0, 10, "PERSON", 1), Span(1, 16, "PERSON", 1), Span(18, 29, "PERSON", 1), Span(29, 31, "AGE", 1)]
    assert outside(text, spans, done) == [spans[1], spans[3]]


# Keys and vault


def test_a_plan_that_needs_a_key_says_so() -> None:
    with pytest.raises(InputError, match=r"uses token, which needs a key"):
        Redactor(plan_of("token"))
    with pytest.raises(InputError, match=r"keeps values in a vault"):
        Redactor(plan_of("vault"), keys=KEYS)


def test_a_vault_gives_values_back_until_they_are_erased(tmp_path: Path) -> None:
    plan, path = plan_of("vault"), tmp_path / "vault.db"
    with open_vault(path, KEYS, create=True) as vault:
        redactor = Redactor(plan, keys=KEYS, vault=vault)
        ann, bob = (
            redactor.redact_text(f"{name} Secretname", [Span(0, 14, "PERSON", 1.0)], Document(name)).text or ""
            for name in ("Ann", "Bob")
        )
        again = redactor.redact_text("Ann Secretname", [Span(0, 14, "PERSON", 1.0)], Document("Ann")).text
        vault.commit()
    assert again == ann
    assert (path.stat().st_mode & 0o777) == 0o600
    with open_vault(path, KEYS, create=False) as vault:
        assert Restorer(KEYS, vault=vault).restore_text(f"{ann} {bob}") == "Ann Secretname Bob Secretname"
        assert vault.erase("Ann") == 1
        restorer = Restorer(KEYS, vault=vault)
        assert restorer.restore_text(f"{ann} {bob}") == f"{ann} Bob Secretname"
        assert restorer.n_erased == 1
    assert b"Secretname" not in path.read_bytes()
    assert b"Ann" not in path.read_bytes()


def test_a_vault_belongs_to_its_key(tmp_path: Path) -> None:
    with open_vault(tmp_path / "v", KEYS, create=True) as vault:
        token = vault.put("Ann", label="PERSON", purpose="test", subject="Ann")
        vault.commit()
    with open_vault(tmp_path / "v", OTHER_KEYS, create=False) as vault:
        with pytest.raises(InputError, match=f"expected the key {KEYS.newest.id}"):
            Restorer(OTHER_KEYS, vault=vault).restore_text(token)
        assert vault.erase("Ann") == 0


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be one" * 30, None])
def test_what_is_no_vault_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "v"
    if content:
        path.write_bytes(content)
    with pytest.raises(InputError, match="vault"), open_vault(path, KEYS, create=False):
        pass


def test_an_altered_token_is_told_apart_from_a_wrong_key() -> None:
    token = str(redact_text("Ann", [Span(0, 3, "PERSON", 1.0)], plan_of("token"), keys=KEYS)[0])
    at = token.rindex(":") + 3
    altered = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
    restorer = Restorer(KEYS)
    assert restorer.restore_text(altered) == altered
    assert (restorer.n_altered, restorer.restored.total()) == (1, 0)
    with pytest.raises(InputError, match=f"expected the key {KEYS.newest.id}, .* holds {OTHER_KEYS.newest.id}"):
        Restorer(OTHER_KEYS).restore_text(token)


def test_a_token_does_not_open_under_another_label_or_purpose() -> None:
    token = str(redact_text("Ann", [Span(0, 3, "PERSON", 1.0)], plan_of("token"), keys=KEYS)[0])
    restorer = Restorer(KEYS)
    for other in (token.replace("PERSON", "NICKNAME"), token.replace(":test:", ":other:")):
        assert restorer.restore_text(other) == other
    assert restorer.n_altered == 2
