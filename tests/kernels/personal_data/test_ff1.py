import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.ff1 import BlockCipher, decrypt, encrypt, permute_below

LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
AES_256 = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94"


def aes(key: str) -> BlockCipher:
    return Cipher(algorithms.AES(bytes.fromhex(key)), modes.ECB()).encryptor().update


KEYED = aes(AES_256)


# Known answers


@pytest.mark.parametrize(
    ("key_bits", "plain", "radix", "tweak", "expected"),
    [
        (128, "0123456789", 10, "", "2433477484"),
        (128, "0123456789", 10, "39383736353433323130", "6124200773"),
        (128, "0123456789abcdefghi", 36, "3737373770717273373737", "a9tv40mll9kdu509eum"),
        (192, "0123456789", 10, "", "2830668132"),
        (192, "0123456789", 10, "39383736353433323130", "2496655549"),
        (192, "0123456789abcdefghi", 36, "3737373770717273373737", "xbj3kv35jrawxv32ysr"),
        (256, "0123456789", 10, "", "6657667009"),
        (256, "0123456789", 10, "39383736353433323130", "1001623463"),
        (256, "0123456789abcdefghi", 36, "3737373770717273373737", "xs8a0azh2avyalyzuwd"),
    ],
)
def test_ff1_gives_the_samples_of_nist(key_bits: int, plain: str, radix: int, tweak: str, expected: str) -> None:
    """NIST, Block cipher modes of operation: FF1 samples (2016), samples 1 to 9."""
    cipher = aes(AES_256[: key_bits // 4])
    numerals = [LETTERS.index(letter) for letter in plain]
    found = encrypt(numerals, radix=radix, tweak=bytes.fromhex(tweak), cipher=cipher)
    assert "".join(LETTERS[numeral] for numeral in found) == expected
    assert decrypt(found, radix=radix, tweak=bytes.fromhex(tweak), cipher=cipher) == numerals


# Properties


@given(st.data(), st.integers(2, 300), st.binary(max_size=20))
def test_decryption_undoes_encryption(data: st.DataObject, radix: int, tweak: bytes) -> None:
    shortest = next(length for length in range(2, 21) if radix**length >= 1_000_000)
    numerals = data.draw(st.lists(st.integers(0, radix - 1), min_size=shortest, max_size=shortest + 20))
    found = encrypt(numerals, radix=radix, tweak=tweak, cipher=KEYED)
    assert len(found) == len(numerals)
    assert all(0 <= numeral < radix for numeral in found)
    assert decrypt(found, radix=radix, tweak=tweak, cipher=KEYED) == numerals


@given(st.integers(1_000_000, 10**30).flatmap(lambda bound: st.tuples(st.integers(0, bound - 1), st.just(bound))))
def test_a_number_below_any_bound_comes_back(case: tuple[int, int]) -> None:
    number, bound = case
    hidden = permute_below(number, bound, tweak=b"t", cipher=KEYED)
    assert 0 <= hidden < bound
    assert permute_below(hidden, bound, tweak=b"t", cipher=KEYED, backwards=True) == number


def test_values_close_together_never_meet() -> None:
    hidden = {permute_below(number, 1_000_003, tweak=b"", cipher=KEYED) for number in range(999_003, 1_000_003)}
    assert len(hidden) == 1000


@pytest.mark.slow
def test_ff1_permutes_the_whole_smallest_domain() -> None:
    hidden = bytearray(1_000_000)
    for number in range(1_000_000):
        numerals = encrypt([int(digit) for digit in f"{number:06d}"], radix=10, tweak=b"x", cipher=KEYED)
        hidden[int("".join(map(str, numerals)))] = 1
    assert all(hidden)


# Edges


@pytest.mark.parametrize(
    ("numerals", "radix", "said"),
    [
        ([1, 2, 3, 4, 5], 10, "1,000,000 possible values, got 100,000"),
        ([1] * 19, 2, "got 524,288"),
        ([1], 65536, "two or more numerals"),
        ([10, 0, 0, 0, 0, 0], 10, "from 0 to 9, got 10"),
        ([0] * 9, 1, "radix from 2"),
    ],
)
def test_domains_that_are_too_small_and_wrong_numerals_are_refused(numerals: list[int], radix: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        encrypt(numerals, radix=radix, tweak=b"", cipher=KEYED)


def test_a_number_outside_its_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a whole number from 0 to 999999"):
        permute_below(1_000_000, 1_000_000, tweak=b"", cipher=KEYED)
