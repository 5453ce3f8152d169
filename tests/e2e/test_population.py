"""A population stated on the command line or in ``holdfast.yaml``, as a user states it."""

from __future__ import annotations

import pytest

from tests.e2e.workplace import Workplace

ONLY = ("audit", "--test", "test.csv", "--train", "train.csv", "--target", "approved", "--no-cache", "--jobs", "1")
CHECK = ("--check", "data.representativeness")


def test_a_table_of_counts_is_compared_and_becomes_part_of_the_evidence(place: Workplace) -> None:
    (place.folder / "census.csv").write_text("sex,age,count\n0,<50,30\n0,50+,20\n1,<50,30\n1,50+,20\n")
    output = place.run(*ONLY, *CHECK, "--population", "census.csv")
    findings = place.read("audit/findings.json")
    assert "representativeness.largest_difference.test" in output.stdout, output
    assert findings["subject"]["tables"]["population"]["rows"] == 4
    finding = next(item for item in findings["findings"] if item["check"] == "data.representativeness")
    assert finding["state"] == "measured"
    assert "population" in finding["digests"]
    assert all("population" not in item["digests"] for item in findings["findings"] if item is not finding)


def test_another_population_changes_the_finding_and_no_seed(place: Workplace) -> None:
    seeds, values = set(), set()
    for old in (20, 60):
        (place.folder / "census.csv").write_text(f"age,share\n<50,{100 - old}\n50+,{old}\n")
        place.run(*ONLY, *CHECK, "--population", "census.csv")
        findings = place.read("audit/findings.json")["findings"]
        finding = next(item for item in findings if item["check"] == "data.representativeness")
        seeds.add(finding["seed"])
        values.add(finding["measurements"][0]["value"])
    assert (len(seeds), len(values)) == (1, 2)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ("{sexx: {'0': 0.5, '1': 0.5}}", "did you mean 'sex'?"),
        ("{sex: {0: 0.5, 1: 0.5}}", "in quotes where YAML takes it for something else"),
        ("{sex: {'0': 0.5, '1': 0.4}}", "to sum to 1, they sum to 0.9"),
        ("{age: {young: 0.5, old: 0.5}}", "such as <18, 18-24 or 65+"),
        ("{approved: {Yes: 0.5, no: 0.5}}", "did you mean 'yes'?"),
    ],
)
def test_a_population_that_cannot_be_meant_stops_the_audit(place: Workplace, stated: str, said: str) -> None:
    (place.folder / "holdfast.yaml").write_text(
        f"test: test.csv\ntarget: approved\ndeployment: {{population: {stated}}}\n"
    )
    output = place.run("audit", "--config", "holdfast.yaml", *CHECK)
    assert output.returncode == 2
    assert said in output.stderr


def test_the_first_configuration_leaves_the_population_to_be_stated(place: Workplace) -> None:
    text = place.run("init", "--test", "test.csv", "--target", "approved", "--out", "first.yaml").stdout
    stated = [line.replace("  # ", "  ", 1) for line in text.splitlines() if line.startswith("  # population")]
    stated += [line.replace("  #   ", "    ", 1) for line in text.splitlines() if line.startswith("  #   ")]
    (place.folder / "second.yaml").write_text(text + "\n".join(stated) + "\n")
    assert len(stated) >= 2
    output = place.run("audit", "--config", "second.yaml", "--no-cache", *CHECK)
    assert "representativeness.largest_difference.test" in output.stdout, output
