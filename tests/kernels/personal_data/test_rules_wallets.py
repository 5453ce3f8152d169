from __future__ import annotations

import pytest

from holdfast.kernels.personal_data.detecting import Finder
from holdfast.kernels.personal_data.rules_wallets import RULES

FINDER = Finder(RULES)


def found(text):
    return [text[span.start : span.end] for span in FINDER.find([text])[0]]


@pytest.mark.parametrize(
    "text",
    [
        "Send it to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa, please",
        "bitcoin:bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4?amount=1",
        "https://etherscan.io/address/0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "XRP: rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh",
    ],
)
def test_addresses_are_found_in_text_and_in_links(text):
    assert len(found(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "0x0000000000000000000000000000000000000000",
        "0xdeadbeef",
    ],
)
def test_wrong_checksums_and_hashes_are_not(text):
    assert found(text) == []
