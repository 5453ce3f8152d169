from __future__ import annotations

import pytest

from holdfast.kernels.personal_data import national_eastern_europe as national

# Numbers that authorities, standards and handbooks print as examples; a few computed by hand by their rule.
VALID = [
    ("is_pesel", "44051401359"),
    ("is_pesel", "02070803628"),
    ("is_nip", "8567346215"),
    ("is_nip_for_vat", "PL8567346215"),
    ("is_regon", "192598184"),
    ("is_regon", "12345678512347"),
    ("is_dowod", "ABA300000"),
    ("is_polish_passport", "ZS0000177"),
    ("is_rodne_cislo", "7103192745"),
    ("is_rodne_cislo", "530101123"),
    ("is_adoazonosito", "8071592153"),
    ("is_taj", "111111110"),
    ("is_cnp", "1630615123457"),
    ("is_egn", "7523169263"),
    ("is_oib", "33392005961"),
    ("is_jmbg", "0101006500006"),
    ("is_slovenian_tax", "15012557"),
    ("is_rnokpp", "1759013776"),
    ("is_snils", "11223344595"),
    ("is_personal_inn", "500100732259"),
    ("is_idnp", "2004000000002"),
]
INVALID = [
    ("is_pesel", "44131401359"),  # month 13
    ("is_nip", "0000000000"),  # zeros
    ("is_regon", "12345678612342"),  # the first nine wrong
    ("is_dowod", "ABB300000"),  # check digit
    ("is_rodne_cislo", "7113192745"),  # month 13
    ("is_rodne_cislo", "710319123"),  # nine digits after 1953
    ("is_cnp", "1630615993457"),  # county 99
    ("is_egn", "7553169263"),  # month 53
    ("is_jmbg", "3201006500006"),  # day 32
    ("is_slovenian_tax", "05012557"),  # 0 in front
    ("is_rnokpp", "9999913770"),  # born after 2050
    ("is_snils", "00100199800"),  # before check digits
    ("is_idnp", "3004000000009"),  # 3 in front
]


@pytest.mark.parametrize(("validator", "text"), VALID)
def test_published_numbers_pass(validator, text):
    assert getattr(national, validator)(text)


@pytest.mark.parametrize(("validator", "text"), INVALID)
def test_impossible_numbers_fail(validator, text):
    assert not getattr(national, validator)(text)
