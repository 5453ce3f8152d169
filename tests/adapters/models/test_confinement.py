from __future__ import annotations

import os
import pickle
import socket
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models import landlock, process
from holdfast.adapters.models.limits import Limits
from holdfast.core.errors import InputError, ModelError


def offers_landlock() -> bool:
    try:
        return sys.platform == "linux" and landlock.version() > 0
    except OSError:
        return False


linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux confines with namespaces, seccomp and Landlock")
landlocked = pytest.mark.skipif(not offers_landlock(), reason="this kernel offers no Landlock")
ONE_ROW = pl.DataFrame({"a": [0.0]})


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private file outside every folder that the child needs."""
    file = tmp_path_factory.mktemp("home") / "id_ed25519"
    file.write_text("secret key")
    return file


@pytest.fixture
def attempt(opened, make_estimator):
    """Load a trusted pickle that runs a statement and swallows its failure; return the model and what came of it.

    The outcome travels as the model's label: ``refused``, ``absent`` or ``done``.
    """

    def run(statement: str, limits: Limits | None = None):
        body = "\n    ".join(statement.splitlines())
        first = (
            f"import builtins, os\ntry:\n    {body}\nexcept PermissionError:\n    builtins.outcome = 'refused'\n"
            "except OSError:\n    builtins.outcome = 'absent'\nelse:\n    builtins.outcome = 'done'\n"
        )
        data = make_estimator("[__import__('builtins').outcome] * len(X)", first=first)
        model = opened(data, "model.pkl", trust_pickle=True, limits=limits)
        return model, str(model.predict(ONE_ROW).labels[0])

    return run


ATTEMPTS = {
    "socket": ("import socket; socket.socket()", "open a socket"),
    "look-up": ("import socket; socket.getaddrinfo('localhost', 80)", "look up a host name"),
    "program": ("import subprocess; subprocess.run(['true'])", "start a program"),
    "replaced by a program": ("os.execv('/bin/true', ['true'])", "start a program"),
    "fork": ("os.fork()", "start a process"),
    "signal to the parent": ("os.kill(os.getppid(), 0)", "signal a process"),
}


@linux
@pytest.mark.parametrize(("statement", "record"), ATTEMPTS.values(), ids=ATTEMPTS)
def test_attempt_is_refused_and_recorded(statement: str, record: str, attempt) -> None:
    model, outcome = attempt(statement)
    assert outcome != "done"
    assert any(record in note for note in model.info.notes)


@landlocked
def test_private_file_cannot_be_read_and_the_attempt_is_recorded(attempt, secret: Path) -> None:
    model, outcome = attempt(f"open({str(secret)!r}).read()")
    assert outcome == "refused"
    assert any(f"read {secret}" in note for note in model.info.notes)


@landlocked
def test_nothing_is_written_outside_the_scratch_folder(attempt, secret: Path) -> None:
    target = secret.with_name("planted")
    model, outcome = attempt(f"open({str(target)!r}, 'w').write('x')")
    assert outcome == "refused"
    assert not target.exists()
    assert any(f"write {target}" in note for note in model.info.notes)


@landlocked
@pytest.mark.parametrize("change", ["os.remove({0!r})", "os.rename({0!r}, {0!r} + 'x')", "os.truncate({0!r}, 0)"])
def test_files_cannot_be_altered(change: str, attempt, secret: Path) -> None:
    attempt(change.format(str(secret)))
    assert secret.read_text() == "secret key"


@landlocked
def test_environment_and_memory_of_the_parent_cannot_be_read(attempt) -> None:
    assert attempt("open(f'/proc/{os.getppid()}/environ', 'rb').read()")[1] == "refused"


@linux
def test_limits_of_the_parent_cannot_be_changed(attempt) -> None:
    assert attempt("import resource; resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)")[1] == "refused"


@linux
def test_threads_cannot_escape(attempt) -> None:
    statement = (
        "import socket, threading\nseen = []\n"
        "def run(socket=socket, seen=seen):\n    try: socket.socket()\n    except PermissionError: seen.append(1)\n"
        "thread = threading.Thread(target=run); thread.start(); thread.join()\n"
        "if seen: raise PermissionError"
    )
    assert attempt(statement)[1] == "refused"


@linux
def test_raw_system_call_is_refused(attempt) -> None:
    statement = (
        "import ctypes, platform\n"
        "number = {'x86_64': 41, 'aarch64': 198}[platform.machine()]\n"
        "if ctypes.CDLL(None).syscall(number, 2, 1, 0) < 0: raise PermissionError"
    )
    assert attempt(statement)[1] == "refused"


def test_scratch_folder_is_writable_and_removed_at_the_end(attempt) -> None:
    model, outcome = attempt("path = os.path.join(os.environ['HOME'], 'x')\nopen(path, 'w').write('x')")
    assert outcome == "done"
    folder = Path(f"/proc/{model.pid}/cwd").resolve() if sys.platform == "linux" else None
    model.close()
    assert folder is None or not folder.exists()


def test_environment_holds_no_secret(attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "hunter2")
    assert attempt("if 'API_TOKEN' not in os.environ: raise FileNotFoundError")[1] == "absent"


@linux
def test_confinement_is_recorded(attempt) -> None:
    held = attempt("pass")[0].info.confinement
    assert set(held) == {"environment", "memory", "network", "filesystem", "processes", "lifetime"}
    assert held["memory"] == "rlimit 4096 MB"
    assert "seccomp" in held["network"]
    assert held["environment"] == "cleared"


@linux
@pytest.mark.parametrize("grab", ["bytearray(1 << 30)", "__import__('mmap').mmap(-1, 1 << 30)"])
def test_memory_bomb_hits_the_limit(grab: str, opened, make_pickle) -> None:
    with pytest.raises(ModelError, match=r"out of the memory|PermissionError"):
        opened(make_pickle(grab), "bomb.pkl", trust_pickle=True, limits=Limits(memory_mb=700, threads=1))


def test_endless_loading_is_ended(opened, make_pickle) -> None:
    with pytest.raises(ModelError, match="took longer than 2 s while loading the model and was ended"):
        opened(
            make_pickle("exec('while True: pass')"), "loop.pkl", trust_pickle=True, limits=Limits(load_timeout_s=2.0)
        )


@landlocked
def test_what_a_failing_pickle_says_is_reported(opened, make_pickle, secret: Path) -> None:
    with pytest.raises(ModelError, match="failed with PermissionError"):
        opened(make_pickle(f"open({str(secret)!r}).read()"), "thief.pkl", trust_pickle=True)


@linux
def test_a_listener_on_this_machine_hears_nothing(attempt) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        address = listener.getsockname()
        outcome = attempt(f"import socket\nsocket.create_connection({address!r}, 2).sendall(b'stolen')")[1]
        with pytest.raises(TimeoutError):
            listener.accept()
    assert outcome != "done"


def children() -> set[int]:
    """Processes of models that this process started and that still run."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            facts = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if b"holdfast.adapters.models.child" in command and facts[0] != "Z":
            found.add(int(entry.name))
    return found


