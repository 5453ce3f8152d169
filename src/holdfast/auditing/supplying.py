"""What an audit is given beside model and tables to judge where they come from: a signature, a bill of materials."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from holdfast.adapters.environment.advisories import read_advisories, vulnerabilities
from holdfast.adapters.environment.bill_file import read_bill
from holdfast.adapters.environment.distributions import closure, components, installed, providers
from holdfast.auditing.config import AuditConfig
from holdfast.auditing.signing import check_model, read_signature, unsigned_model
from holdfast.core.errors import InputError
from holdfast.core.materials import Bill
from holdfast.core.scan import ScannedFile
from holdfast.core.signature import SignatureFault, SignatureRecord
from holdfast.evidence.ec_keys import load_ec_public_key
from holdfast.evidence.keyless import KeylessTrust
from holdfast.evidence.model_signature import open_bundle

ENVIRONMENT = "environment"
MODULES = {
    "catboost": "catboost",
    "gguf": "gguf",
    "hdf5": "h5py",
    "lightgbm": "lightgbm",
    "npy": "numpy",
    "onnx": "onnxruntime",
    "parquet": "pyarrow",
    "safetensors": "safetensors",
    "sklearn": "sklearn",
    "skops": "skops",
    "tensorflow-saved-model": "tensorflow",
    "xgboost": "xgboost",
}
"""The module that loads a format, where its files do not name it themselves."""


def signature_given(
    config: AuditConfig, *, model_file: Path | None, model_digest: str | None, beside: Sequence[ScannedFile]
) -> SignatureRecord | None:
    """Check the signature that the configuration names.

    Files that were scanned are not read again: what is signed is what was scanned, and what is loaded.

    Parameters
    ----------
    model_file, model_digest
        The model, where it is a file, and its digest.
    beside
        What the scan says of the files listed under ``artefacts``.

    Returns
    -------
    SignatureRecord or None
        With a fault for every file of the audit that lies outside what was signed; ``None`` where neither a signature
        nor anybody to trust was given. Somebody to trust without a signature: then nobody signed anything.

    Raises
    ------
    InputError
        When a file is missing or has another form, or it is not clear what was signed.
    """
    if config.trusted_root and not config.trusted_identities:
        hint = "name the accounts that may sign the model, each with its provider, or leave trusted_root out"
        raise InputError("expected trusted_identities beside trusted_root, got none", hint=hint)
    trusted = config.trusted_keys or config.trusted_identities
    if not (config.signature or trusted):
        return None
    if not trusted:
        hint = "name those who may sign the model in holdfast.yaml: trusted_keys, or trusted_identities"
        raise InputError(f"expected keys to trust beside the signature {config.signature}, got none", hint=hint)
    keys = tuple(load_ec_public_key(Path(key)) for key in config.trusted_keys)
    known = {os.path.abspath(file.path): file.digest.removeprefix("sha256:") for file in beside if file.digest}
    files = [os.path.abspath(file.path) for file in beside]
    if model_file is not None:
        files.append(os.path.abspath(model_file))
        known |= {files[-1]: model_digest.removeprefix("sha256:")} if model_digest else {}
    root = _root(config, model_file)
    if config.signature is None:
        record = unsigned_model(root)
    else:
        place = Path(config.signature)
        record = check_model(root, place, keys, allow=config.unsigned, known=known, keyless=_keyless(config)).record
    return replace(record, faults=(*record.faults, *_outside(files, root)))


def materials_given(
    *, bill: Path | None, advisories: Path | None, model_digest: str | None, model_format: str
) -> Bill | None:
    """Return what an audit is given of the model's materials: the bill that came with it, else that of here.

    Parameters
    ----------
    model_digest
        Of the model that is audited, where it is a file.
    model_format
        Its format, by which the distributions that load it are found where there is no bill.
    """
    if bill is None and advisories is None:
        return None
    if bill is not None:
        found = read_bill(bill)
        can_tell = bool(model_digest and found.model_digest)
        found = replace(found, is_of_model=found.model_digest == model_digest if can_tell else None)
    else:
        among = installed()
        roots, _ = providers([MODULES[model_format]] if model_format in MODULES else [])
        found = Bill(source=ENVIRONMENT, components=tuple(components(closure(roots or among, among), among)))
    return looked_up(found, advisories)


def looked_up(bill: Bill, advisories: Path | None) -> Bill:
    """Add what advisories say of the components to what the bill states itself."""
    if advisories is None:
        return bill
    found, source = vulnerabilities(bill.components, read_advisories(advisories))
    names = {name for one in found for name in (one.id, *one.aliases)}
    stated = [one for one in bill.vulnerabilities if not names & {one.id, *one.aliases}]
    joined = tuple(sorted((*found, *stated), key=lambda one: one.id))
    return replace(bill, vulnerabilities=joined, advisories=source)


def _keyless(config: AuditConfig) -> KeylessTrust | None:
    root = Path(config.trusted_root) if config.trusted_root else None
    return KeylessTrust(identities=config.trusted_identities, root=root) if config.trusted_identities else None


def _root(config: AuditConfig, model_file: Path | None) -> Path:
    """Return what was signed: as stated, or the model's file where one file was signed, or the folder it lies in."""
    if config.signed is not None:
        return Path(config.signed)
    if model_file is not None:
        return model_file if config.signature is None or _is_of_one_file(config) else model_file.absolute().parent
    if len(config.artefacts) == 1:
        return Path(config.artefacts[0])
    raise InputError("it is not clear what was signed", hint="name the file or folder under signed in holdfast.yaml")


def _is_of_one_file(config: AuditConfig) -> bool:
    signature = Path(str(config.signature))
    keys = [load_ec_public_key(Path(key)) for key in config.trusted_keys]
    opened = open_bundle(read_signature(signature), keys, source=str(signature), keyless=_keyless(config))
    return opened.model is None or opened.model.is_single_file


def _outside(files: Sequence[str], root: Path) -> list[SignatureFault]:
    top = os.path.abspath(root)
    outside = [file for file in files if file != top and not file.startswith(top.rstrip(os.sep) + os.sep)]
    return [SignatureFault("unsigned", os.path.basename(file), "it lies outside what was signed") for file in outside]
