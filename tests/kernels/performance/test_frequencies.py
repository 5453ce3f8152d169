import pytest

from holdfast.kernels.performance.frequencies import frequency


@pytest.mark.parametrize(
    ("share", "said"),
    [
        ((0.153, 0.147, 0.16), ("1,000", "153 (147 to 160)")),
        ((0.004, 0.002, 0.008), ("10,000", "40 (20 to 80)")),
        ((0.0, 0.0, 0.003), ("1,000", "0 (0 to 3)")),
        ((-0.02, -0.05, 0.01), ("1,000", "-20 (-50 to 10)")),
        ((1.0, 0.99, 1.0), ("1,000", "1,000 (990 to 1,000)")),
    ],
)
def test_shares_become_counts_of_cases(share, said):
    assert frequency(*share) == said


def test_a_share_without_an_interval_has_no_brackets():
    assert frequency(0.25) == ("1,000", "250")


def test_an_open_end_has_no_brackets():
    assert frequency(0.25, float("-inf"), 0.5) == ("1,000", "250")


def test_a_tiny_share_is_said_among_a_million_at_most():
    assert frequency(1e-9)[0] == "1,000,000"
