"""Tests of the detector that every surface uses."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.kernels.personal_data.detector import default_detector
from holdfast.kernels.personal_data.rule import Span


def test_labels_limit_what_is_reported() -> None:
    text = "Write to anna@example.com or call +44 20 7946 0018"
    labels = [span.label for span in default_detector().find([text])[0]]
    assert labels == ["EMAIL_ADDRESS", "PHONE_NUMBER"]
    assert [span.label for span in default_detector(labels=["PHONE_NUMBER"]).find([text])[0]] == ["PHONE_NUMBER"]


def test_recognisers_add_spans_and_overlaps_are_resolved() -> None:
    def everything(texts: Sequence[str]) -> list[list[Span]]:
        return [[Span(0, len(text), "ALL", 0.9)] for text in texts]

    found = default_detector(recognisers=[everything]).find(["anna@example.com", "nothing"])
    assert [[span.label for span in spans] for spans in found] == [["EMAIL_ADDRESS"], ["ALL"]]
