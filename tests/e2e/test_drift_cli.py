"""``holdfast profile`` and ``holdfast drift`` as a user runs them."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from tests.e2e.workplace import Workplace


def table(seed: int, n: int = 6000, *, shift: float = 0.0, top: float = 0.5) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "income": rng.lognormal(0, 0.5, n) * (1 + shift),
            "age": rng.integers(18, 80, n),
            "city": rng.choice(["Oslo", "Bergen", "Bodø"], n, p=[top, 0.8 - top, 0.2]),
            "member": rng.random(n) < 0.5,
        }
    )


@pytest.fixture
def shop(place: Workplace) -> Workplace:
    table(0).write_parquet(place.folder / "ref.parquet")
    table(1).write_csv(place.folder / "same.csv")
    table(2, shift=0.3, top=0.3).write_parquet(place.folder / "moved.parquet")
    return place


def test_what_has_moved_is_named_with_how_far(shop: Workplace) -> None:
    output = shop.run("drift", "ref.parquet", "moved.parquet", "--json")
    found = json.loads(output.stdout)
    assert (output.returncode, found["verdict"]) == (0, "drifted")
    columns = {each["column"]: each for each in found["columns"]}
    assert [name for name, each in columns.items() if each["drifted"]] == ["income", "city"]
    for each in columns.values():
        assert each["low"] <= each["effect"] <= each["high"]
        assert {"test", "statistic", "p_value"} <= each.keys()
    assert found["joint"]["shares"][0]["column"] == "income"


def test_tables_that_are_alike_are_not_called_drifted(shop: Workplace) -> None:
    output = shop.run("drift", "ref.parquet", "same.csv", "--gate")
    assert output.returncode == 0
    assert output.stdout.startswith("No drift was shown in 4 columns")


def test_a_gate_fails_on_drift(shop: Workplace) -> None:
    assert shop.run("drift", "ref.parquet", "moved.parquet", "--gate").returncode == 1


def test_profiles_of_parts_are_that_of_the_whole(shop: Workplace) -> None:
    assert shop.run("profile", "ref.parquet", "-o", "ref.profile").returncode == 0
    parts = shop.folder / "parts"
    parts.mkdir()
    whole = pl.read_parquet(shop.folder / "moved.parquet")
    for number, start in enumerate(range(0, 6000, 2500)):
        whole[start : start + 2500].write_parquet(parts / f"{number}.parquet")
        shop.run("profile", f"parts/{number}.parquet", "--like", "ref.profile", "-o", f"{number}.profile")
    shop.run("profile", "2.profile", "0.profile", "1.profile", "-o", "merged.profile")
    shop.run("profile", "parts", "--like", "ref.profile", "-o", "folder.profile")
    shop.run("profile", "moved.parquet", "--like", "ref.profile", "-o", "whole.profile")
    merged, folder, of_whole = (
        (shop.folder / f"{name}.profile").read_bytes() for name in ("merged", "folder", "whole")
    )
    assert merged == folder == of_whole
    by_profile = json.loads(shop.run("drift", "ref.profile", "merged.profile", "--json").stdout)
    assert [each["column"] for each in by_profile["columns"] if each["drifted"]] == ["income", "city"]
    assert "never invents" in " ".join(by_profile["assumptions"])


def test_a_page_is_written(shop: Workplace) -> None:
    output = shop.run("drift", "ref.parquet", "moved.parquet", "--html", "d.html")
    page = (shop.folder / "d.html").read_text("utf-8")
    assert output.returncode == 0
    assert page.count("<svg") >= 3
    assert "<script" not in page
    assert "income" in page


def test_changed_columns_and_units_are_told(shop: Workplace) -> None:
    changed = table(3).with_columns(pl.col("income") * 1000, pl.col("age").cast(pl.String) + " years", new=pl.lit(1))
    changed.drop("member").write_csv(shop.folder / "changed.csv")
    found = json.loads(shop.run("drift", "ref.parquet", "changed.csv", "--json").stdout)
    changes = {each["column"]: each["change"] for each in found["schema"]}
    assert changes == {
        "age": "was numbers, came as texts",
        "member": "vanished",
        "new": "is new",
        "income": "seems to be in another unit: 1000 times as large",
    }


@pytest.mark.parametrize("n_rows", [1, 2, 40])
def test_a_few_rows_are_compared_without_an_alarm(shop: Workplace, n_rows: int) -> None:
    table(4)[:n_rows].write_csv(shop.folder / "few.csv")
    output = shop.run("drift", "ref.parquet", "few.csv", "--json")
    found = json.loads(output.stdout)
    assert (output.returncode, found["verdict"]) == (0, "not shown")


def notes(seed: int, *, new: float = 0.0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    words = rng.choice(["parcel", "late", "early", "thanks", "door", "box"], (4000, 3))
    more = np.where(rng.random(4000) < new, " refund", "")
    return pl.DataFrame(
        {"note": [f"{' '.join(row)} {place}{end}" for place, (row, end) in enumerate(zip(words, more, strict=True))]}
    )


def test_words_that_came_are_named_and_parts_add_up(place: Workplace) -> None:
    notes(0).write_parquet(place.folder / "ref.parquet")
    today = notes(1, new=0.2)
    today.write_parquet(place.folder / "today.parquet")
    output = place.run("drift", "ref.parquet", "today.parquet", "--json", "--html", "page.html")
    found = {each["test"]: each for each in json.loads(output.stdout)["columns"]}
    words = found["Fisher's exact test of words"]
    assert [each["word"] for each in words["came_and_went"]] == ["refund"]
    assert words["low"] <= 0.2 <= words["high"]
    assert "refund" in (place.folder / "page.html").read_text("utf-8")
    place.run("profile", "ref.parquet", "-o", "ref.profile")
    place.run("profile", "today.parquet", "--like", "ref.profile", "-o", "today.profile")
    for part, rows in enumerate((today[3000:], today[:1000], today[1000:3000])):
        rows.write_parquet(place.folder / f"{part}.parquet")
    place.run("profile", "0.parquet", "1.parquet", "2.parquet", "--like", "ref.profile", "-o", "joined.profile")
    whole = (place.folder / "today.profile").read_bytes()
    assert (place.folder / "joined.profile").read_bytes() == whole
    assert b"refund" not in whole
    output = place.run("drift", "ref.profile", "today.profile", "--json")
    again = {each["test"]: each for each in json.loads(output.stdout)["columns"]}["Fisher's exact test of words"]
    assert (again["p_value"], again["effect"]) == (words["p_value"], words["effect"])


def embedded(seed: int, *, shift: float = 0.0, length: int = 8) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(600, length)) + shift
    return pl.DataFrame({"e": pl.Series(rows.astype(np.float32)), "x": rng.normal(size=600)})


def test_vectors_are_compared_jointly(place: Workplace) -> None:
    for name, table in {
        "ref": embedded(0), "same": embedded(1), "moved": embedded(2, shift=0.5), "longer": embedded(3, length=9),
    }.items():  # fmt: skip
        table.write_parquet(place.folder / f"{name}.parquet")
    found = json.loads(place.run("drift", "ref.parquet", "moved.parquet", "--json").stdout)
    column = next(each for each in found["columns"] if each["column"] == "e")
    assert (column["test"], column["drifted"]) == ("mean random features of vectors", True)
    assert json.loads(place.run("drift", "ref.parquet", "same.parquet", "--json").stdout)["verdict"] == "not shown"
    output = place.run("drift", "ref.parquet", "longer.parquet")
    assert output.returncode == 2
    assert "got 8 numbers" in output.stderr


def jobs(seed: int, share: float) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    job = np.where(rng.random(5000) < share, "A", rng.choice(["B", "C"], 5000))
    income = np.where(job == "A", rng.lognormal(0.8, 0.3, 5000), rng.lognormal(0, 0.3, 5000))
    return pl.DataFrame({"job": job, "income": income, "coin": rng.choice(["m", "f"], 5000)})


def test_rows_that_hold_the_drift_are_named(place: Workplace) -> None:
    jobs(0, 0.12).write_parquet(place.folder / "ref.parquet")
    jobs(1, 0.25).write_parquet(place.folder / "cur.parquet")
    jobs(2, 0.12).write_parquet(place.folder / "same.parquet")
    output = place.run("drift", "ref.parquet", "cur.parquet", "--json", "--html", "page.html")
    explained = json.loads(output.stdout)["explained"]
    held = next(each for each in explained["held"] if each["column"] == "income")
    assert held["part"]["rows_with"] == "job = A"
    assert held["words"].startswith("rows with job = A went from 1")
    assert "without them no drift of income is shown" in (place.folder / "page.html").read_text("utf-8")
    explained = json.loads(place.run("drift", "ref.parquet", "same.parquet", "--json").stdout)["explained"]
    assert explained == {"held": [], "shifts": []}


def test_odd_columns_are_no_trouble(shop: Workplace) -> None:
    n = 3000
    rng = np.random.default_rng(0)
    odd = {
        "nothing": [None] * n,
        "constant": [1.0] * n,
        "infinite": [np.inf, -np.inf, 0.0] * (n // 3),
        "heavy": rng.standard_cauchy(n) * 1e200,
        "id": [f"id{place}" for place in range(n)],
        "when": pl.Series([1_600_000_000 + place for place in range(n)]).cast(pl.Datetime("ms")).shuffle(seed=0),
    }
    frame = pl.DataFrame(odd)
    frame.write_parquet(shop.folder / "odd.parquet")
    output = shop.run("drift", "odd.parquet", "odd.parquet", "--json", "--html", "odd.html")
    assert output.returncode == 0, output
    assert not any(each["drifted"] for each in json.loads(output.stdout)["columns"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("drift", "ref.parquet", "none.csv"), "there is no file"),
        (("drift", "ref.parquet", "empty.csv"), "expected rows in the current table"),
        (("drift", "ref.parquet", "same.csv", "--ignore", "incom"), "did you mean 'income'"),
        (("drift", "ref.parquet", "same.csv", "--alpha", "0"), "expected alpha inside (0, 1), got 0"),
        (("drift", "ref.parquet", "other.csv"), "expected a column that both tables have"),
        (("drift", "ref.parquet", "own.profile"), "holdfast profile TABLE --like"),
        (("drift", "old.profile", "same.csv"), "expected a profile of version 2, got 1"),
        (("profile", "ref.parquet", "same.csv", "-o", "nowhere/x.profile"), "nowhere"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_next_step(
    shop: Workplace, arguments: tuple[str, ...], message: str
) -> None:
    table(0)[:0].write_csv(shop.folder / "empty.csv")
    pl.DataFrame({"q": [1, 2], "r": [2, 3]}).write_csv(shop.folder / "other.csv")
    shop.run("profile", "same.csv", "-o", "own.profile")
    text = (shop.folder / "own.profile").read_text("utf-8")
    (shop.folder / "old.profile").write_text(text.replace('"holdfast_profile": 2', '"holdfast_profile": 1'), "utf-8")
    output = shop.run(*arguments)
    assert output.returncode == 2
    assert message.lower() in output.stderr.lower()
    assert "Traceback" not in output.stderr
