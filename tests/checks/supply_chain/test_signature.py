from __future__ import annotations

import polars as pl
import pytest

from holdfast.core.check import Outcome
from holdfast.core.errors import NotRun
from holdfast.core.signature import SignatureFault, SignatureRecord
from tests.harness import run_check

TEST = pl.DataFrame({"a": [1.0, 2.0]})
KEY = "sha256:" + "1" * 64


def run(record: SignatureRecord | None) -> Outcome:
    return run_check("supply_chain.signature", test=TEST, signature=record)


def values(outcome: Outcome) -> dict[str, float]:
    return {measured.id: measured.value for measured in outcome.measurements}


def test_a_model_as_it_was_signed_gives_zeros_that_are_exact() -> None:
    outcome = run(SignatureRecord(name="m", key_id=KEY, n_signed=3, n_files=3))
    assert values(outcome) == {"n_untrusted": 0, "n_altered": 0, "n_unsigned": 0}
    assert all(measured.exact for measured in outcome.measurements)


def test_a_file_counts_once_whatever_is_amiss_with_it() -> None:
    faults = (
        SignatureFault("changed", "a"),
        SignatureFault("unstable", "a"),
        SignatureFault("missing", "b", "its content is in c"),
        SignatureFault("unsigned", "c"),
        SignatureFault("ambiguous", "c"),
        SignatureFault("refused", "link", "a link"),
    )
    outcome = run(SignatureRecord(name="m", key_id=KEY, n_signed=2, n_files=3, faults=faults))
    assert values(outcome) == {"n_untrusted": 0, "n_altered": 2, "n_unsigned": 2}
    table = outcome.tables["faults"]
    assert table.row(2) == ("b", "missing", "its content is in c")
    assert table.height == 6


def test_a_signature_by_a_stranger_vouches_for_nothing() -> None:
    faults = (SignatureFault("unsigned", "a"),)
    outcome = run(SignatureRecord(name="m", problem="there is no signature", n_files=1, faults=faults))
    assert values(outcome) == {"n_untrusted": 1, "n_altered": 0, "n_unsigned": 1}
    assert "there is no signature" in outcome.measurements[0].plain


def test_without_signature_and_keys_the_check_is_not_run() -> None:
    with pytest.raises(NotRun, match="signature") as refused:
        run(None)
    assert "holdfast sign" in refused.value.hint
