"""Ordinary files of every other format, and what lies beside a model."""

from __future__ import annotations

import importlib.util
import io
import json
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.scan_corpus.case import Case

README = """---
license: apache-2.0
tags: [tabular, scikit-learn]
---
# Default risk

Predicts `default` (yes or no) from income, age and rate. Trained on 2026-11-24; accuracy 0.87.

```python
import joblib
model = joblib.load("model.joblib")
print(model.predict(rows))
```

Contact: data-team@example.org. See <https://example.org/models?id=7>.
"""
TEMPLATE = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system\n"
    "You are helpful<|im_end|>\n{% endif %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] | trim + "
    "'<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def cases() -> Iterator[Case]:
    """Yield files by format."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for group in (_arrays, _onnx, _skops, _boosters, _tables, _texts, _headers, _archives):
            for name, content in group().items():
                yield Case(f"document_{name}", content, False)
        if _has_torch():
            for name, content in _torch().items():
                yield Case(f"torch_{name}", content, False)


def _buffered(save: Any) -> bytes:
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


def _arrays() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    plain: dict[str, Any] = {
        "float": rng.random((20, 3)),
        "int": np.arange(9),
        "bool": np.array([True, False]),
        "text": np.array(["a", "bcd"]),
        "fortran": np.asfortranarray(rng.random((3, 4))),
        "empty": np.empty((0, 3)),
        "scalar": np.array(3.5),
        "dates": np.arange("2026-01", "2026-02", dtype="M8[D]"),
        "half": np.ones(3, "f2"),
        "complex": np.ones(3, "c8"),
        "structured": np.zeros(3, dtype=[("a", "i4"), ("b", "f8", (2,))]),
        "big-endian": np.arange(5, dtype=">i4"),
    }
    found = {f"{name}.npy": _buffered(lambda file, array=array: np.save(file, array)) for name, array in plain.items()}
    found["objects.npy"] = _buffered(
        lambda file: np.save(file, np.array(["a", None, 2.5, [1]], dtype=object), allow_pickle=True)
    )
    found["several.npy"] = _buffered(lambda file: _save_several(file, list(plain.values())[:3]))
    found["plain.npz"] = _buffered(
        lambda file: np.savez(file, **{name: plain[name] for name in ("float", "int", "text")})
    )
    found["compressed.npz"] = _buffered(
        lambda file: np.savez_compressed(file, weights=plain["float"], bias=plain["int"])
    )
    return found


def _save_several(file: io.BytesIO, arrays: list[Any]) -> None:
    for array in arrays:
        np.save(file, array)


def _onnx() -> dict[str, bytes]:
    from skl2onnx import to_onnx
    from sklearn import cluster, ensemble, linear_model, neighbors, neural_network, pipeline, preprocessing, svm

    rng = np.random.default_rng(0)
    X, y = rng.random((60, 3)).astype(np.float32), rng.integers(0, 2, 60)
    models = {
        "logistic": linear_model.LogisticRegression(),
        "forest": ensemble.RandomForestClassifier(n_estimators=4),
        "boosting": ensemble.GradientBoostingRegressor(n_estimators=4),
        "svm": svm.SVC(probability=False),
        "mlp": neural_network.MLPClassifier(hidden_layer_sizes=(5,), max_iter=5),
        "neighbours": neighbors.KNeighborsClassifier(),
        "means": cluster.KMeans(3),
        "extra": ensemble.ExtraTreesRegressor(n_estimators=3),
        "pipeline": pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.Ridge()),
        "polynomial": pipeline.make_pipeline(preprocessing.PolynomialFeatures(2), linear_model.Lasso()),
    }
    return {f"{name}.onnx": to_onnx(model.fit(X, y), X[:1]).SerializeToString() for name, model in models.items()}


def _skops() -> dict[str, bytes]:
    import skops.io
    from sklearn import (
        compose,
        ensemble,
        feature_extraction,
        linear_model,
        naive_bayes,
        pipeline,
        preprocessing,
        svm,
        tree,
    )

    rng = np.random.default_rng(0)
    X, y = rng.random((60, 3)), rng.integers(0, 2, 60)
    columns = compose.ColumnTransformer(
        [("a", preprocessing.StandardScaler(), [0]), ("b", preprocessing.MinMaxScaler(), [1, 2])]
    )
    models: dict[str, Any] = {
        "logistic": linear_model.LogisticRegression(), "forest": ensemble.RandomForestClassifier(n_estimators=3),
        "svm": svm.SVC(), "tree": tree.DecisionTreeRegressor(), "bayes": naive_bayes.GaussianNB(),
        "sgd": linear_model.SGDClassifier(), "columns": pipeline.make_pipeline(columns, linear_model.Ridge()),
        "function": pipeline.make_pipeline(preprocessing.FunctionTransformer(np.log1p), linear_model.Ridge()),
        "boosting": ensemble.GradientBoostingClassifier(n_estimators=3),
    }  # fmt: skip
    found = {f"{name}.skops": skops.io.dumps(model.fit(X, y)) for name, model in models.items()}
    words = feature_extraction.text.TfidfVectorizer().fit(["a red house", "the blue sea"])
    found["words.skops"] = skops.io.dumps(words)
    return found


def _boosters() -> dict[str, bytes]:
    import lightgbm
    import pandas
    import xgboost

    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(rng.random((80, 3)), columns=["age", "income share", "rate"])
    label = (frame["age"] > 0.5).astype(int)
    quiet = {"verbose": -1, "num_leaves": 4, "min_child_samples": 5}
    found = {
        f"lightgbm-{name}.txt": lightgbm.train({"objective": name, **quiet}, lightgbm.Dataset(frame, label), 3)
        .model_to_string()
        .encode()
        for name in ("binary", "regression", "poisson", "cross_entropy")
    }
    dumped = lightgbm.train({"objective": "binary", **quiet}, lightgbm.Dataset(frame, label), 3).dump_model()
    found["lightgbm-dump.json"] = json.dumps(dumped).encode()
    for objective in ("binary:logistic", "reg:squarederror", "count:poisson"):
        model = xgboost.train({"objective": objective, "max_depth": 2}, xgboost.DMatrix(frame, label), 3)
        for ending in ("json", "ubj"):
            found[f"xgboost-{objective.replace(':', '-')}.{ending}"] = bytes(model.save_raw(ending))
    linear = xgboost.train({"booster": "gblinear"}, xgboost.DMatrix(frame, label), 3)
    found["xgboost-linear.json"] = bytes(linear.save_raw("json"))
    found["xgboost-dump.json"] = b"[" + ",".join(model.get_dump(dump_format="json")).encode() + b"]"
    return found


def _tables() -> dict[str, bytes]:
    import pandas

    frame = pandas.DataFrame({"age": [30, 40], "town": ["north", "south"], "note": ["a, b", 'said "no"']})
    return {
        "rows.csv": frame.to_csv(index=False).encode(),
        "rows-semicolon.csv": frame.to_csv(sep=";").encode(),
        "rows-latin.csv": "Straße;Größe\nHauptstraße;3\n".encode("latin-1"),
        "rows.tsv": frame.to_csv(sep="\t").encode(),
        "rows.jsonl": frame.to_json(orient="records", lines=True).encode(),
        "rows.json": frame.to_json().encode(),
        "rows.parquet": frame.to_parquet(),
        "rows-gzip.parquet": frame.to_parquet(compression="gzip"),
    }


def _texts() -> dict[str, bytes]:
    bert = {
        "architectures": ["BertForMaskedLM"],
        "model_type": "bert",
        "hidden_size": 768,
        "torch_dtype": "float32",
        "id2label": {"0": "no", "1": "yes"},
        "layer_norm_eps": 1e-12,
        "transformers_version": "4.46.0",
        "vocab_size": 30522,
    }
    tokenizer = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "chat_template": TEMPLATE,
        "eos_token": "</s>",
        "model_max_length": 4096,
    }
    vocabulary = {
        "version": "1.0",
        "model": {"type": "BPE", "vocab": {"<s>": 0, "import": 1, "os": 2}, "merges": ["i m", "p o"]},
    }
    return {
        "README.md": README.encode(),
        "config.json": json.dumps(bert, indent=2).encode(),
        "tokenizer_config.json": json.dumps(tokenizer).encode(),
        "tokenizer.json": json.dumps(vocabulary).encode(),
        "vocab.txt": b"[PAD]\n[UNK]\n[CLS]\nthe\nof\n##ing\nos\nimport\neval\n(\n)\n!\n!!\n",
        "merges.txt": "#version: 0.2\nĠ t\nh e\n".encode(),
        "requirements.txt": b"numpy==2.4.6\nscikit-learn>=1.5,<2 ; python_version >= '3.11'\n# comment\n",
        "MLmodel": b"flavors:\n  python_function:\n    env: conda.yaml\n    loader_module: mlflow.sklearn\n"
        b"    model_path: model.pkl\n  sklearn:\n    pickled_model: model.pkl\nutc_time_created: '2026-11-24 10:00'\n",
        "conda.yaml": b"channels:\n- conda-forge\ndependencies:\n- python=3.11\n- pip:\n  - scikit-learn\nname: a\n",
        "params.yaml": b"train:\n  lr: 0.1\n  seeds: [1, 2, 3]\n  notes: |\n    Call me! And: this is text.\n",
        "anchors.yaml": b"base: &base\n  lr: 0.1\na:\n  <<: *base\n  depth: 3\n",
        ".gitattributes": b"*.bin filter=lfs diff=lfs merge=lfs -text\n",
        "pointer.bin": b"version https://git-lfs.github.com/spec/v1\n"
        b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n",
        "LICENSE": b"Apache License\nVersion 2.0, January 2004\n\nTERMS AND CONDITIONS\n",
        "empty": b"",
        "metrics.json": b'{"auc": 0.91, "n": 1000, "when": "2026-11-24T10:00:00Z", "nan": NaN}',
        "index.json": json.dumps(
            {"metadata": {"total_size": 9}, "weight_map": {"a.weight": "model-00001-of-00002.safetensors"}}
        ).encode(),
        "notes.txt": b"Results look fine. To reproduce: run the training (see the wiki). Cost: 3 EUR.\n",
        "labels.txt": "chat\nchien\nété\n".encode(),
        "log.txt": b"2026-11-24 10:00:00 INFO epoch=1 loss=0.53\n2026-11-24 10:01:00 INFO epoch=2 loss=0.41\n",
        "describe.txt": b"Pipeline(steps=[('scale', StandardScaler()), ('model', LogisticRegression(C=0.5))])\n",
        "run.toml": b'[model]\nname = "risk"\ndepth = 3\n',
        "run.ini": b"[model]\nname = risk\n",
    }


def _headers() -> dict[str, bytes]:
    """Formats that are a header and numbers: safetensors and GGUF, written by hand."""
    rng = np.random.default_rng(0)
    found = {}
    for name, dtype in {"F32": "f4", "F16": "f2", "I64": "i8", "U8": "u1", "BOOL": "?", "F64": "f8"}.items():
        arrays = {f"layer.{n}.weight": (rng.random((4, n + 1)) * 100).astype(dtype) for n in range(3)}
        found[f"{name}.safetensors"] = _safetensors(name, arrays, {"format": "pt"})
    found["none.safetensors"] = _safetensors("F32", {}, {})
    found["padded.safetensors"] = _safetensors(
        "F32", {"a": np.ones(3, "f4")}, {"format": "np", "license": "mit"}, padding=5
    )
    values = {
        "general.architecture": "llama",
        "general.name": "tiny",
        "tokenizer.chat_template": TEMPLATE,
        "llama.block_count": 2,
    }
    found["tiny.gguf"] = _gguf(
        values, {"blk.0.weight": rng.random((4, 8)).astype("f4"), "out": rng.random(32).astype("f4")}
    )
    found["header.gguf"] = _gguf({"general.architecture": "bert"}, {})
    return found


def _safetensors(name: str, arrays: dict[str, Any], metadata: dict[str, str], padding: int = 0) -> bytes:
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    position, data = 0, b""
    for key, array in arrays.items():
        header[key] = {"dtype": name, "shape": list(array.shape), "data_offsets": [position, position + array.nbytes]}
        position += array.nbytes
        data += array.tobytes()
    text = json.dumps(header).encode() + b" " * padding
    return struct.pack("<Q", len(text)) + text + data


def _gguf(values: dict[str, Any], arrays: dict[str, Any]) -> bytes:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    body, data = b"", b""
    for key, value in values.items():
        body += text(key) + (
            struct.pack("<I", 8) + text(value) if isinstance(value, str) else struct.pack("<II", 4, value)
        )
    for key, array in arrays.items():
        shape = array.shape[::-1]
        body += text(key) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        data += array.tobytes().ljust(-(-array.nbytes // 32) * 32, b"\0")
    head = b"GGUF" + struct.pack("<IQQ", 3, len(arrays), len(values)) + body
    return head.ljust(-(-len(head) // 32) * 32, b"\0") + data


def _archives() -> dict[str, bytes]:
    import joblib
    from sklearn.linear_model import Ridge

    model = _buffered(lambda file: joblib.dump(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]), file))
    members = {"model/model.joblib": model, "model/config.json": b'{"a": 1}', "model/README.md": README.encode()}

    def zipped(file: io.BytesIO, method: int = 8) -> None:
        with zipfile.ZipFile(file, "w", method) as archive:
            archive.mkdir("model")
            for name, content in members.items():
                archive.writestr(name, content)

    def tarred(file: io.BytesIO, mode: str) -> None:
        with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))

    found = {"model.zip": _buffered(zipped), "stored.zip": _buffered(lambda file: zipped(file, 0))}
    for mode in ("w", "w:gz", "w:bz2", "w:xz"):
        found[f"model.tar{mode[1:].replace(':', '.')}"] = _buffered(lambda file, mode=mode: tarred(file, mode))
    with TemporaryDirectory() as folder:
        for name, content in members.items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        import shutil

        for form in ("zip", "gztar"):
            packed = shutil.make_archive(f"{folder}-{form}", form, folder)
            found[f"shutil.{form}"] = Path(packed).read_bytes()
            Path(packed).unlink()
    return found


def _has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


def _torch() -> dict[str, bytes]:
    torch: Any = importlib.import_module("torch")
    nn = torch.nn

    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2))
    optimiser = torch.optim.Adam(net.parameters())
    net(torch.ones(3, 4)).sum().backward()
    optimiser.step()
    modules = {
        "linear": nn.Linear(3, 2), "convolution": nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.Flatten()),
        "lstm": nn.LSTM(3, 4, num_layers=2), "attention": nn.MultiheadAttention(8, 2), "embedding": nn.Embedding(10, 3),
        "transformer": nn.TransformerEncoderLayer(8, 2, 16), "gru": nn.GRU(2, 3), "norm": nn.LayerNorm(4),
    }  # fmt: skip
    values = {
        "state": net.state_dict(),
        "checkpoint": {"model": net.state_dict(), "optimiser": optimiser.state_dict(), "epoch": 3, "loss": 0.25},
        "tensor": torch.arange(10),
        "half": torch.ones(3, dtype=torch.bfloat16),
        "views": [torch.ones(4, 4)[1:], torch.ones(3).expand(2, 3)],
        "parameter": nn.Parameter(torch.ones(3)),
        "size": torch.ones(2, 3).size(),
        "device": {"device": torch.device("cpu"), "dtype": torch.float16},
        "sparse": torch.eye(3).to_sparse(),
        "quantized": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
        "complex": torch.ones(2, dtype=torch.complex64),
        "numpy": {"mean": np.float64(0.5), "scale": np.ones(3)},
        "generator": torch.Generator().get_state(),
    }
    found = {
        f"state-{name}.pt": _buffered(lambda file, value=value: torch.save(value, file))
        for name, value in values.items()
    }
    found |= {
        f"module-{name}.pt": _buffered(lambda file, value=value: torch.save(value, file))
        for name, value in {"net": net, **modules}.items()
    }
    for name in ("state", "checkpoint", "tensor"):
        found[f"old-{name}.pt"] = _buffered(
            lambda file, name=name: torch.save(values[name], file, _use_new_zipfile_serialization=False)
        )
    found["old-module.pt"] = _buffered(lambda file: torch.save(net, file, _use_new_zipfile_serialization=False))
    return found
