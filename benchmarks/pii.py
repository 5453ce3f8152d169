"""Finding personal data: accuracy on labelled sentences, speed, false alarms, latency, memory; peers on the same texts.

``python benchmarks/pii.py --data DIR [--presidio PYTHON] [--scrubadub PYTHON] [--datafog PYTHON]``, where DIR holds
``dev.jsonl`` and each PYTHON is an interpreter that has the peer. Sockets are blocked on our side. Intervals are
clustered by the templates of the sentences. Throughputs are CPU seconds of one thread, the best of three runs on our
side and one run on the peers', which are too slow for more; compiled code is in its cache.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EIGHT = (
    "CREDIT_CARD", "PHONE_NUMBER", "URL", "EMAIL_ADDRESS", "US_SSN", "IBAN_CODE", "IP_ADDRESS", "DATE_TIME",
)  # fmt: skip
PEERS = ("presidio", "scrubadub", "datafog")
WORDS = """the service model request for data with from were results that system each time on to of we it table column
value when report analysis team process question answer method because under over through small large early late open
closed""".split()  # noqa: SIM905


def log_line(draw: random.Random) -> str:
    """A line as a service writes it: no personal data but the address of the client."""
    address = ".".join(str(draw.randint(1, 223)) for _ in range(4))
    return (
        f"2026-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d} {draw.randint(0, 23):02d}:{draw.randint(0, 59):02d}:"
        f"{draw.randint(0, 59):02d},{draw.randint(0, 999):03d} INFO [worker-{draw.randint(1, 64)}] app.serve.handler: "
        f"GET /v2/models/{draw.choice(WORDS)}/infer?id={draw.getrandbits(64):x} client={address} status=200 "
        f"bytes={draw.randint(100, 99999)} took={draw.random() * 900:.3f}ms trace={draw.getrandbits(128):032x}"
    )


def quiet_line(draw: random.Random) -> str:
    """A line with numbers of every kind that are nobody's: hashes, orders, versions, times, sizes, ports."""
    number, bits = draw.randint, draw.getrandbits
    return draw.choice(
        [
            f"epoch={number(16 * 10**11, 18 * 10**11)} loss={draw.random():.6f} step {number(1, 99999)}/100000",
            f"commit {bits(160):040x} by build #{number(1000, 99999)} in {number(1, 999)}.{number(0, 99)}s",
            f"order {number(10**9, 10**10)} item {number(100, 999)}-{number(10000, 99999)}-{number(10, 99)} qty 3",
            f"uuid={bits(32):08x}-{bits(16):04x}-4{bits(12):03x}-a{bits(12):03x}-{bits(48):012x} ok",
            f"pip install package=={number(0, 9)}.{number(0, 20)}.{number(0, 30)} python{number(3, 4)}.{number(0, 14)}",
            f"offset {number(10**15, 10**16)} seq {number(10**11, 10**12)} part {number(0, 99)} lag {number(0, 10**7)}",
            f"listening on port {number(1024, 65535)}, pid {number(2, 4_000_000)}, rss {number(10**6, 10**10)} bytes",
            f"price {number(1, 9999)}.{number(10, 99)} EUR, tax {number(1, 30)} %, total {number(1, 9999)},50",
            f"tensor[{number(1, 999)}, {number(1, 999)}] mean {draw.gauss(0, 1):.4f} max {draw.random():.4e}",
            f"shard {number(0, 999):05d}-of-{number(0, 999):05d} md5 {bits(128):032x} {number(1, 10**9)} rows",
        ]
    )


def corpora(sentences: list[str]) -> dict[str, list[str]]:
    draw = random.Random(0)
    short = [text for text in sentences if len(text) < 150]
    lines = [log_line(draw) for _ in range(6000)]
    return {
        "short records": short,
        "dense 10 KB": ["\n".join(sentences[at : at + 75])[:10240] for at in range(0, len(sentences), 75)],
        "log lines": lines,
        "64 KB of log": ["\n".join(lines[at : at + 250]) for at in range(0, len(lines), 250)],
        "sparse prose": [" ".join(draw.choice(WORDS) for _ in range(1500)) for _ in range(100)],
    }