@linux
def test_nothing_outlives_its_time(opened, make_pickle) -> None:
    """Signals are ignored and threads started, which do not help a process that is killed."""
    before = children()
    stubborn = (
        "import signal, threading\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\n"
        "def spin():\n    while True: pass\n"
        "threading.Thread(target=spin).start()\nspin()"
    )
    with pytest.raises(ModelError, match="took longer than 2 s"):
        opened(make_pickle(f"exec({stubborn!r}, {{}})"), "m.pkl", trust_pickle=True, limits=Limits(load_timeout_s=2.0))
    assert children() <= before


@pytest.fixture
def without_isolation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform that keeps nothing from the network."""
    monkeypatch.setattr(process, "holds_network", lambda held: False)


def test_without_isolation_a_forced_pickle_is_refused_before_a_byte_is_sent(
    without_isolation: None, opened, make_pickle, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="kept from the network") as caught:
        opened(make_pickle("1"), "model.pkl", trust_pickle=True)
    assert "--trust-pickle=unconfined" in caught.value.hint


@pytest.mark.parametrize("how", [{"trust_pickle": "unconfined"}, {"vouched": "scan"}, {"vouched": "policy"}])
def test_without_isolation_what_is_vouched_for_or_unconfined_is_loaded(
    how: dict[str, str], without_isolation: None, opened, numbers: pl.DataFrame, is_positive: np.ndarray
) -> None:
    from sklearn.tree import DecisionTreeClassifier

    fitted = DecisionTreeClassifier(max_depth=2).fit(numbers.to_numpy(), is_positive)
    assert opened(pickle.dumps(fitted), "model.pkl", **how).predict(numbers).scores.shape == (200, 2)


def test_pickle_that_holds_no_model_is_refused(opened, make_pickle) -> None:
    with pytest.raises(InputError, match=r"^model\.pkl: expected a scikit-learn estimator .* got builtins\.dict"):
        opened(make_pickle("{'model': 1}"), "model.pkl", trust_pickle=True)


@linux
def test_harmless_model_leaves_no_record(opened, numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    from sklearn.ensemble import RandomForestClassifier

    fitted = RandomForestClassifier(n_estimators=2, n_jobs=-1).fit(numbers.to_numpy(), is_positive)
    model = opened(pickle.dumps(fitted), "model.pkl", trust_pickle=True)
    assert not [note for note in model.info.notes if "tried to" in note]
    assert model.predict(numbers).scores.shape == (200, 2)
    assert os.getpid() != model.pid
