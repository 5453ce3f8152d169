from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.client import MOST_RESTARTS
from holdfast.adapters.models.limits import Limits
from holdfast.core.errors import ModelError

FINE = pl.DataFrame({"a": [0.0, 0.0]})
ABORTS = pl.DataFrame({"a": [1.0]})
FAULTS = pl.DataFrame({"a": [2.0]})
EXITS = pl.DataFrame({"a": [3.0]})
LOOPS = pl.DataFrame({"a": [4.0]})
RAISES = pl.DataFrame({"a": [5.0]})
BREAKS_IN = pl.DataFrame({"a": [6.0]})
MISBEHAVE = """[
    lambda: np.zeros(len(X), dtype=int), os.abort, lambda: ctypes.string_at(0), lambda: os._exit(3),
    lambda: exec('while True: pass'), lambda: 1 // 0, lambda: exec(SPOIL),
][int(X[0, 0])]()""".replace("\n", " ")
SPOIL = """
for fd in range(3, 20):
    try: os.write(fd, b'x' * 64)
    except OSError: pass
"""
FIRST = f"""
import builtins, os, ctypes, numpy
builtins.os, builtins.ctypes, builtins.np, builtins.SPOIL = os, ctypes, numpy, {SPOIL!r}
"""


@pytest.fixture
def model(opened, make_estimator):
    limits = Limits(call_timeout_s=3.0, threads=1)
    return opened(make_estimator(MISBEHAVE, first=FIRST), "model.pkl", trust_pickle=True, limits=limits)


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (ABORTS, "ended by SIGABRT"),
        (FAULTS, "ended by SIGSEGV"),
        (EXITS, "exited with status 3"),
        (LOOPS, r"took longer than 3 s answering 1 rows and was ended"),
        (RAISES, "ZeroDivisionError"),
    ],
    ids=["abort", "fault", "exit", "loop", "error"],
)
def test_misbehaving_model_is_reported_and_the_next_call_works(rows: pl.DataFrame, what: str, model) -> None:
    with pytest.raises(ModelError, match=what):
        model.predict(rows)
    assert model.predict(FINE).labels.tolist() == [0, 0]


def test_model_that_writes_into_the_protocol_is_ended(model) -> None:
    with pytest.raises(ModelError, match="broke the protocol"):
        model.predict(BREAKS_IN)
    assert model.predict(FINE).labels.tolist() == [0, 0]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="interrupts itself with a timer signal")
def test_interrupted_request_is_not_answered_by_the_next(model) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            model.predict(LOOPS)
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert model.predict(FINE).labels.tolist() == [0, 0]


def test_number_of_restarts_is_bounded(model) -> None:
    for _ in range(MOST_RESTARTS + 1):
        with pytest.raises(ModelError, match="exited with status 3"):
            model.predict(EXITS)
    with pytest.raises(ModelError, match=f"ended {MOST_RESTARTS + 1} times and is not started again"):
        model.predict(FINE)


def test_last_words_of_a_crash_are_shown(opened, make_estimator) -> None:
    predict = "(__import__('os').write(2, b'assertion failed in kernel 7\\n'), __import__('os').abort())"
    with pytest.raises(ModelError, match=r"last words: .*assertion failed in kernel 7"):
        opened(make_estimator(predict), "model.pkl", trust_pickle=True).predict(FINE)


def test_flood_of_last_words_is_bounded(opened, make_estimator) -> None:
    predict = "(__import__('os').write(2, b'x' * (1 << 24)), __import__('os').abort())"
    with pytest.raises(ModelError) as caught:
        opened(make_estimator(predict), "model.pkl", trust_pickle=True).predict(FINE)
    assert len(caught.value.message) < 10_000


def test_prints_do_not_disturb_the_protocol(opened, make_estimator) -> None:
    noise = "(print('noise'), __import__('os').write(1, b'noise'), input() if 0 else 0, [7] * len(X))[3]"
    model = opened(make_estimator(noise, first="print('loading' * 1000)"), "model.pkl", trust_pickle=True)
    assert model.predict(FINE).labels.tolist() == [7, 7]


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ("[float('nan')] * len(X)", "expected finite numbers .* in row 0"),
        ("[1]", r"expected one answer per row, shape \(2,\), .* got shape \(1,\)"),
        ("__import__('numpy').zeros((len(X), 2))", r"got shape \(2, 2\)"),
        ("[None] * len(X)", "expected labels of one kind"),
        ("['x' * 100000] * len(X)", "broke the protocol"),
    ],
    ids=["nan", "too few", "too wide", "objects", "too large"],
)
def test_bad_answer_is_refused(answer: str, what: str, opened, make_estimator) -> None:
    with pytest.raises(ModelError, match=what):
        opened(make_estimator(answer), "model.pkl", trust_pickle=True).predict(FINE)


