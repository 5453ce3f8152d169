"""A labelled sample is read strictly, and limits are held against the bad end of an interval."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from holdfast.auditing.personal_data import build_detector
from holdfast.auditing.personal_data_scoring import evaluate
from holdfast.core.errors import InputError

MAIL = "jane.roe@example.org"


def written(folder: Path, *records: Any) -> Path:
    path = folder / "sample.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def record(**changes: Any) -> dict[str, Any]:
    return {"text": f"to {MAIL}", "spans": [{"start": 3, "end": 3 + len(MAIL), "label": "EMAIL"}], **changes}


def test_labels_are_compared_under_one_name(tmp_path: Path) -> None:
    scored = evaluate(written(tmp_path, *[record()] * 30), build_detector())
    assert [score.label for score in scored.scores] == ["all", "EMAIL_ADDRESS"]
    assert scored.scores[0].f1.value == 1.0
    assert (scored.n_records, scored.n_groups, scored.failures) == (30, 30, ())
    named = evaluate(written(tmp_path, *[record()] * 30), build_detector(), names={"EMAIL": "X", "EMAIL_ADDRESS": "X"})
    assert (named.scores[1].label, named.scores[1].f1.value) == ("X", 1.0)


def test_limits_are_held_against_the_bad_end(tmp_path: Path) -> None:
    path = written(tmp_path, *[record(at=i) for i in range(40)])
    kept = evaluate(path, build_detector(), min_f1=0.9, max_leak=0.1)
    assert kept.failures == ()
    small = evaluate(written(tmp_path, record(), record()), build_detector(), min_f1=0.9, max_leak=0.1)
    assert len(small.failures) == 2
    assert "a larger sample may show it" in small.failures[0]


def test_groups_are_those_of_the_field(tmp_path: Path) -> None:
    path = written(tmp_path, *[record(of=i % 3) for i in range(30)])
    assert evaluate(path, build_detector(), group="of").n_groups == 3


def test_labels_that_the_sample_does_not_have_are_told(tmp_path: Path) -> None:
    text = f"{MAIL} or https://example.org/a"
    spans = [{"start": 0, "end": len(MAIL), "label": "EMAIL"}]
    scored = evaluate(written(tmp_path, record(text=text, spans=spans)), build_detector())
    assert scored.not_counted == {"URL": 1}
    assert scored.scores[0].precision.value == 1.0


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"text": 3}, "expected text in the field 'text', got int"),
        ({"spans": "x"}, "expected a list of spans"),
        ({"spans": [3]}, "expected spans with start, end and label"),
        ({"spans": [{"start": 5, "end": 99, "label": "A"}]}, "0 <= start < end <= 23"),
        ({"spans": [{"start": True, "end": 2, "label": "A"}]}, "0 <= start < end"),
    ],
)
def test_records_that_are_not_as_described_are_refused(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=rf"line 2: .*{words}"):
        evaluate(written(tmp_path, record(), record(**changed)), build_detector())


def test_files_that_are_no_sample_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no field 'spans'"):
        evaluate(written(tmp_path, {"text": "x"}), build_detector())
    with pytest.raises(InputError, match="got an empty file"):
        evaluate(written(tmp_path), build_detector())
    with pytest.raises(InputError, match="has the label 'PERSON'"):
        evaluate(written(tmp_path, record()), build_detector(), labels=["PERSON"])
    with pytest.raises(InputError, match="expected --min-f1 from 0 to 1"):
        evaluate(written(tmp_path, record()), build_detector(), min_f1=95)
