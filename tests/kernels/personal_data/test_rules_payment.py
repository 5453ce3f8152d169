"""Tests of payment cards and bank accounts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.checksums import luhn
from holdfast.kernels.personal_data.detecting import Finder
from holdfast.kernels.personal_data.rules_payment import IBAN_LENGTHS, RULES, is_card_number, is_iban

FINDER = Finder(RULES)


@given(st.text("0123456789", min_size=1, max_size=20))
def test_one_check_digit_in_ten_luhn(digits: str) -> None:
    assert sum(luhn(digits + check) for check in "0123456789") == 1


@pytest.mark.parametrize(
    "number",
    ["4012888888881881", "378282246310005", "6011000990139424", "2223003122003222", "30569309025904",
     "4111111111111111", "4242424242424242", "5555555555554444", "5105105105105100"],  # two or three digits only
)  # fmt: skip
def test_numbers_of_issuers(number: str) -> None:
    assert is_card_number(number)
    assert not is_card_number(number[:-1] + str((int(number[-1]) + 1) % 10))
    assert [span.label for span in FINDER.find([f"paid with {number}."])[0]] == ["CREDIT_CARD"]


@pytest.mark.parametrize(
    "text",
    [
        "order 4012888888881881",
        "x4012888888881881",
        "40128888888818810000",
        "1700000000123",
        "4111-1111",
        "0000000000000000",
        "5555555555555555",
    ],
)
def test_what_is_no_card(text: str) -> None:
    assert FINDER.find([text]) == [[]]


@pytest.mark.parametrize(
    "account", ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "pl61109010140000071219812874"]
)
def test_accounts_with_their_check_digits(account: str) -> None:
    assert is_iban(account)
    assert FINDER.find([f"to {account}, today"])[0][0].label == "IBAN_CODE"
    assert not is_iban(account[:-1] + str((int(account[-1]) + 1) % 10))
    assert not is_iban(account + "0")


@given(st.sampled_from(sorted(IBAN_LENGTHS)), st.data())
def test_two_swapped_digits_of_an_account_are_noticed(country: str, data: st.DataObject) -> None:
    length = IBAN_LENGTHS[country] - 4
    number = data.draw(st.text("0123456789", min_size=length, max_size=length))
    check = 98 - int("".join(str(int(character, 36)) for character in number + country + "00")) % 97
    account = f"{country}{check:02d}{number}"
    assert is_iban(account)
    at = data.draw(st.integers(4, len(account) - 2))
    swapped = account[:at] + account[at + 1] + account[at] + account[at + 2 :]
    assert is_iban(swapped) == (swapped == account)
