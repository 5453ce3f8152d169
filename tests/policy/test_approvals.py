from __future__ import annotations

from datetime import date

import pytest

from holdfast.core.errors import InputError
from holdfast.policy.approvals import approvals_of
from holdfast.policy.rules import parse_policy, policy_digest

DIGEST = f"sha256:{'ab' * 32}"


def text(digest: str = DIGEST, owner: str = "Ada", reason: str = "read it", expires: str = "2026-06-30") -> str:
    return (
        "artefacts:\n  approved:\n"
        f"    - {{digest: '{digest}', owner: '{owner}', reason: '{reason}', expires: {expires}}}\n"
    )


def test_an_approval_holds_through_its_last_day() -> None:
    (approval,) = parse_policy(text(), source="p").artefacts.approved
    assert approval.holds(date(2026, 6, 30))
    assert not approval.holds(date(2026, 7, 1))


def test_the_approval_that_holds_longest_comes_first() -> None:
    lines = text().splitlines() + text(expires="2027-01-01").splitlines()[2:]
    policy = parse_policy("\n".join(lines), source="p")
    assert [found.expires.year for found in approvals_of(policy.artefacts, DIGEST)] == [2027, 2026]


def test_a_file_without_a_digest_has_no_approval() -> None:
    assert not approvals_of(parse_policy(text(), source="p").artefacts, None)


@pytest.mark.parametrize("digest", ["ab" * 32, "sha256:abc", f"sha256:{'AB' * 32}", f"sha256:{'ab' * 32} "])
def test_a_digest_of_another_form_is_refused(digest: str) -> None:
    with pytest.raises(InputError, match="expected digest as sha256: and 64 hexadecimal digits"):
        parse_policy(text(digest), source="p")


@pytest.mark.parametrize("missing", ["owner", "reason"])
def test_an_approval_says_who_and_why(missing: str) -> None:
    with pytest.raises(InputError, match=f"expected {missing} in approval 1"):
        parse_policy(text(**{missing: " "}), source="p")


def test_an_approval_needs_a_last_day() -> None:
    with pytest.raises(InputError, match="expires"):
        parse_policy(text().replace(", expires: 2026-06-30", ""), source="p")


def test_approvals_are_part_of_the_digest_of_a_policy() -> None:
    digests = {policy_digest(parse_policy(body, source="p")) for body in ("name: x", text(), text(owner="Bob"))}
    assert len(digests) == 3