class Peer:
    """A peer in its own interpreter, asked file by file."""

    def __init__(self, name: str, python: str) -> None:
        script = str(Path(__file__).parent / "pii_peers.py")
        self.process = subprocess.Popen(
            [python, script, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def find(self, texts: list[str]) -> tuple[list[list[list[object]]], float, float]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "texts.json")
            path.write_text(json.dumps(texts), encoding="utf-8")
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self.process.stdin.write(f"{path}\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
            spans = json.loads(path.with_suffix(".spans.json").read_text(encoding="utf-8"))
        return spans, answer["seconds"], answer["added_mb"]

    def close(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=Path)
    for name in PEERS:
        parser.add_argument(f"--{name}")
    given = parser.parse_args()
    rows = [json.loads(line) for line in (given.data / "dev.jsonl").read_text(encoding="utf-8").splitlines()]
    sentences = [row["text"] for row in rows]
    peers = {name: Peer(name, getattr(given, name)) for name in PEERS if getattr(given, name)}

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    socket.socket.connect = refuse  # type: ignore[method-assign,assignment]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    from holdfast.kernels.personal_data.detector import default_detector

    detector = default_detector(names=False)
    detector.find(["Call anna@example.com"])
    print(f"ready after {time.process_time() - begin:.2f} CPU s (compiled code in its cache, or compiled now)")
    found: dict[str, list[list[list[object]]]] = {
        "holdfast": [[list(span) for span in spans] for spans in detector.find(sentences)]
    }
    print(
        "memory added: "
        f"{(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024:.0f} MB with numba and numpy"
    )
    for name, peer in peers.items():
        found[name], _, added = peer.find(sentences)
        print(f"memory added by {name}: {added:.0f} MB")
    accuracy(rows, found)
    alarms(detector, peers)
    throughput(corpora(sentences), detector, peers)
    latency(detector)
    linearity(detector)
    for peer in peers.values():
        peer.close()


def accuracy(rows: list[dict[str, object]], found: dict[str, list[list[list[object]]]]) -> None:
    from holdfast.kernels.personal_data.rule import Span
    from holdfast.kernels.personal_data.scoring import EVERY, score_spans

    groups = [row["group"] for row in rows]
    for kinds, title in ((EIGHT, "all 8"), (EIGHT[:-1], "without dates"), (("PHONE_NUMBER",), "phone")):
        gold = [
            [Span(s["start"], s["end"], s["label"], 1.0) for s in row["spans"] if s["label"] in kinds] for row in rows
        ]  # type: ignore[attr-defined]
        for name, spans in found.items():
            # what is found under other labels hides gold spans too, but is no false alarm among these
            ours = [[Span(int(s[0]), int(s[1]), str(s[2]), 1.0) for s in record if s[2] in kinds] for record in spans]  # type: ignore[call-overload]
            score = {line.label: line for line in score_spans(gold, ours, groups=groups)}[EVERY]
            print(
                f"{title:14} {name:10} F1 {score.f1.value:.4f} ({score.f1.low:.4f} to {score.f1.high:.4f}) "
                f"leak {score.leak.value:.4f} ({score.leak.low:.4f} to {score.leak.high:.4f})"
            )


def alarms(detector: object, peers: dict[str, Peer]) -> None:
    draw = random.Random(1)
    lines = [quiet_line(draw) for _ in range(1500)]
    counted = {"holdfast": detector.find(lines)}  # type: ignore[attr-defined]
    counted |= {name: peer.find(lines)[0] for name, peer in peers.items()}
    for name, spans in counted.items():
        wrong = [(span[2], lines[at][span[0] : span[1]]) for at, record in enumerate(spans) for span in record]
        kept = [pair for pair in wrong if pair[0] in EIGHT and pair[0] != "DATE_TIME"]
        print(
            f"false alarms in 1,500 lines: {name:10} {len(kept)} of seven types, {len(wrong)} of all",
            kept[:3],
            wrong[:3],
        )


def throughput(texts: dict[str, list[str]], detector: object, peers: dict[str, Peer]) -> None:
    for title, batch in texts.items():
        size = sum(len(text.encode()) for text in batch) / 1e6
        times = []
        for _ in range(3):
            begin = time.process_time()
            detector.find(batch)  # type: ignore[attr-defined]
            times.append(time.process_time() - begin)
        rates = {"holdfast": size / min(times)}
        for name, peer in peers.items():
            share = batch[: max(1, len(batch) // 10)] if name == "presidio" else batch
            _, seconds, _ = peer.find(share)
            rates[name] = sum(len(text.encode()) for text in share) / 1e6 / seconds
        ratios = ", ".join(
            f"{rates['holdfast'] / rate:.0f} x {name}" for name, rate in rates.items() if name != "holdfast"
        )
        print(f"{title:14} MB/s: {', '.join(f'{name} {rate:.3f}' for name, rate in rates.items())}; {ratios}")


def latency(detector: object) -> None:
    note = " ".join(WORDS * 4)[:900]
    payload = json.dumps({"id": 7, "mail": "a.nowak@example.com", "note": note, "card": "4012888888881881"})
    times = []
    for _ in range(3000):
        begin = time.perf_counter()
        spans = detector.find([payload])[0]  # type: ignore[attr-defined]
        text = payload
        for span in reversed(spans):
            text = text[: span.start] + f"[{span.label}]" + text[span.end :]
        times.append(time.perf_counter() - begin)
    times.sort()
    print(
        f"a JSON payload of {len(payload)} bytes, {len(spans)} spans replaced: median "
        f"{statistics.median(times) * 1e3:.3f} ms, "
        f"p99 {times[int(0.99 * len(times))] * 1e3:.3f} ms"
    )


def linearity(detector: object) -> None:
    draw = random.Random(2)
    for n in (1, 2, 4, 8, 16):
        text = "\n".join(log_line(draw) for _ in range(2500 * n))
        begin = time.process_time()
        detector.find([text])  # type: ignore[attr-defined]
        print(f"one text of {len(text) / 1e6:.1f} MB: {time.process_time() - begin:.2f} CPU s")


if __name__ == "__main__":
    sys.exit(main())
