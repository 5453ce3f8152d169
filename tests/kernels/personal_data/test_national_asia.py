from __future__ import annotations

import pytest

from holdfast.kernels.personal_data import national_asia as national

# Numbers that authorities, standards and handbooks print as examples; a few computed by hand by their rule.
VALID = [
    ("is_aadhaar", "234123412346"),
    ("is_gstin", "27AAPFU0939F1ZV"),
    ("is_epic", "WKH1186253"),
    ("is_resident_identity", "11010519491231002X"),
    ("is_resident_identity", "360426199101010071"),
    ("is_hkid", "A1234563"),
    ("is_hkid", "AB9876543"),
    ("is_taiwanese_id", "A123456789"),
    ("is_my_number", "123456789018"),
    ("is_rrn", "9710139019902"),
    ("is_nric", "S1234567D"),
    ("is_nric", "T1234567J"),
    ("is_nric", "F1234567N"),
    ("is_nric", "G1234567X"),
    ("is_nric", "M1234567K"),
    ("is_thai_id", "1101700203450"),
    ("is_mykad", "770305021234"),
    ("is_nik", "3171011708450001"),
    ("is_cccd", "001090012345"),
    ("is_cnic", "4220103976408"),
    ("is_old_sri_lankan", "853400937V"),
    ("is_iin", "851203300489"),
]
INVALID = [
    ("is_aadhaar", "134123412346"),  # 1 in front
    ("is_aadhaar", "222222222222"),  # the same from both ends
    ("is_gstin", "99AAPFU0939F1ZV"),  # state 99
    ("is_resident_identity", "11010519491331002X"),  # month 13
    ("is_resident_identity", "99010519491231002X"),  # province 99
    ("is_taiwanese_id", "A523456789"),  # kind 5
    ("is_rrn", "9713131019902"),  # month 13
    ("is_thai_id", "9101700203450"),  # 9 in front
    ("is_mykad", "771305021234"),  # month 13
    ("is_mykad", "770305001234"),  # place 00
    ("is_nik", "3171013213450001"),  # month 13
    ("is_nik", "9971011708450001"),  # province 99
    ("is_cccd", "099090012345"),  # province 099
    ("is_cnic", "8220103976408"),  # province 8
    ("is_old_sri_lankan", "854000937V"),  # day 400
    ("is_iin", "851303300485"),  # month 13
]


@pytest.mark.parametrize(("validator", "text"), VALID)
def test_published_numbers_pass(validator, text):
    assert getattr(national, validator)(text)


@pytest.mark.parametrize(("validator", "text"), INVALID)
def test_impossible_numbers_fail(validator, text):
    assert not getattr(national, validator)(text)
