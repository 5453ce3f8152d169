from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.text.changed_words import changed_words
from holdfast.kernels.text.perturbations import KINDS, LOOK_ALIKES, NEIGHBOURS, WORD, Kind, perturb, word_variants

TEXT = "The quick brown fox, aged 12, jumps over the lazy dog at no. 7."


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("swap", ["bnak"]),
        ("delete", ["bnk", "bak", "ban"]),
        ("double", ["baank", "bannk", "bankk"]),
        ("homoglyph", ["bаnk"]),
    ],
)
def test_variants_of_a_word(kind: Kind, expected: list[str]) -> None:
    made = word_variants("bank", kind)
    assert made == [*expected, "bakn"] if kind == "swap" else made == expected


def test_keys_beside_a_letter_are_as_on_a_keyboard() -> None:
    assert sorted(NEIGHBOURS["g"]) == sorted("tyfhvb")
    assert sorted(NEIGHBOURS["q"]) == ["a", "w"]
    assert sorted(NEIGHBOURS["P"]) == ["L", "O"]


def test_neighbours_are_mutual() -> None:
    assert all(letter in NEIGHBOURS[near] for letter, beside in NEIGHBOURS.items() for near in beside)


def test_look_alikes_are_other_letters_of_the_same_case() -> None:
    assert all(letter != other and letter.isupper() == other.isupper() for letter, other in LOOK_ALIKES.items())
    assert all(letter.isascii() and not other.isascii() for letter, other in LOOK_ALIKES.items())


def test_a_word_of_two_letters_is_not_cut_short() -> None:
    assert word_variants("no", "delete") == []


@given(st.text(alphabet="abcdefgxyzAEO", min_size=2, max_size=9), st.sampled_from(KINDS))
def test_every_variant_is_another_word_one_change_away(word: str, kind: Kind) -> None:
    made = word_variants(word, kind)
    assert len(set(made)) == len(made)
    assert all(changed_words(word, variant) == 1 for variant in made)
    assert all(WORD.fullmatch(variant) for variant in made)


def test_without_a_share_nothing_changes() -> None:
    assert perturb([TEXT, ""], share=0.0, rng=np.random.default_rng(0)) == [TEXT, ""]


def test_only_words_change_and_each_at_most_once() -> None:
    [changed] = perturb([TEXT], share=1.0, rng=np.random.default_rng(0))
    count = changed_words(TEXT, changed)
    assert count is not None
    assert 6 <= count <= len(WORD.findall(TEXT))


def test_what_changes_at_a_small_share_changes_in_the_same_way_at_a_large_one() -> None:
    texts = [TEXT] * 20
    small, large = (perturb(texts, share=share, rng=np.random.default_rng(3)) for share in (0.2, 0.7))
    for few, many in zip(small, large, strict=True):
        pairs = zip(TEXT.split(), few.split(), many.split(), strict=True)
        assert all(after in (word, later) for word, after, later in pairs)


def test_about_the_share_asked_for_changes() -> None:
    texts = ["wonderful"] * 2000
    changed = perturb(texts, share=0.3, rng=np.random.default_rng(4), kinds=["delete"])
    # Standard error of the share: 0.01.
    assert np.mean([text != "wonderful" for text in changed]) == pytest.approx(0.3, abs=0.05)


def test_the_same_seed_makes_the_same_mistakes() -> None:
    one, two = (perturb([TEXT] * 5, share=0.5, rng=np.random.default_rng(1)) for _ in range(2))
    assert one == two


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_zero_and_one_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="expected a share"):
        perturb(["a"], share=share, rng=np.random.default_rng(0))
