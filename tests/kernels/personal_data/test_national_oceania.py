from __future__ import annotations

import pytest

from holdfast.kernels.personal_data import national_oceania as national

# Numbers that authorities, standards and handbooks print as examples; a few computed by hand by their rule.
VALID = [
    ("is_tfn", "123456782"),
    ("is_medicare", "2123456701"),
    ("is_abn", "83914571673"),
    ("is_acn", "004085616"),
    ("is_ird", "49091850"),
    ("is_ird", "136410132"),
    ("is_nhi", "ZZZ0016"),
    ("is_nhi", "ZBN77VL"),
]
INVALID = [
    ("is_tfn", "000000000"),  # zeros
    ("is_medicare", "1123456701"),  # 1 in front
    ("is_abn", "83914571674"),  # check digits
    ("is_acn", "000000000"),  # zeros
    ("is_ird", "9125568"),  # below ten million
    ("is_nhi", "ZZZ0044"),  # check digit
]


@pytest.mark.parametrize(("validator", "text"), VALID)
def test_published_numbers_pass(validator, text):
    assert getattr(national, validator)(text)


@pytest.mark.parametrize(("validator", "text"), INVALID)
def test_impossible_numbers_fail(validator, text):
    assert not getattr(national, validator)(text)
