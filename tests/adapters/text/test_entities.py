import pytest

from holdfast.adapters.text.entities import PROMPTS, label_of
from holdfast.kernels.personal_data.names import LABELS


@pytest.mark.parametrize(
    ("entity", "label"), [("GPE", "LOCATION"), ("norp", "NRP"), ("DOMAIN_NAME", "URL"), ("SG_NRIC_FIN", "SG_NRIC_FIN")]
)
def test_entity_names_become_labels(entity, label):
    assert label_of(entity) == label


def test_prompts_give_labels_of_ours():
    assert set(PROMPTS.values()) <= set(LABELS)
