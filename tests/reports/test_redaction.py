from __future__ import annotations

from holdfast.core.redaction import LeakRate, QualityChange, RedactionRecord, RestoreRecord, TreatedCount
from holdfast.reports.redaction import redaction_html, redaction_text, restore_text

REMOVED = (TreatedCount(label="PERSON", method="replace", n=3),)
REVERSIBLE = (
    TreatedCount(label="CREDIT_CARD", method="encrypt", n=1, key_id="0123abcd"),
    TreatedCount(label="PERSON", method="token", n=1_200, key_id="0123abcd"),
    TreatedCount(label="TITLE", method="keep", n=7),
)


def record(treated: tuple[TreatedCount, ...], **fields: object) -> RedactionRecord:
    usual = {"n_records": 10, "n_suppressed": 0, "fallbacks": {}, "remaining": {}}
    return RedactionRecord(
        source="<b>a.csv", output="b.csv", plan="own", purpose="test", treated=treated, **{**usual, **fields}
    )


def test_reversible_values_are_named_with_their_key_and_what_the_law_says() -> None:
    text = redaction_text(record(REVERSIBLE))
    assert text.startswith("1,201 values treated in 10 records\n")
    assert "Whoever holds the key 0123abcd can read the reversible values again." in text
    assert "FF1 keeps no integrity" in text
    assert "GDPR Art. 4(5), recital 26" in text


def test_without_a_key_the_text_does_not_speak_of_one() -> None:
    text = redaction_text(record(REMOVED))
    assert "key " not in text.split("\n\n")[1].replace("key  standing", "")
    assert "Nothing here shows that the rest is anonymous" in text


def test_what_was_measured_is_said_with_its_interval() -> None:
    leak = LeakRate(
        what="part", n=200, n_leaked=3, n_groups=20, value=0.015, low=0.003, high=0.06, level=0.95, method="m"
    )
    quality = QualityChange(
        metric="AUC", n=500, before=0.9, after=0.88, difference=-0.02, low=-0.03, high=-0.01, level=0.95,
        method="DeLong", is_retrained=True,
    )  # fmt: skip
    found = record(REVERSIBLE, remaining={"PERSON": 2}, leaks=(leak,), quality=(quality,), n_suppressed=1)
    for text in (redaction_text(found), redaction_html(found)):
        assert "1 record left out" in text
        assert "still finds 2 places: 2 PERSON" in text
        assert "3 of 200 marked spans are not fully covered: 1.50% (0.30% to 6.00% at 95%, 20 groups)" in text
        assert "difference -0.0200 (-0.0300 to -0.0100 at 95%, DeLong, 500 rows)" in text.replace("&minus;", "-")


def test_nobody_looked_again_is_not_nothing_was_found() -> None:
    assert "Looked at again" not in redaction_text(record(REMOVED, remaining=None))


def test_names_of_files_are_text_on_the_page() -> None:
    page = redaction_html(record(REMOVED))
    assert "<b>a.csv" not in page
    assert "&lt;b&gt;a.csv" in page


def test_what_stays_as_found_is_said_on_restoring() -> None:
    text = restore_text(
        RestoreRecord(source="a", output="b", n_records=2, restored={"token": 3}, n_altered=1, n_erased=2)
    )
    assert text.splitlines()[:2] == ["a: 3 values put back in 2 records", "  token: 3"]
    assert "1 place left as found: the right key does not vouch for it" in text
    assert "2 tokens left as found: the value was erased from the vault" in text
