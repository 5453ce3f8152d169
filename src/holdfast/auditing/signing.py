"""Sign a model, and check a signature: every file that is there against every file that was signed."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from holdfast.adapters.artefacts.hashing import HashedFile, Tree, hash_tree
from holdfast.core.canonical import digest_bytes
from holdfast.core.errors import InputError
from holdfast.core.signature import SignatureFault, SignatureRecord
from holdfast.evidence.ec_keys import EcKeyPair, EcPublicKey
from holdfast.evidence.keyless import KeylessSigner, KeylessTrust
from holdfast.evidence.model_signature import (
    ITSELF,
    LARGEST_BUNDLE,
    PREDICATE_TYPE,
    Opened,
    Serialization,
    SignedModel,
    model_statement,
    open_bundle,
    sign_bundle,
)
from holdfast.evidence.statement import Statement
from holdfast.kernels.scan.printable import printable

PLAIN = Serialization()
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A signature that was made.

    Attributes
    ----------
    bundle
        What stands in the file.
    signer
        ``with key`` and its digest, or ``as`` and the account that signed without one.
    statement
        The event, for a ledger.
    """

    bundle: bytes
    model: SignedModel
    signer: str
    statement: Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A signature that was checked, and the event, for a ledger."""

    record: SignatureRecord
    statement: Statement


def sign_model(path: Path, signer: EcKeyPair | KeylessSigner, *, out: Path, leave_out: Sequence[str] = ()) -> Signed:
    """Sign every file of a model, hidden ones too.

    Parameters
    ----------
    path
        File or folder.
    signer
        A key, or an account: then names and digests of the files are sent to its services, and a public log keeps who
        signed.
    out
        Where the signature will be written; where that lies in the folder, it is left out.
    leave_out
        Paths in the folder that are not signed; the signature says so.

    Raises
    ------
    InputError
        When there is no file; when there is a link, a device, something unreadable, a name that is no Unicode or two
        names that differ in case only: no signature could vouch for it; when a file changed while it was read; or when
        the services of an account do not sign.
    """
    ignored = tuple(sorted({*leave_out, *_inside(out, path)}))
    tree = hash_tree(str(path), skip=_beneath(ignored))
    _refuse_unsignable(tree, path)
    name = _name_of(path)
    entries = {file.name: file.digests[0] for file in tree.files}
    if path.is_file():
        entries = {ITSELF: tree.files[0].digests[0]}
    model = SignedModel(name=name, entries=entries, serialization=Serialization(ignore_paths=ignored))
    if isinstance(signer, EcKeyPair):
        bundle, by = sign_bundle(model, signer), {"key": signer.public.key_id}
        words = f"with key {signer.public.key_id}"
    else:
        bundle, who = signer.sign(model_statement(model))
        by = {"identity": who.identity, "provider": who.provider}
        words = f"as {_shown(str(who))}"
    predicate = {
        "event": "made",
        "format": PREDICATE_TYPE,
        **by,
        "bundle": digest_bytes(bundle),
        "root": model.root_digest,
        "files": len(entries),
    }
    statement = Statement(kind="signature", subjects={name: _subject(path, model)}, predicate=predicate)
    return Signed(bundle=bundle, model=model, signer=words, statement=statement)


def read_signature(path: Path) -> bytes:
    """Read the file of a signature.

    Raises
    ------
    InputError
        When it is absent or too large.
    """
    try:
        if path.is_file() and path.stat().st_size <= LARGEST_BUNDLE:
            return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the signature {path}: {error.strerror}") from None
    what = "one that is too large" if path.is_file() else "none"
    raise InputError(f"expected a signature in {path}, found {what}", hint="make one with `holdfast sign MODEL`")


def check_model(
    path: Path,
    signature: Path,
    keys: Sequence[EcPublicKey],
    *,
    allow: Sequence[str] = (),
    known: Mapping[str, str] | None = None,
    keyless: KeylessTrust | None = None,
) -> Checked:
    """Check a signature of a model.

    Parameters
    ----------
    path, signature
        The model, and the file of its signature; where that lies in the folder, it needs no signature itself.
    keys, keyless
        Whom to trust, by key and without one.
    allow
        Paths in the folder that need no signature. What the signer left out is allowed only by this.
    known
        Digests of files that were scanned; see :func:`holdfast.adapters.artefacts.hashing.hash_tree`.

    Raises
    ------
    InputError
        When the model or the signature is absent, the signature has another form, or nobody is trusted.
    """
    if not keys and keyless is None:
        hint = (
            "give the signer's public key: --key, or trusted_keys in holdfast.yaml; where they sign without one: "
            "--identity and --identity-provider, or trusted_identities"
        )
        raise InputError("expected at least one key to trust, got none", hint=hint)
    data = read_signature(signature)
    opened = open_bundle(data, keys, source=str(signature), keyless=keyless)
    serialization = opened.model.serialization if opened.model else PLAIN
    allowed = _beneath(allow)
    itself = _inside(signature, path)
    signed = {serialization.file_of(entry) for entry in opened.model.entries} if opened.model else set()
    tree = hash_tree(
        str(path),
        algorithm=serialization.hash_type,
        ranges=serialization.ranges,
        skip=lambda name: name not in signed and (name in itself or allowed(name)),
        known=known if serialization.hash_type == "sha256" and serialization.method == "files" else None,
    )
    record = _record(path, opened, tree, itself)
    who, by = record.identity, {}
    if who is not None:
        by = {"identity": who.identity, "provider": who.provider, "trusted_root": record.trusted_root}
    predicate = {
        "event": "checked",
        "format": PREDICATE_TYPE,
        "key": record.key_id,
        **by,
        "bundle": digest_bytes(data),
        "holds": record.holds,
        "problem": record.problem,
        "files": record.n_files,
        "faults": len(record.faults),
        "allowed": list(record.allowed),
    }
    subjects = {record.name: record.root_digest}
    return Checked(record=record, statement=Statement(kind="signature", subjects=subjects, predicate=predicate))


def unsigned_model(path: Path) -> SignatureRecord:
    """Say of a model that came without a signature what there would have been to sign."""
    return _record(path, Opened(None, problem="there is no signature"), hash_tree(str(path)), frozenset())


def _record(path: Path, opened: Opened, tree: Tree, itself: frozenset[str]) -> SignatureRecord:
    there = _found_model(path, opened, tree)
    faults = [SignatureFault("unsigned", _shown(file.name)) for file in tree.files]
    if opened.model is not None:
        names = [ITSELF] if there.is_single_file else [file.name for file in tree.files]
        faults = _compare(opened.model, there, names, path)
    faults += [SignatureFault("refused", _shown(each.name), each.reason) for each in tree.refused]
    faults += [SignatureFault("unstable", _shown(name)) for name in tree.unstable]
    faults += [SignatureFault("ambiguous", _shown(name), detail) for name, detail in _ambiguous(tree.files)]
    signed = opened.model.entries if opened.model else {}
    return SignatureRecord(
        name=_name_of(path),
        key_id=opened.key.key_id if opened.key else "",
        identity=opened.identity,
        trusted_root=opened.root,
        problem=opened.problem,
        root_digest=_subject(path, there),
        n_signed=len({there.serialization.file_of(entry) for entry in signed}),
        n_files=len(tree.files) + len(tree.refused),
        faults=tuple(sorted(faults, key=lambda fault: (fault.path, fault.kind))),
        allowed=tuple(_shown(name) for name in tree.skipped if name not in itself),
        left_out=tuple(map(_shown, opened.model.serialization.ignore_paths)) if opened.model else (),
    )


def _found_model(path: Path, opened: Opened, tree: Tree) -> SignedModel:
    """State what is there in the form in which the signature states what was signed."""
    serialization = opened.model.serialization if opened.model else PLAIN
    is_single = path.is_file() and (opened.model is None or opened.model.is_single_file)
    entries: dict[str, str] = {}
    for file in tree.files:
        entries |= serialization.entries(ITSELF if is_single else file.name, file.size, file.digests)
    return SignedModel(name=_name_of(path), entries=entries, serialization=serialization)


def _compare(signed: SignedModel, there: SignedModel, names: Sequence[str], path: Path) -> list[SignatureFault]:
    """Hold what is there against what was signed, file by file; of a file that moved, say where it is.

    An empty file has a name, and no entry where files are digested in shards.
    """
    expected, found = _by_file(signed), _by_file(there)
    places = {tuple(sorted(digests.values())): name for name, digests in found.items() if name not in expected}
    origins = {tuple(sorted(digests.values())): name for name, digests in expected.items()}
    shown = _name_of(path) if there.is_single_file else ""
    is_there = frozenset(names)
    faults = []
    for name, digests in expected.items():
        content = tuple(sorted(digests.values()))
        if name not in is_there:
            moved = places.get(content)
            faults.append(
                SignatureFault("missing", _shown(name), f"its content is in {_shown(moved)}" if moved else "")
            )
        elif found.get(name) != digests:
            other = origins.get(tuple(sorted(found.get(name, {}).values())))
            detail = f"it holds what was signed as {_shown(other)}" if other and other != name else ""
            faults.append(SignatureFault("changed", shown or _shown(name), detail))
    faults += [SignatureFault("unsigned", shown or _shown(name)) for name in names if name not in expected]
    return faults


def _by_file(model: SignedModel) -> dict[str, dict[str, str]]:
    files: dict[str, dict[str, str]] = defaultdict(dict)
    for entry, digest in model.entries.items():
        name = model.serialization.file_of(entry)
        files[name][entry.removeprefix(name)] = digest
    return files


def _ambiguous(files: Iterable[HashedFile]) -> list[tuple[str, str]]:
    """Find names that are one name on a system that does not tell cases, or two spellings of a letter, apart."""
    names: dict[str, list[str]] = defaultdict(list)
    for file in files:
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", file.name).casefold())
        names[folded].append(file.name)
    groups = [group for group in names.values() if len(group) > 1]
    return [
        (name, f"elsewhere one name with {_shown(next(other for other in group if other != name))}")
        for group in groups
        for name in group
    ]


def _refuse_unsignable(tree: Tree, path: Path) -> None:
    names = [file.name for file in tree.files]
    broken = [name for name in names if not _is_unicode(name)]
    ambiguous = _ambiguous(tree.files)
    if tree.refused:
        reasons = [f"{_shown(each.name)}: {each.reason}" for each in tree.refused]
        raise _refusal(path, reasons, "remove it, put a copy in place of a link, or leave it out with --leave-out")
    if broken:
        raise _refusal(path, [f"{_shown(name)}: its name is no Unicode" for name in broken], "rename it")
    if ambiguous:
        raise _refusal(path, [f"{_shown(name)}: {detail}" for name, detail in ambiguous], "rename one of them")
    if tree.unstable:
        reasons = [f"{_shown(name)}: it changed while it was read" for name in tree.unstable]
        raise _refusal(path, reasons, "sign when nothing writes to it")
    if not names:
        raise InputError(f"there is no file to sign in {path}", hint="give the file or folder of a model")


def _refusal(path: Path, reasons: Sequence[str], hint: str) -> InputError:
    more = f"; and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return InputError(f"{path} cannot be signed as it is: {'; '.join(reasons[:SHOWN])}{more}", hint=hint)


def _subject(path: Path, model: SignedModel) -> str:
    """Return the digest by which audits and ledgers know the model: a file's own, a folder's root digest."""
    entries = list(model.entries.values())
    is_plain = model.serialization.method == "files" and model.serialization.hash_type == "sha256"
    return f"sha256:{entries[0]}" if path.is_file() and len(entries) == 1 and is_plain else model.root_digest


def _beneath(paths: Sequence[str]) -> Callable[[str], bool]:
    """Return whether a name is one of these paths, or lies in one."""
    plain = [path.replace(os.sep, "/").strip("/") for path in paths]
    for path, given in zip(plain, paths, strict=True):
        if not path or ".." in path.split("/") or os.path.isabs(given):
            raise InputError(f"expected a path inside the model, got {given!r}", hint="for example .git")
    return lambda name: any(name == path or name.startswith(f"{path}/") for path in plain)


def _inside(file: Path, folder: Path) -> frozenset[str]:
    """Return the name of a file in a folder; nothing when it lies elsewhere."""
    if not folder.is_dir():
        return frozenset()
    name = os.path.relpath(os.path.realpath(file), os.path.realpath(folder)).replace(os.sep, "/")
    return frozenset() if name.startswith("../") else frozenset({name})


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _name_of(path: Path) -> str:
    return _shown(os.path.basename(os.path.abspath(path))) or "model"


def _shown(name: str) -> str:
    return printable(name, 1 << 12)
