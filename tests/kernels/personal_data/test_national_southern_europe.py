from __future__ import annotations

import pytest

from holdfast.kernels.personal_data import national_southern_europe as national

# Numbers that authorities, standards and handbooks print as examples; a few computed by hand by their rule.
VALID = [
    ("is_dni", "54362315K"),
    ("is_dni", "X2482300W"),
    ("is_cif", "A58818501"),
    ("is_cif", "J99216582"),
    ("is_cif", "Q2876031B"),
    ("is_spanish_social_security", "281234567840"),
    ("is_codice_fiscale", "RCCMNL83S18D969H"),
    ("is_codice_fiscale", "MRTMTT25D09F205Z"),
    ("is_partita_iva", "00743110157"),
    ("is_portuguese_nif", "501964843"),
    ("is_cartao_de_cidadao", "000000000ZZ4"),
    ("is_amka", "01013099997"),
    ("is_afm", "094259216"),
    ("is_cypriot_tax", "10259033P"),
]
INVALID = [
    ("is_dni", "54362315Z"),  # letter
    ("is_cif", "A5881850A"),  # a company has a digit
    ("is_spanish_social_security", "001234567823"),  # province 00
    ("is_codice_fiscale", "RCCMNL83S72D969H"),  # day 72
    ("is_partita_iva", "00743113337"),  # office 333
    ("is_portuguese_nif", "401964843"),  # 4 in front
    ("is_amka", "32013099997"),  # day 32
    ("is_afm", "000000000"),  # zeros
    ("is_cypriot_tax", "12259033P"),  # 12 in front
]


@pytest.mark.parametrize(("validator", "text"), VALID)
def test_published_numbers_pass(validator, text):
    assert getattr(national, validator)(text)


@pytest.mark.parametrize(("validator", "text"), INVALID)
def test_impossible_numbers_fail(validator, text):
    assert not getattr(national, validator)(text)
