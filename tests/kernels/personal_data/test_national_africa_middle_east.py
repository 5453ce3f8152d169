from __future__ import annotations

import pytest

from holdfast.kernels.personal_data import national_africa_middle_east as national

# Numbers that authorities, standards and handbooks print as examples; a few computed by hand by their rule.
VALID = [
    ("is_israeli_id", "039337423"),
    ("is_turkish_id", "17291716060"),
    ("is_vkn", "4540536920"),
    ("is_saudi_id", "1000000008"),
    ("is_emirates_id", "784198512345673"),
    ("is_kuwaiti_civil_id", "285010100111"),
    ("is_iranian_code", "0084575948"),
    ("is_egyptian_id", "29001011234567"),
    ("is_south_african_id", "8001015009087"),
    ("is_mauritian_id", "J2906201304089"),
    ("is_ghanaian_tin", "C0000803561"),
    ("is_nuit", "400339910"),
]
INVALID = [
    ("is_israeli_id", "000000000"),  # zeros
    ("is_turkish_id", "07291716060"),  # 0 in front
    ("is_saudi_id", "3000000006"),  # 3 in front
    ("is_emirates_id", "785198512345675"),  # not 784
    ("is_kuwaiti_civil_id", "285133100118"),  # month 13
    ("is_iranian_code", "1111111111"),  # one digit ten times
    ("is_egyptian_id", "29013011234567"),  # month 13
    ("is_egyptian_id", "29001019934567"),  # governorate 99
    ("is_south_african_id", "8013015009087"),  # month 13
    ("is_mauritian_id", "J2913201304089"),  # month 13
]


@pytest.mark.parametrize(("validator", "text"), VALID)
def test_published_numbers_pass(validator, text):
    assert getattr(national, validator)(text)


@pytest.mark.parametrize(("validator", "text"), INVALID)
def test_impossible_numbers_fail(validator, text):
    assert not getattr(national, validator)(text)
