from __future__ import annotations

import pytest

from holdfast.kernels.personal_data import national_northern_europe as national

# Numbers that authorities, standards and handbooks print as examples; a few computed by hand by their rule.
VALID = [
    ("is_personnummer", "8112289874"),
    ("is_personnummer", "198112289874"),
    ("is_personnummer", "7010632391"),
    ("is_personnummer", "811228+9874"),
    ("is_organisationsnummer", "5560360793"),
    ("is_cpr", "0707614285"),
    ("is_cvr", "13585628"),
    ("is_fodselsnummer", "15108695088"),
    ("is_norwegian_organisation", "988077917"),
    ("is_hetu", "131052308T"),
    ("is_hetu", "131052A308T"),
    ("is_kennitala", "4504013150"),
    ("is_isikukood", "36805280109"),
    ("is_isikukood", "33309240064"),
    ("is_personas_kods", "16117519997"),
]
INVALID = [
    ("is_personnummer", "8113289874"),  # month 13
    ("is_personnummer", "218112289874"),  # century 21
    ("is_cpr", "3213614285"),  # day 32
    ("is_fodselsnummer", "15108695077"),  # check digits
    ("is_hetu", "131052308U"),  # check character
    ("is_hetu", "131052001L"),  # individual number below 002
    ("is_isikukood", "36813280109"),  # month 13
    ("is_personas_kods", "16117519998"),  # check digit
]


@pytest.mark.parametrize(("validator", "text"), VALID)
def test_published_numbers_pass(validator, text):
    assert getattr(national, validator)(text)


@pytest.mark.parametrize(("validator", "text"), INVALID)
def test_impossible_numbers_fail(validator, text):
    assert not getattr(national, validator)(text)
