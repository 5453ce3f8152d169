import pytest

from holdfast.kernels.personal_data.generalising import age_band, network_of, year_of, zip_prefix


@pytest.mark.parametrize(
    ("value", "width", "expected"),
    [("0", 10, "0-9"), ("89", 10, "80-89"), ("90", 10, "90+"), ("104 years", 5, "90+"), ("aged 37", 5, "35-39"),
     ("88", 50, "50-89"), ("old", 10, None), ("3.5", 10, None), ("1999", 10, None)],
)  # fmt: skip
def test_ages_become_bands_and_the_oldest_are_one(value: str, width: int, expected: str | None) -> None:
    assert age_band(value, width=width) == expected


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [("10025", 3, "100**"), ("10025-1234", 3, "100**"), ("05901", 3, "000**"), ("82101", 2, "00***"),
     ("1002", 3, None), ("EC1A 1BB", 3, None)],
)  # fmt: skip
def test_postal_codes_keep_their_first_digits_where_many_live(value: str, digits: int, expected: str | None) -> None:
    assert zip_prefix(value, digits=digits) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1980-03-12", "1980"), ("12/03/1980 10:20", "1980"), ("March 12", None), ("12/03/80", None), ("19801", None)],
)
def test_dates_become_their_year(value: str, expected: str | None) -> None:
    assert year_of(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("203.0.113.9", "203.0.113.0/24"), ("2001:db8::1", "2001:db8::/48"), ("300.1.1.1", None), ("", None)],
)
def test_addresses_become_their_network(value: str, expected: str | None) -> None:
    assert network_of(value) == expected
