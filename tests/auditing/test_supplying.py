"""What an audit is given to judge a signature by."""

from __future__ import annotations

import pytest

from holdfast.auditing.config import AuditConfig
from holdfast.auditing.supplying import signature_given
from holdfast.core.errors import InputError


def test_without_signature_and_anybody_to_trust_there_is_nothing_to_judge() -> None:
    assert signature_given(AuditConfig(), model_file=None, model_digest=None, beside=[]) is None


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (AuditConfig(signature="model.sig"), "expected keys to trust"),
        (AuditConfig(trusted_root="trusted_root.json"), "expected trusted_identities beside trusted_root"),
        (AuditConfig(signature="model.sig", trusted_root="trusted_root.json"), "expected trusted_identities beside"),
    ],
)
def test_half_of_what_it_takes_is_refused(config: AuditConfig, words: str) -> None:
    with pytest.raises(InputError, match=words):
        signature_given(config, model_file=None, model_digest=None, beside=[])
