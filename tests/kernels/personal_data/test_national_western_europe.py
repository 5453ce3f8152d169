from __future__ import annotations

import pytest

from holdfast.kernels.personal_data import national_western_europe as national

# Numbers that authorities, standards and handbooks print as examples; a few computed by hand by their rule.
VALID = [
    ("is_nhs", "9434765919"),
    ("is_nino", "AB123456C"),
    ("is_utr", "1955839661"),
    ("is_uk_driver", "MORGA657054SM9IJ"),
    ("is_pps", "6433435F"),
    ("is_pps", "6433435OA"),
    ("is_steuer_id", "36574261809"),
    ("is_rentenversicherung", "65170839J003"),
    ("is_kvnr", "A123456780"),
    ("is_document_731", "L01X00T471"),
    ("is_nir", "295109912611193"),
    ("is_spi", "3023217600053"),
    ("is_siret", "73282932000074"),
    ("is_siret", "35600000049837"),
    ("is_siren", "732829320"),
    ("is_bsn", "111222333"),
    ("is_rijksregister", "85073003328"),
    ("is_rijksregister", "17073003384"),
    ("is_luxembourg_matricule", "1893120105732"),
    ("is_svnr", "1237010180"),
    ("is_ahv", "7569217076985"),
]
INVALID = [
    ("is_nhs", "0000000000"),  # one digit ten times
    ("is_nino", "GB123456A"),  # prefix never given out
    ("is_uk_driver", "MORGA613054SM9IJ"),  # month 13
    ("is_steuer_id", "36554266806"),  # three digits twice
    ("is_rentenversicherung", "65321339J003"),  # day 32
    ("is_nir", "295139912611193"),  # month 13 with its key wrong
    ("is_spi", "4023217600053"),  # 4 in front
    ("is_siren", "000000000"),  # zeros
    ("is_bsn", "111222334"),  # check digit
    ("is_rijksregister", "85133003328"),  # month 13
    ("is_luxembourg_matricule", "1983043112312"),  # 31 April
    ("is_svnr", "1237310280"),  # 31 February
    ("is_ahv", "7559217076985"),  # not 756
]


@pytest.mark.parametrize(("validator", "text"), VALID)
def test_published_numbers_pass(validator, text):
    assert getattr(national, validator)(text)


@pytest.mark.parametrize(("validator", "text"), INVALID)
def test_impossible_numbers_fail(validator, text):
    assert not getattr(national, validator)(text)
