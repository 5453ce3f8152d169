"""Recorded runs: what they say, and what is known when they end in other ways."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import holdfast
from holdfast.core.canonical import digest_bytes
from holdfast.core.errors import InputError
from holdfast.core.provenance import TrainingManifest
from holdfast.evidence.record_store import RUNS, manifest_beside, read_manifest, read_manifests, working_folder
from holdfast.evidence.statement import parse_statement
from holdfast.records.surroundings import masked, read_code, read_environment, read_variables
from holdfast.records.training import Recorded, record_run, unfinished

RECORDS = Path(".holdfast/records")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOLDFAST_RECORDS", raising=False)
    (tmp_path / "in.csv").write_text("a,b\n1,2\n3,4\n")
    return tmp_path


def shell(script: str, **options: object) -> Recorded:
    given: dict[str, object] = {"inputs": [Path("in.csv")], "outputs": [Path("out.txt")], **options}
    return record_run(["sh", "-c", script], **given)  # type: ignore[arg-type]


def test_a_run_records_inputs_and_outputs_before_and_after(place: Path) -> None:
    done = shell("cat in.csv > out.txt", seeds=[3])
    manifest = done.manifest
    (given,), (written,) = manifest.inputs, manifest.outputs
    digest = digest_bytes((place / "in.csv").read_bytes())
    assert (manifest.state, done.exit_code, manifest.seeds) == ("finished", 0, (3,))
    assert (given.path, given.before.digest, given.is_changed) == ("in.csv", digest, False)
    assert given.before.content is not None
    assert (written.before.kind, written.after and written.after.digest) == ("absent", digest)


def test_the_manifest_lies_beside_the_output_and_among_the_records(place: Path) -> None:
    done = shell("cat in.csv > out.txt")
    assert read_manifest(place / "out.txt.training.json") == done.manifest
    assert read_manifests(RECORDS) == (done.manifest,)
    assert unfinished(RECORDS) == ()


def test_a_model_finds_the_manifest_of_the_run_that_wrote_it(place: Path) -> None:
    done = shell("mkdir m && cat in.csv > m/model.bin", outputs=[Path("m")])
    digest = digest_bytes((place / "m/model.bin").read_bytes())
    found = manifest_beside(Path("m/model.bin"), digest)
    assert found is not None
    assert found[0] == done.manifest
    assert working_folder(*found) == place
    assert manifest_beside(Path("m/model.bin"), digest_bytes(b"another")) is None


def test_the_exit_code_is_that_of_the_command() -> None:
    done = shell("exit 7")
    assert (done.exit_code, done.manifest.exit_code, done.manifest.state) == (7, 7, "failed")
    assert done.manifest.notes == ("the output out.txt was not written",)


def test_a_failed_run_does_not_claim_the_model_of_an_earlier_one(place: Path) -> None:
    first = shell("cat in.csv > out.txt")
    second = shell("exit 1")
    assert "did not change" in second.manifest.notes[0]
    assert second.manifest.written() == {}
    assert read_manifest(place / "out.txt.training.json") == first.manifest


def test_writing_the_same_bytes_again_is_said_and_counts_as_written() -> None:
    shell("cat in.csv > out.txt")
    again = shell("cat in.csv > out.txt")
    assert again.manifest.notes == ("the output out.txt did not change",)
    assert set(again.manifest.written()) == {"out.txt"}


def test_an_input_that_the_command_changes_is_said() -> None:
    done = shell("echo 5,6 >> in.csv; touch out.txt")
    assert done.manifest.notes == ("the input in.csv changed during the run",)


def test_the_event_names_manifest_and_outputs() -> None:
    done = shell("cat in.csv > out.txt")
    event = parse_statement(done.statements[0].encode(), source="the event")
    assert event.kind == "training-run"
    assert event.subjects == {"manifest": done.manifest.record, "output:out.txt": done.manifest.written()["out.txt"]}


@pytest.mark.parametrize(
    ("options", "command", "said"),
    [
        ({}, ["no-such-command"], "there is no command 'no-such-command'"),
        ({}, [], "expected a command behind --"),
        ({"inputs": [Path("gone.csv")]}, ["true"], r"expected an input at gone\.csv, found nothing"),
        ({"outputs": [Path()]}, ["true"], "an output below the working folder"),
        ({"outputs": [Path("..")]}, ["true"], "an output below the working folder"),
    ],
)
def test_what_cannot_be_recorded_is_refused_before_anything_runs(
    options: dict[str, list[Path]], command: list[str], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        record_run(command, **options)
    assert not RECORDS.exists()


def test_links_are_followed_where_they_are_named_and_stated_inside_folders(place: Path) -> None:
    (place / "data").mkdir()
    (place / "data/rows.csv").symlink_to(place / "in.csv")
    (place / "latest.csv").symlink_to("in.csv")
    done = shell("touch out.txt", inputs=[Path("latest.csv"), Path("data")])
    link, folder = (one.before for one in done.manifest.inputs)
    assert (link.link, link.digest) == ("in.csv", digest_bytes((place / "in.csv").read_bytes()))
    assert [member.digest for member in folder.members] == [f"link to {place / 'in.csv'}"]


def test_a_link_that_leads_nowhere_is_refused(place: Path) -> None:
    (place / "dead.csv").symlink_to("gone.csv")
    with pytest.raises(InputError, match="a link that leads nowhere"):
        shell("true", inputs=[Path("dead.csv")])


def test_a_pipe_is_refused(place: Path) -> None:
    os.mkfifo(place / "pipe")
    with pytest.raises(InputError, match="pipe or device"):
        shell("true", inputs=[Path("pipe")])


def test_a_huge_folder_is_refused_with_a_next_step(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "many").mkdir()
    for number in range(4):
        (place / f"many/{number}").touch()
    monkeypatch.setattr("holdfast.evidence.fingerprints.MOST_FILES", 3)
    with pytest.raises(InputError, match="expected at most 3 files") as caught:
        shell("true", inputs=[Path("many")])
    assert "name the part that counts" in caught.value.hint


def test_of_a_large_folder_one_digest_is_kept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "many").mkdir()
    for number in range(4):
        (place / f"many/{number}").touch()
    monkeypatch.setattr("holdfast.evidence.fingerprints.MOST_MEMBERS", 3)
    state = shell("true", inputs=[Path("many")]).manifest.inputs[0].before
    assert (state.n_files, state.members) == (4, ())


def test_a_disk_that_is_full_at_the_end_is_said_with_how_the_command_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []

    def full_after_the_first(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) > 2:  # the file that says the run began, and its folder
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_after_the_first)
    with pytest.raises(InputError, match=r"the command ended with 0, but its record was not written: .* disk is full"):
        shell("cat in.csv > out.txt")
    ((manifest, is_running),) = unfinished(RECORDS)
    assert (manifest.state, is_running) == ("running", False)


def test_a_full_disk_at_the_start_runs_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="disk is full"):
        shell("touch ran")
    assert not (place / "ran").exists()


def test_a_manifest_edited_by_hand_is_refused(place: Path) -> None:
    shell("cat in.csv > out.txt")
    path = place / "out.txt.training.json"
    path.write_text(path.read_text().replace('"exit_code":0', '"exit_code":1'))
    with pytest.raises(InputError, match="it was altered"):
        read_manifest(path)


def waiting_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class TestProcesses:
    """Runs in processes of their own: signals, two at once, and an end that nobody saw."""

    def start(self, place: Path, script: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "holdfast", "run", "--output", "out.txt", "--", "sh", "-c", script]
        environment = {**os.environ, "PYTHONPATH": str(Path(holdfast.__file__).parents[1])}
        process = subprocess.Popen(
            command, cwd=place, env=environment, stderr=subprocess.DEVNULL, start_new_session=True
        )
        waiting_for((place / "began").exists)
        return process

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_is_passed_on_and_recorded(self, place: Path, number: signal.Signals) -> None:
        process = self.start(place, "touch began; exec sleep 60")
        process.send_signal(number)
        process.wait(timeout=30)
        manifest = read_manifests(RECORDS)[0]
        assert process.returncode == manifest.exit_code == 128 + number
        assert (manifest.state, manifest.signal) == ("interrupted", number.name)

    def test_a_command_that_handles_the_signal_ends_as_it_likes(self, place: Path) -> None:
        process = self.start(
            place, "trap 'echo saved > out.txt; exit 4' TERM; touch began; while :; do sleep 0.05; done"
        )
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        manifest = read_manifests(RECORDS)[0]
        assert (process.returncode, manifest.state, list(manifest.written())) == (4, "failed", ["out.txt"])

    def test_two_runs_do_not_write_one_output_at_once(self, place: Path) -> None:
        process = self.start(place, "touch began; while [ ! -e stop ]; do sleep 0.05; done; touch out.txt")
        ((_, is_running),) = unfinished(RECORDS)
        with pytest.raises(InputError, match=r"another run is writing out\.txt"):
            shell("true")
        elsewhere = shell("touch other.txt", outputs=[Path("other.txt")])
        (place / "stop").touch()
        process.wait(timeout=30)
        assert (is_running, elsewhere.exit_code, process.returncode) == (True, 0, 0)
        assert len(list((RECORDS / RUNS).glob("*.json"))) == 2

    def test_a_run_whose_recorder_was_killed_says_so(self, place: Path) -> None:
        process = self.start(place, "touch began; while [ ! -e stop ]; do sleep 0.05; done")
        process.kill()
        process.wait(timeout=30)
        (place / "stop").touch()
        ((manifest, is_running),) = unfinished(RECORDS)
        assert (manifest.state, manifest.ended, is_running) == ("running", None, False)


class TestSurroundings:
    """Code, interpreter and settings."""

    def git(self, place: Path, *arguments: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], cwd=place, check=True, capture_output=True)

    def test_commit_difference_and_untracked_files_are_told(self, place: Path) -> None:
        (place / "train.py").write_text("1\n")
        self.git(place, "init", "-q")
        self.git(place, "add", "train.py")
        self.git(place, "commit", "-qm", "x")
        clean = read_code(["python", "train.py"], place, besides=())
        (place / "train.py").write_text("2\n")
        dirty = read_code(["python", "train.py"], place, besides=())
        assert clean.commit == dirty.commit
        assert clean.commit is not None
        assert len(clean.commit) == 40
        assert (clean.is_dirty, clean.diff, clean.n_untracked) == (False, None, 1)
        assert dirty.is_dirty
        assert dirty.diff is not None
        assert dirty.files == {"train.py": digest_bytes(b"2\n")}

    def test_without_a_repository_the_script_is_digested_all_the_same(self, place: Path) -> None:
        (place / "train.py").write_text("1\n")
        code = read_code(["python", "train.py", "in.csv"], place, besides={place / "in.csv"})
        assert (code.commit, code.files) == (None, {"train.py": digest_bytes(b"1\n")})

    def test_the_packages_of_the_interpreter_that_runs_are_listed(self, place: Path) -> None:
        found = read_environment([sys.executable, "train.py"], place)
        numpy = next(one for one in found.distributions if one.name == "numpy")
        assert found.python == ".".join(map(str, sys.version_info[:3]))
        assert numpy.record is not None
        assert numpy.record.startswith("sha256:")

    def test_a_script_is_asked_through_its_first_line(self, place: Path) -> None:
        script = place / "train"
        script.write_text(f"#!{sys.executable}\n")
        script.chmod(0o755)
        assert read_environment([str(script)], place).python

    def test_what_is_no_interpreter_says_so(self, place: Path) -> None:
        assert "no Python interpreter" in read_environment(["sh", "x"], place).note

    def test_no_secret_is_taken_from_the_environment(self) -> None:
        assert read_variables({"AWS_SECRET_ACCESS_KEY": "x", "OMP_NUM_THREADS": "2"}) == {"OMP_NUM_THREADS": "2"}

    @pytest.mark.parametrize(
        ("given", "shown"),
        [
            (["--password", "x"], ("--password", "***")),
            (["--hf-token=x"], ("--hf-token=***",)),
            (["API_KEY=x"], ("API_KEY=***",)),
            (["postgres://me:x@host/db"], ("postgres://***@host/db",)),
            (["--max-tokens", "5"], ("--max-tokens", "***")),
            (["--key", "x"], ("--key", "***")),
            (["--keyboard", "x"], ("--keyboard", "x")),
        ],
    )
    def test_what_looks_like_a_secret_is_left_out_of_the_command(
        self, given: list[str], shown: tuple[str, ...]
    ) -> None:
        assert masked(given) == shown

    def test_a_secret_in_a_command_reaches_the_command_and_not_the_record(self, place: Path) -> None:
        done = record_run(["sh", "-c", 'echo "$1" > out.txt', "sh", "--password=hunter2"], outputs=[Path("out.txt")])
        assert (place / "out.txt").read_text() == "--password=hunter2\n"
        assert "hunter2" not in done.paths[0].read_text()


def test_from_another_thread_a_run_is_recorded_too(place: Path) -> None:
    found: list[TrainingManifest] = []
    thread = threading.Thread(target=lambda: found.append(shell("touch out.txt").manifest))
    thread.start()
    thread.join()
    assert found[0].state == "finished"
