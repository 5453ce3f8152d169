"""Load one file in a confined child, and tell whether its payload ran.

The child has its own folder, limits on memory, time and file size, and no network: a network namespace of its own where
the platform lets it, and in any case an audit hook refuses connections and takes the attempt for the proof.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.scan_corpus.case import MARKER, Case

TIMEOUT_S = 60

LOADERS = {
    "pickle": "import pickle; pickle.load(open(path, 'rb'))",
    "pickle-python": "import pickle; pickle._Unpickler(open(path, 'rb')).load()",
    "pickle-all": "import pickle\nwith open(path, 'rb') as file:\n    while True: pickle.load(file)",
    "joblib": "import joblib; joblib.load(path)",
    "joblib-predict": "import joblib, numpy; joblib.load(path).predict(numpy.zeros((3, 2)))",
    "joblib-print": "import joblib; print(joblib.load(path))",
    "numpy": (
        "import numpy\nfound = numpy.load(path, allow_pickle=True)\n"
        "if hasattr(found, 'files'): [found[name] for name in found.files]"
    ),
    "pandas": "import pandas; pandas.read_pickle(path)",
    "torch": "import torch; torch.load(path, weights_only=False)",
    "torch-jit": "import torch; torch.jit.load(path)()",
    "torch-package": "import torch.package; torch.package.PackageImporter(path).load_pickle('model', 'model.pkl')",
    "yaml": "import yaml; yaml.load(open(path), yaml.UnsafeLoader)",
    "skops": "import skops.io; skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))",
    "skops-predict": (
        "import numpy, skops.io; trusted = skops.io.get_untrusted_types(file=path)\n"
        "skops.io.load(path, trusted=trusted).predict(numpy.zeros((3, 2)))"
    ),
    "template": "import jinja2, json; jinja2.Template(json.load(open(path))['chat_template']).render(messages=[])",
    "python": "import runpy; runpy.run_path(path)",
    "shell": "import subprocess; subprocess.run(['/bin/sh', path])",
    "zip-pickle": (
        "import pickle, zipfile\na = zipfile.ZipFile(path)\nfor name in a.namelist(): pickle.loads(a.read(name))"
    ),
    "tar-pickle": "import pickle, tarfile\na = tarfile.open(path)\nfor item in a: pickle.load(a.extractfile(item))",
    "unzip": "import zipfile; zipfile.ZipFile(path).extractall('.')",
    "untar": "import os, tarfile\nos.makedirs('here')\ntarfile.open(path).extractall('here', filter='fully_trusted')",
    "gzip": "import gzip, pickle; pickle.load(gzip.open(path))",
    "bz2": "import bz2, pickle; pickle.load(bz2.open(path))",
    "lzma": "import lzma, pickle; pickle.load(lzma.open(path))",
    "zlib": "import pickle, zlib; pickle.loads(zlib.decompress(open(path, 'rb').read()))",
    "hdf5": "import h5py, pickle; pickle.loads(bytes(h5py.File(path)['model'][()]))",
    "safetensors-pickle": (
        "import pickle; data = open(path, 'rb').read(); pickle.loads(data[8 + int.from_bytes(data[:8], 'little'):])"
    ),
    "onnx-reads": "import onnx; onnx.load(path)",
    "zipapp": "import runpy; runpy.run_path(path)",
}

_CHILD = """
import os, resource, sys, time
path, memory = sys.argv[1], 8 << 30
for what, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, 40), (resource.RLIMIT_FSIZE, 64 << 20),
                   (resource.RLIMIT_CORE, 0)):
    resource.setrlimit(what, (most, most))
refused = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
def watch(event, arguments, refused=refused):
    if event in refused and (event in refused[2:4] or isinstance(arguments[-1], tuple)):
        os.close(os.open("proof", os.O_CREAT | os.O_WRONLY))
        raise ConnectionRefusedError("no network here")
sys.path.insert(0, os.getcwd())
sys.addaudithook(watch)
try:
    exec(sys.argv[2])
finally:
    time.sleep(0.2)
"""


def isolation() -> list[str]:
    """Return the command that takes the network away, or nothing where the platform does not offer one."""
    for command in (["unshare", "-n"], ["unshare", "-rn"]):
        try:
            if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
                return command
        except OSError:
            continue
    return []


def is_proven(case: Case, python: str = sys.executable, isolated_by: list[str] | None = None) -> tuple[bool, str]:
    """Return whether the payload ran, and the last line that the child printed."""
    with tempfile.TemporaryDirectory(prefix="holdfast-proof-") as name:
        folder, scratch = Path(name), Path(name) / "scratch"
        scratch.mkdir()
        path = folder / case.name
        path.write_bytes(case.content)
        for beside, content in case.beside.items():
            (scratch / beside).write_bytes(content)
        command = [*(isolation() if isolated_by is None else isolated_by), python, "-c", _CHILD, str(path)]
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": name,
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TERM": "dumb",
            "PAGER": "cat",
            "TMPDIR": name,
        }
        try:
            done = subprocess.run(
                [*command, LOADERS[case.loader]], cwd=scratch, env=environment, stdin=subprocess.DEVNULL, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S, check=False, errors="replace",
            )  # fmt: skip
            said = (done.stdout.strip().splitlines() or [""])[-1]
        except subprocess.TimeoutExpired:
            said = "the time was up"
        return any(scratch.glob(f"{MARKER}*")) or (folder / MARKER).exists(), said
