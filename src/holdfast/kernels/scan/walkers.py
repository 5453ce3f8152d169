"""The walker of every format that is read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from holdfast.kernels.scan.allow_list import AllowList
from holdfast.kernels.scan.compressed import NAMES, walk_compressed
from holdfast.kernels.scan.gguf_file import walk_gguf
from holdfast.kernels.scan.hdf5_file import walk_hdf5
from holdfast.kernels.scan.image_file import walk_jpeg, walk_png
from holdfast.kernels.scan.json_document import walk_json
from holdfast.kernels.scan.lightgbm_model import walk_lightgbm
from holdfast.kernels.scan.numpy_array import walk_npy
from holdfast.kernels.scan.observation import Walker
from holdfast.kernels.scan.onnx_model import walk_onnx
from holdfast.kernels.scan.parquet_file import walk_parquet
from holdfast.kernels.scan.pickle_walker import walk_pickle
from holdfast.kernels.scan.plain_text import walk_text, walk_wide_text
from holdfast.kernels.scan.safetensors_file import walk_safetensors
from holdfast.kernels.scan.saved_model import walk_tensorflow
from holdfast.kernels.scan.simple import walk_empty, walk_program, walk_raw, walk_unidentified
from holdfast.kernels.scan.tar_archive import walk_tar
from holdfast.kernels.scan.xgboost_model import walk_ubj
from holdfast.kernels.scan.zip_archive import walk_zip


def default_walkers(allow: AllowList) -> Mapping[str, Walker]:
    """Return the walkers by the name of their format."""
    return {
        "empty": walk_empty,
        "raw": walk_raw,
        "program": walk_program,
        "unidentified": walk_unidentified,
        "pickle": partial(walk_pickle, allow=allow),
        "zip": walk_zip,
        "tar": walk_tar,
        "npy": walk_npy,
        "onnx": walk_onnx,
        "parquet": walk_parquet,
        "safetensors": walk_safetensors,
        "gguf": walk_gguf,
        "hdf5": walk_hdf5,
        "tensorflow-saved-model": partial(walk_tensorflow, root="SavedModel"),
        "tensorflow-graph": partial(walk_tensorflow, root="Graph"),
        "png": walk_png,
        "jpeg": walk_jpeg,
        "ubj": walk_ubj,
        "lightgbm": walk_lightgbm,
        "json": partial(walk_json, allow=allow),
        "text": walk_text,
        "wide-text": walk_wide_text,
        "yaml": partial(walk_text, format="yaml"),
        "python": partial(walk_text, format="python"),
        "script": partial(walk_text, format="script"),
        **{name: partial(walk_compressed, format=name) for name in NAMES},
    }