@pytest.mark.parametrize("labels", ["['a', 'b']", "[1, 2]", "[True, False]"])
def test_labels_keep_their_type_across_the_boundary(labels: str, opened, make_estimator) -> None:
    answer = opened(make_estimator(labels), "model.pkl", trust_pickle=True).predict(FINE)
    assert answer.labels.tolist() == eval(labels)


def test_batches_bound_what_is_sent_at_once(opened, make_estimator) -> None:
    data = make_estimator("[len(X)] * len(X)")
    model = opened(data, "model.pkl", trust_pickle=True, limits=Limits(batch_rows=4, threads=1))
    assert model.predict(pl.DataFrame({"a": np.zeros(10)})).labels.tolist() == [4] * 8 + [2] * 2
    assert model.queries == 10


def test_threads_may_share_a_model(opened, make_estimator) -> None:
    model = opened(make_estimator("X[:, 0].astype(int)"), "model.pkl", trust_pickle=True)
    found: dict[int, list] = {}

    def ask(i: int) -> None:
        found[i] = [model.predict(pl.DataFrame({"a": [float(i)]})).labels.tolist() for _ in range(5)]

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {i: [[i]] * 5 for i in range(4)}


def test_child_outlives_the_thread_that_opened_it(opened, make_estimator) -> None:
    models = []
    thread = threading.Thread(
        target=lambda: models.append(opened(make_estimator("[1] * len(X)"), "m.pkl", trust_pickle=True))
    )
    thread.start()
    thread.join()
    time.sleep(0.2)
    pid = models[0].pid
    assert models[0].predict(FINE).labels.tolist() == [1, 1]
    assert models[0].pid == pid


def test_closed_model_ends_its_child(model) -> None:
    pid = model.pid
    model.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(ModelError, match="was closed"):
        model.predict(FINE)


def test_forgotten_model_ends_its_child(make_estimator) -> None:
    from holdfast.adapters.models.opening import open_model

    model = open_model(make_estimator("[1]"), name="m.pkl", digest="sha256:0", trust_pickle=True)
    pid = model.pid
    del model
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_trained_copy_is_lost_with_the_process_and_says_so(opened, numbers: pl.DataFrame, is_positive) -> None:
    import pickle

    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(max_depth=2).fit(numbers.to_numpy(), is_positive)
    model = opened(pickle.dumps(tree), "model.pkl", trust_pickle=True)
    copy = model.refit(numbers, is_positive, seed=0)
    assert copy.predict(numbers).scores.shape == (200, 2)
    os.kill(model.pid, signal.SIGKILL)
    with pytest.raises(ModelError):
        copy.predict(numbers)
    assert model.predict(numbers).scores.shape == (200, 2)
    with pytest.raises(ModelError, match="trained copy was lost"):
        copy.predict(numbers)
    copy.close()


@pytest.mark.skipif(sys.platform != "linux", reason="uses prctl and /proc")
@pytest.mark.parametrize("predict", ["[1] * len(X)", "exec('while True: pass')"], ids=["idle", "busy"])
def test_death_of_the_parent_ends_the_child(predict: str, make_estimator, tmp_path) -> None:
    (tmp_path / "model.pkl").write_bytes(make_estimator(predict))
    script = f"""
import pathlib, threading, time, polars as pl
from holdfast.adapters.models.opening import open_model
data = pathlib.Path({str(tmp_path / "model.pkl")!r}).read_bytes()
model = open_model(data, name="model.pkl", digest="sha256:0", trust_pickle=True)
threading.Thread(target=model.predict, args=(pl.DataFrame({{"a": [0.0]}}),), daemon=True).start()
time.sleep(0.3)
print(model.pid, flush=True)
time.sleep(60)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment) as parent:
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.kill()
    assert ends_within(child, 5.0)


def ends_within(pid: int, seconds: float) -> bool:
    """Whether a process that is not ours to wait for is gone, or dead and not yet reaped, in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False
