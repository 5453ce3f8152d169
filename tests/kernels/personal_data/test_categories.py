import pytest

from holdfast.kernels.personal_data.lexicon import SPECIAL
from holdfast.kernels.personal_data.names import find_names


def found(text):
    return [
        (text[span.start : span.end], span.label) for span in find_names([text])[0] if span.label.lower() in SPECIAL
    ]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("My sister was diagnosed with diabetes.", "HEALTH"),
        ("Sie leidet an Epilepsie.", "HEALTH"),
        ("Il est musulman.", "RELIGION"),
        ("El paciente es gitano.", "ETHNIC_ORIGIN"),
        ("Mr. Brown joined the Communist Party.", "POLITICAL_OPINION"),
        ("Lui è iscritto al sindacato.", "UNION_MEMBERSHIP"),
        ("Han är homosexuell.", "SEXUAL_ORIENTATION"),
        ("She carries a BRCA1 mutation.", "GENETIC"),
        ("He registered his fingerprints.", "BIOMETRIC"),
        ("Er ist vorbestraft.", "CRIMINAL_RECORD"),
        ("Ona jest katoliczką.", "RELIGION"),
        ("Meu pai tem asma.", "HEALTH"),
        ("Diagnosed with diabetes in May.", "HEALTH"),
        ("notes: called twice; member of the trade union", "UNION_MEMBERSHIP"),
        ("Hij heeft kanker.", "HEALTH"),
    ],
)
def test_terms_about_a_person_in_ten_languages(text, label):
    assert [kind for _, kind in found(text)] == [label]


@pytest.mark.parametrize(
    "text",
    [
        "Cancer research is funded by the state.",
        "The union of two sets is closed.",
        "Diabetes affects millions.\nMy car is red.",
        "The party starts at nine and he is late.",
        "The temple is Buddhist.",
        "Charged with new batteries; diabetes is a topic.",
        "People diagnosed with diabetes are many.",
    ],
)
def test_the_same_words_about_no_one_are_left(text):
    assert found(text) == []


def test_a_tie_to_the_person_raises_the_score():
    loose, tied = (find_names([text])[0][0].score for text in ("HIV and he", "he has HIV"))
    assert loose < tied
