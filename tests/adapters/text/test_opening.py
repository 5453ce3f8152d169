import pytest

from holdfast.adapters.text.opening import open_recogniser
from holdfast.core.errors import InputError
from holdfast.kernels.personal_data.names import find_names


def test_the_lexicons_are_opened_by_name():
    assert open_recogniser("names") is find_names


def test_a_table_of_known_people_is_read(tmp_path):
    table = tmp_path / "people.csv"
    table.write_text("subject,name,customer_id\n7,Eva Berg,HF-2207\n", encoding="utf-8")
    text = "hf-2207: Berg, Eva"
    spans = open_recogniser(f"subjects:{table}")([text])[0]
    assert [(text[span.start : span.end], span.label) for span in spans] == [
        ("hf-2207", "CUSTOMER_ID"),
        ("Berg, Eva", "PERSON"),
    ]


@pytest.mark.parametrize("content", [b"", b"subject\n7\n", b"\xff\xfe", b"subject,name\n7,---\n"])
def test_an_unfit_table_is_refused_with_the_next_step(tmp_path, content):
    table = tmp_path / "people.csv"
    table.write_bytes(content)
    with pytest.raises(InputError, match="expected a CSV file with a header"):
        open_recogniser(f"subjects:{table}")


@pytest.mark.parametrize("source", ["name", "spacy", "subjects:", "subjects:/no/such/file.csv"])
def test_unknown_sources_are_refused(source):
    with pytest.raises(InputError, match="expected"):
        open_recogniser(source)
