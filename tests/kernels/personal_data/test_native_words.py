from __future__ import annotations

import pytest

from holdfast.kernels.personal_data.native_words import native_recogniser


@pytest.mark.parametrize(
    ("text", "value", "label"),
    [
        ("我的身份证号码是11010519491231002X。", "11010519491231002X", "CN_RESIDENT_ID"),
        ("私のマイナンバーは123456789018です。", "123456789018", "JP_MY_NUMBER"),
        ("제 주민등록번호는 971013-1019907입니다.", None, "KR_RRN"),
        ("מספר תעודת זהות 393374230", None, "IL_ID"),
        ("เลขประจำตัวประชาชน 1101700203450", "1101700203450", "TH_ID"),
        ("الرقم القومي ٢٩٠٠١٠١١٢٣٤٥٦٧", "٢٩٠٠١٠١١٢٣٤٥٦٧", "EG_NATIONAL_ID"),
    ],
)
def test_words_of_other_scripts_are_context(text, value, label):
    spans = native_recogniser([text])[0]
    if value is not None:
        assert [(text[span.start : span.end], span.label) for span in spans] == [(value, label)]
    assert all(span.score > 0.5 for span in spans)


def test_a_wrong_check_digit_is_not_reported():
    assert native_recogniser(["私のマイナンバーは123456789019です。"]) == [[]]


def test_a_word_far_away_is_no_context():
    assert native_recogniser(["マイナンバー" + "。" * 60 + "123456789018"]) == [[]]


def test_latin_texts_are_left_to_the_rules():
    assert native_recogniser(["My Number 123456789018", "Größe 123456789018"]) == [[], []]
