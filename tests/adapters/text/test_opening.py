import pytest

from holdfast.adapters.text.opening import open_recogniser
from holdfast.core.errors import InputError


def test_a_table_of_known_people_is_read(tmp_path):
    table = tmp_path / "people.csv"
    table.write_text("subject,name,customer_id\n7,Eva Berg,HF-2207\n", encoding="utf-8")
    text = "hf-2207: Berg, Eva"
    spans = open_recogniser(f"subjects:{table}")([text])[0]
    assert [(text[span.start : span.end], span.label) for span in spans] == [
        ("hf-2207", "ID"),
        ("Berg, Eva", "PERSON"),
    ]


@pytest.mark.parametrize("content", [b"", b"subject\n7\n", b"\xff\xfe", b"subject,name\n7,---\n"])
def test_an_unfit_table_is_refused_with_the_next_step(tmp_path, content):
    table = tmp_path / "people.csv"
    table.write_bytes(content)
    with pytest.raises(InputError, match="expected a table of known people"):
        open_recogniser(f"subjects:{table}")


@pytest.mark.parametrize("source", ["name", "spacy", "subjects:", "subjects:/no/such/file.csv"])
def test_unknown_sources_are_refused(source):
    with pytest.raises(InputError, match="expected"):
        open_recogniser(source)


def test_names_may_stand_one_on_each_line(tmp_path):
    people = tmp_path / "people.txt"
    people.write_text("Eva Berg\n\nJan Maj\n", encoding="utf-8")
    assert len(open_recogniser(f"subjects:{people}")(["Maj, Jan and Eva Berg"])[0]) == 2
