from __future__ import annotations

import pytest

from holdfast.kernels.personal_data import national_latin_america as national

# Numbers that authorities, standards and handbooks print as examples; a few computed by hand by their rule.
VALID = [
    ("is_cpf", "39053344705"),
    ("is_cnpj", "16727230000197"),
    ("is_cnpj", "12ABC34501DE35"),
    ("is_pis", "12054321933"),
    ("is_curp", "BOXW310820HNERXN09"),
    ("is_rfc", "GODE561231GR8"),
    ("is_rfc", "MAB9307148T4"),
    ("is_cuit", "20055361682"),
    ("is_rut", "760864285"),
    ("is_nit", "2131234321"),
    ("is_peruvian_ruc", "20512333797"),
    ("is_ecuadorian_cedula", "1714307103"),
    ("is_uruguayan_cedula", "12345672"),
    ("is_paraguayan_ruc", "800280610"),
    ("is_rif", "V114702834"),
    ("is_dominican_cedula", "22400022111"),
    ("is_dui", "000162975"),
]
INVALID = [
    ("is_cpf", "11111111111"),  # one digit eleven times
    ("is_cnpj", "00000000000000"),  # zeros
    ("is_curp", "BOXW311320HNERXN09"),  # month 13
    ("is_curp", "BOXW310820HXXRXN09"),  # no such state
    ("is_rfc", "GODE561331GR8"),  # month 13
    ("is_cuit", "99055361682"),  # kind 99
    ("is_peruvian_ruc", "30512333797"),  # kind 30
    ("is_ecuadorian_cedula", "2514307103"),  # province 25
    ("is_dominican_cedula", "00000000000"),  # zeros
]


@pytest.mark.parametrize(("validator", "text"), VALID)
def test_published_numbers_pass(validator, text):
    assert getattr(national, validator)(text)


@pytest.mark.parametrize(("validator", "text"), INVALID)
def test_impossible_numbers_fail(validator, text):
    assert not getattr(national, validator)(text)
