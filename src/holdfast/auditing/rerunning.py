"""The model that a recorded training command gives when it is run again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.adapters.models.opening import open_model
from holdfast.adapters.models.rerunning import rerun
from holdfast.auditing.admission import admit
from holdfast.auditing.scanning import NO_POLICY
from holdfast.core.canonical import digest_bytes
from holdfast.core.errors import InputError, ModelError, NotRun
from holdfast.core.provenance import Provenance, TrainingManifest
from holdfast.core.subject import Model
from holdfast.evidence.fingerprints import file_state

MODEL_FORMATS = (".onnx", ".joblib", ".pkl", ".pickle", ".ubj", ".json", ".txt", ".skops")


@contextmanager
def model_of_rerun(provenance: Provenance | None, *, timeout_s: float) -> Iterator[tuple[Model, str]]:
    """Run the command of a manifest again and open the model that it writes; yield it with the digest of its file.

    Raises
    ------
    NotRun
        When that was not allowed, or inputs or code are not what they were: another model would come of it.
    ModelError
        When the command fails, or writes no model that can be opened.
    """
    if provenance is None or not provenance.allow_code:
        raise NotRun("the training command may not run", hint="--allow-code lets it run, as you and unconfined")
    if not provenance.folder:
        raise NotRun(
            "the folder in which the command ran is not known, because its manifest was moved",
            hint="leave the manifest where `holdfast run` wrote it",
        )
    manifest, folder = provenance.manifest, Path(provenance.folder)
    _refuse_changes(provenance, folder)
    name = _model_path(manifest, provenance.model)
    with rerun(manifest, folder, timeout_s=timeout_s) as place:
        path = place / name
        if not path.is_file():
            raise ModelError(f"the training command did not write {name} when it was run again")
        data = path.read_bytes()
        digest = digest_bytes(data)
        try:
            admitted = admit(path, data, name=path.name, digest=digest, policy=NO_POLICY, trust_pickle=False)
            model = open_model(data, name=path.name, digest=digest, vouched=admitted.vouched)
        except InputError as error:
            raise ModelError(f"what the training command wrote cannot be opened: {error.message}") from None
        try:
            yield model, digest
        finally:
            model.close()


def _refuse_changes(provenance: Provenance, folder: Path) -> None:
    for one in provenance.manifest.inputs:
        known = provenance.now.get(one.path, ())
        if one.before.digest not in known:
            what = "is another today" if known else "is gone"
            raise NotRun(f"the input {one.path} {what}", hint="restore the input that was recorded, and audit again")
    for name, digest in provenance.manifest.code.files.items():
        if file_state(folder / name).digest != digest:
            raise NotRun(f"the code {name} is another today", hint="check out the code that was recorded")


def _model_path(manifest: TrainingManifest, digest: str | None) -> str:
    """Return where the run wrote the model; a run that wrote one thing wrote that."""
    written = manifest.written()
    paths = [path for path, each in written.items() if each == digest]
    if not paths:
        paths = [path for path in written if os.path.splitext(path)[1].lower() in MODEL_FORMATS]
    if len(paths) != 1:
        raise NotRun(
            f"it is not clear which of {len(written)} outputs is the model", hint="audit a file that the run wrote"
        )
    return paths[0]
