"""Whether a model's file may be loaded: by its scan, by the policy's approval, or because the user forces it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from holdfast.adapters.artefacts.scanner import ScanLimits
from holdfast.adapters.models.formats import identify
from holdfast.adapters.models.opening import TrustPickle, Voucher
from holdfast.auditing.scanning import scan_open
from holdfast.core.errors import InputError
from holdfast.core.scan import ScannedFile
from holdfast.policy.rules import Policy
from holdfast.reports.scan_text import reasons

SHOWN_REASONS = 3
# formats whose loading runs what the file says, so that a user may force it
FORCED = ("pickle", "skops")


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A model that may be loaded: what its scan says, what vouches for it, and notes for the report."""

    file: ScannedFile
    vouched: Voucher
    notes: tuple[str, ...] = ()


def admit(copy: Path, data: bytes, *, name: str, digest: str, policy: Policy, trust_pickle: TrustPickle) -> Admission:
    """Scan the private copy of a model and decide whether it may be loaded.

    Parameters
    ----------
    copy, data, digest
        The copy, its content and its digest: what is scanned is what is loaded.
    name
        The user's name for it.
    policy
        Whose approvals count.
    trust_pickle
        Whether a pickle or skops file is loaded although its scan did not pass.

    Raises
    ------
    InputError
        When it may not be loaded, with the reasons and the ways on; or when its format is not supported.
    """
    found = identify(data, name=name)
    file = _scanned(copy, name, policy)
    if file.digest not in (digest, None):
        raise InputError(f"the private copy of {name} changed while it was scanned", hint="run the audit again")
    if file.verdict == "pass":
        return Admission(file=file, vouched="scan")
    if file.approved is not None:
        held = file.approved
        said = f"approved by {held.owner} until {held.expires}: {held.reason}"
        return Admission(file=file, vouched="policy", notes=(f"The scan of {name} did not pass; it was {said}",))
    if trust_pickle and found in FORCED:
        how = "--trust-pickle=unconfined" if trust_pickle == "unconfined" else "--trust-pickle"
        note = f"The scan of {name} did not pass; it was loaded because of {how}: {_why(file)}"
        return Admission(file=file, vouched="", notes=(note,))
    raise _refusal(file, name, digest, can_force=found in FORCED)


def _scanned(copy: Path, name: str, policy: Policy) -> ScannedFile:
    descriptor = os.open(copy, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        return scan_open(descriptor, name=name, policy=policy, limits=ScanLimits(), today=date.today())
    finally:
        os.close(descriptor)


def _why(file: ScannedFile) -> str:
    found = reasons(file)
    more = f"; and {len(found) - SHOWN_REASONS} more reasons" if len(found) > SHOWN_REASONS else ""
    return "; ".join(found[:SHOWN_REASONS]) + more


def _refusal(file: ScannedFile, name: str, digest: str, *, can_force: bool) -> InputError:
    what = "its scan failed" if file.verdict == "fail" else "not all of it could be examined"
    ways = [
        f"look at it with `holdfast scan {name}`",
        f"or approve it in the policy, under artefacts: approved: - digest: {digest}",
    ]
    if can_force:
        ways.append("or, if you trust who made it, load it confined with --trust-pickle")
    return InputError(f"{name} is not loaded, because {what}: {_why(file)}", hint="; ".join(ways))
