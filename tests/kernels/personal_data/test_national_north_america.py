from __future__ import annotations

import pytest

from holdfast.kernels.personal_data import national_north_america as national

# Numbers that authorities, standards and handbooks print as examples; a few computed by hand by their rule.
VALID = [
    ("is_ssn", "536904399"),
    ("is_itin", "912903456"),
    ("is_ein", "911144442"),
    ("is_npi", "1234567893"),
    ("is_dea", "AB1234563"),
    ("is_sin", "123456782"),
]
INVALID = [
    ("is_ssn", "000121234"),  # area 000
    ("is_ssn", "666121234"),  # area 666
    ("is_ssn", "900121234"),  # area 9xx
    ("is_ssn", "123001234"),  # group 00
    ("is_ssn", "123120000"),  # serial 0000
    ("is_ssn", "078051120"),  # printed in wallets
    ("is_itin", "912893456"),  # middle 89
    ("is_itin", "812903456"),  # 8 in front
    ("is_ein", "071144442"),  # prefix 07
    ("is_npi", "1234567890"),  # check digit
    ("is_dea", "AB1234560"),  # check digit
    ("is_sin", "046454286"),  # 0 in front
]


@pytest.mark.parametrize(("validator", "text"), VALID)
def test_published_numbers_pass(validator, text):
    assert getattr(national, validator)(text)


@pytest.mark.parametrize(("validator", "text"), INVALID)
def test_impossible_numbers_fail(validator, text):
    assert not getattr(national, validator)(text)
