import string

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import assume, given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.checksums import luhn
from holdfast.kernels.personal_data.keeping_format import (
    encrypt_card,
    encrypt_iban,
    encrypt_shape,
    iban_check_digits,
)

AES = Cipher(algorithms.AES(bytes(range(32))), modes.ECB()).encryptor().update
ASCII = st.text(alphabet=string.printable, min_size=8, max_size=40)


def shape(value: str) -> str:
    return "".join("9" if c in string.digits else "A" if c.isupper() else "a" if c.islower() else c for c in value)


@given(ASCII)
def test_shape_stays_and_the_value_comes_back(value: str) -> None:
    try:
        hidden = encrypt_shape(value, tweak=b"t", cipher=AES)
    except ValueError:
        assume(False)
    assert shape(hidden) == shape(value)
    assert encrypt_shape(hidden, tweak=b"t", cipher=AES, backwards=True) == value


@given(st.text(alphabet=string.digits, min_size=11, max_size=18), st.sampled_from(["", " ", "-"]))
def test_cards_stay_valid_with_their_issuer_and_come_back(digits: str, separator: str) -> None:
    check = next(c for c in string.digits if luhn(digits + c))
    number = digits + check
    card = separator.join(number[at : at + 4] for at in range(0, len(number), 4))
    first = 6 if len(number) >= 13 else 4
    hidden = encrypt_card(card, tweak=b"t", cipher=AES, keep_first=first)
    assert luhn("".join(filter(str.isdigit, hidden)))
    assert (hidden.replace(separator, "")[:first], shape(hidden)) == (number[:first], shape(card))
    assert encrypt_card(hidden, tweak=b"t", cipher=AES, keep_first=first, backwards=True) == card


def test_a_card_can_keep_its_last_four_digits_instead_of_its_issuer() -> None:
    hidden = encrypt_card("4111111111111111", tweak=b"", cipher=AES, keep_first=0, keep_last=4)
    assert hidden.endswith("1111")
    assert luhn("".join(filter(str.isdigit, hidden)))
    assert hidden[:6] != "411111"
    back = encrypt_card(hidden, tweak=b"", cipher=AES, keep_first=0, keep_last=4, backwards=True)
    assert back == "4111111111111111"


def test_issuer_and_last_four_leave_too_few_digits() -> None:
    with pytest.raises(ValueError, match="got 100,000"):
        encrypt_card("4111111111111111", tweak=b"", cipher=AES, keep_first=6, keep_last=4)


@pytest.mark.parametrize(
    "iban", ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "NO93 8601 1117 947", "gb82west12345698765432"]
)
def test_accounts_stay_valid_with_their_country_and_come_back(iban: str) -> None:
    """Examples of the IBAN registry (SWIFT)."""
    hidden = encrypt_iban(iban, tweak=b"t", cipher=AES)
    plain = hidden.replace(" ", "").upper()
    assert hidden != iban
    assert hidden[:2] == iban[:2]
    assert [*map(str.isdigit, hidden)] == [*map(str.isdigit, iban)]
    assert int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1
    assert encrypt_iban(hidden, tweak=b"t", cipher=AES, backwards=True) == iban


@given(st.text(alphabet=string.digits, min_size=8, max_size=30))
def test_check_digits_of_accounts_satisfy_their_equation(account: str) -> None:
    digits = iban_check_digits("PL00" + account)
    assert int(account + "2521" + digits) % 97 == 1


def test_what_stays_changes_what_the_rest_becomes() -> None:
    one, other = (encrypt_card(card, tweak=b"", cipher=AES) for card in ("4111111111111111", "4111121111111110"))
    assert one[6:15] != other[6:15]


@pytest.mark.parametrize("value", ["José Núñez 12345678", "１２３４５６７８"])
def test_letters_of_other_scripts_have_no_shape(value: str) -> None:
    with pytest.raises(ValueError, match="expected letters and digits of ASCII"):
        encrypt_shape(value, tweak=b"", cipher=AES)


@pytest.mark.parametrize("value", ["4111111111111112", "", "4", "00000000000", "Ann"])
def test_what_is_no_card_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        encrypt_card(value, tweak=b"", cipher=AES)


@pytest.mark.parametrize("value", ["GB82WEST12345698765433", "", "GB8", "GB82", "ÄB82WEST12345698765432"])
def test_what_is_no_account_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        encrypt_iban(value, tweak=b"", cipher=AES)
