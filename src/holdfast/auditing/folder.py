"""Write a finished audit into a folder, and read one back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from holdfast.auditing.keys import code_digest
from holdfast.auditing.recording import Finished
from holdfast.auditing.running import default_cache
from holdfast.auditing.stating import audit_statements
from holdfast.auditing.store import Store
from holdfast.core.canonical import canonical_json, digest_bytes, digest_of
from holdfast.core.decision import Decision
from holdfast.core.errors import InputError
from holdfast.core.finding import FINDINGS_SCHEMA, Chart, Finding
from holdfast.core.parse import from_json
from holdfast.core.record import Audit, Findings, Run
from holdfast.evidence.bundle import BUNDLE_NAME, output_names, sign_again, write_bundle
from holdfast.evidence.entering import check_ledger, enter
from holdfast.evidence.keys import ephemeral_key, own_key
from holdfast.evidence.manifest import digest_of_file
from holdfast.evidence.receipt import RECEIPT_NAME, Receipt, read_receipt
from holdfast.evidence.verify import verify_bundle
from holdfast.evidence.writing import exclusively, remove_unfinished, write_durably, writing_error
from holdfast.reports import charts

Render = Callable[[Finding, Chart], str]
ALWAYS = ("findings.json", "decision.json", "run.json")


def prepare_folder(folder: Path, *, ledger: str = "") -> None:
    """Make the folder, or accept one of an earlier audit; refuse one that holds anything else.

    Raises
    ------
    InputError
        When it cannot be made or written, or holds files that are no audit's: they would end up in the signed bundle;
        or when there is a signing key or a ledger that cannot be used.
    """
    own_key()  # one that cannot be used is said before an hour of work, not after
    check_ledger(ledger)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        entries = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}
    except OSError as error:
        raise InputError(
            f"cannot make the output folder {folder}: {error.strerror}", hint="choose another with --out"
        ) from None
    if entries and (not entries & set(ALWAYS) or not _is_ours(folder)):
        raise InputError(f"the output folder {folder} holds other files", hint="give --out a new or empty folder")
    if (folder / "evidence").is_symlink():  # old evidence is deleted, and not that of another folder
        raise InputError(f"expected a folder at {folder / 'evidence'}, got a link", hint="remove the link")
    remove_unfinished(folder)
    probe = folder / ".writable"
    write_durably(probe, b"")
    probe.unlink(missing_ok=True)


def write_audit(finished: Finished, folder: Path, *, cache: Path | None = None, ledger: str = "") -> Audit:
    """Write all files of an audit, each whole or not at all, and its signed bundle last.

    Two audits that end in one folder at once write one after the other: the files there are always of one audit.

    Parameters
    ----------
    cache
        Folder of the store, for charts that were drawn before.
    ledger
        Where the audit is entered; empty for nowhere.

    Raises
    ------
    InputError
        When a file cannot be written, or the audit not be entered; its files are whole then.
    """
    audit = Audit(findings=finished.findings, decision=finished.decision, run=finished.run, folder=str(folder))
    with exclusively(folder):
        _write_files(finished, audit, folder, cache, ledger)
    return audit


def _write_files(finished: Finished, audit: Audit, folder: Path, cache: Path | None, ledger: str) -> None:
    from holdfast.reports.html import render_html
    from holdfast.reports.junit import render_junit
    from holdfast.reports.model_card import render_model_card
    from holdfast.reports.sarif import render_sarif

    (folder / "bundle.holdfast").unlink(missing_ok=True)
    # The findings first: they mark the folder as an audit's, whose evidence may be replaced, even if it ends here.
    write_durably(folder / "findings.json", canonical_json(finished.findings))
    try:
        _write_evidence(folder, finished.evidence)
    except OSError as error:
        raise writing_error(folder / "evidence", error) from error
    write_durably(folder / "decision.json", canonical_json(finished.decision))
    write_durably(folder / "run.json", canonical_json(finished.run))
    texts = {
        "report.html": render_html(audit, svg=cached_svg(folder, cache)),
        "results.sarif": render_sarif(audit),
        "junit.xml": render_junit(audit),
        "model_card.md": render_model_card(audit),
    }
    for name, text in texts.items():
        write_durably(folder / name, text.encode("utf-8"))
    key, subject = own_key() or ephemeral_key(), finished.findings.subject
    try:
        _enter(audit, folder, ledger)
    finally:  # an audit that could not be entered is signed all the same, and says that it stands in no ledger
        write_bundle(folder, inputs=_input_files(finished), key=key, subject=subject)


def enter_audit(folder: Path, ledger: str) -> Receipt:
    """Enter an audit that was finished before, and sign its bundle again with the proof in it.

    Raises
    ------
    InputError
        When there is no audit, it is not as it was signed, or it cannot be entered.
    """
    audit = read_audit(folder)
    check_ledger(ledger)
    key = own_key() or ephemeral_key()
    if verify_bundle(folder / BUNDLE_NAME, folder=folder).status == "altered":
        raise InputError(f"the audit in {folder} is not as it was signed", hint=f"see `holdfast verify {folder}`")
    with exclusively(folder):
        _enter(audit, folder, ledger)
        sign_again(folder, key=key)
    return read_receipt((folder / RECEIPT_NAME).read_bytes(), source=RECEIPT_NAME)


def _enter(audit: Audit, folder: Path, ledger: str) -> None:
    """Enter an audit into a ledger, where there is one, and keep the proof beside its files."""
    (folder / RECEIPT_NAME).unlink(missing_ok=True)
    if not ledger:
        return
    digests = {name: digest_of_file(folder / name) for name in output_names(folder)}
    statements, commitments = audit_statements(audit, digests)
    try:
        receipt = enter(statements, commitments=commitments, place=ledger)
    except InputError as error:
        raise InputError(
            f"the audit is finished and could not be entered into the ledger: {error.message}",
            hint=f"{error.hint}; its files are whole. Then run `holdfast ledger enter {folder}`",
        ) from None
    if receipt is not None:
        write_durably(folder / RECEIPT_NAME, receipt.encode())


def read_audit(folder: Path) -> Audit:
    """Read a finished audit.

    Raises
    ------
    InputError
        When a file is missing or damaged, or the decision is about other findings.
    """
    bodies: dict[str, bytes] = {}
    for name in ALWAYS:
        if (folder / name).exists() and not (folder / name).is_file():
            raise InputError(f"{folder} is no finished audit: {name} is a folder, pipe or device")
        try:
            bodies[name] = (folder / name).read_bytes()
        except OSError as error:
            raise InputError(
                f"{folder} is no finished audit: cannot read {name}: {error.strerror}",
                hint="holdfast audit --out DIR writes one",
            ) from None
    decision = from_json(Decision, bodies["decision.json"], source=str(folder / "decision.json"))
    if decision.findings_digest != digest_bytes(bodies["findings.json"]):
        raise InputError(f"the decision in {folder} was made on other findings", hint="run the audit again")
    return Audit(
        findings=from_json(Findings, bodies["findings.json"], source=str(folder / "findings.json")),
        decision=decision,
        run=from_json(Run, bodies["run.json"], source=str(folder / "run.json")),
        folder=str(folder),
    )


def cached_svg(folder: Path, cache: Path | None) -> Render:
    """Return a function that draws a chart of a finding, or takes the drawing of an earlier run."""
    draw = charts.evidence_svg(str(folder))
    code = code_digest(Path(charts.__file__))
    store = Store(cache / "store.sqlite") if cache else None

    def render(finding: Finding, chart: Chart) -> str:
        if store is None or "key" not in finding.digests:
            return draw(finding, chart)
        key = digest_of([finding.digests["key"], chart, code])
        kept = store.get("chart", key).get("svg")
        if kept is not None:
            return kept.decode("utf-8")
        text = draw(finding, chart)
        store.put("chart", key, {"svg": text.encode("utf-8")})
        return text

    return render


def cache_for(folder: Path) -> Path:
    """Return the default place of the store, or one inside the audit's folder where that cannot be written."""
    usual = default_cache()
    try:
        usual.mkdir(parents=True, exist_ok=True)
        (usual / ".probe").touch()
        (usual / ".probe").unlink()
    except OSError:
        return folder / ".holdfast"
    return usual


def _is_ours(folder: Path) -> bool:
    """Whether the findings in a folder, if there are any, are ours."""
    path = folder / "findings.json"
    return not path.exists() or (path.is_file() and FINDINGS_SCHEMA.encode() in path.read_bytes())


def _write_evidence(folder: Path, evidence: Mapping[str, bytes]) -> None:
    for old in sorted((folder / "evidence").rglob("*"), reverse=True):
        if old.is_file() and old.relative_to(folder).as_posix() not in evidence:
            old.unlink(missing_ok=True)
        elif old.is_dir() and not any(old.iterdir()):
            old.rmdir()
    for name, body in evidence.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not (path.is_file() and path.read_bytes() == body):
            write_durably(path, body)


def _input_files(finished: Finished) -> dict[str, Path | bytes]:
    files: dict[str, Path | bytes] = {
        name: Path(table.source) for name, table in finished.inputs.tables.items() if Path(table.source).is_file()
    }
    if finished.inputs.model_file is not None:
        files["model"] = finished.inputs.model_file
    return files
