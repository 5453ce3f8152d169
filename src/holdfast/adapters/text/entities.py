"""The labels that entity names of other tools stand for: a way to bring their recognisers and configurations over."""

from __future__ import annotations

from collections.abc import Mapping

# Presidio 2.2 (its list of supported entities) and the OntoNotes and CoNLL names that pipelines of spaCy give. A name that
# is not here is kept as it is.
LABEL_OF_ENTITY: Mapping[str, str] = {
    "PERSON": "PERSON",
    "PER": "PERSON",
    "EMAIL_ADDRESS": "EMAIL_ADDRESS",
    "PHONE_NUMBER": "PHONE_NUMBER",
    "CREDIT_CARD": "CREDIT_CARD",
    "IBAN_CODE": "IBAN_CODE",
    "IP_ADDRESS": "IP_ADDRESS",
    "MAC_ADDRESS": "MAC_ADDRESS",
    "URL": "URL",
    "DOMAIN_NAME": "URL",
    "DATE_TIME": "DATE_TIME",
    "DATE": "DATE_TIME",
    "TIME": "DATE_TIME",
    "AGE": "AGE",
    "LOCATION": "LOCATION",
    "LOC": "LOCATION",
    "GPE": "LOCATION",
    "FAC": "LOCATION",
    "ADDRESS": "ADDRESS",
    "STREET_ADDRESS": "ADDRESS",
    "ORGANIZATION": "ORGANIZATION",
    "ORG": "ORGANIZATION",
    "NRP": "NRP",
    "NORP": "NRP",
    "TITLE": "TITLE",
    "PREFIX": "TITLE",
    "ZIP_CODE": "ZIP_CODE",
    "US_SSN": "US_SSN",
    "US_DRIVER_LICENSE": "US_DRIVER_LICENSE",
}

# What GLiNER is asked for, and the label that each answer gets.
PROMPTS: Mapping[str, str] = {
    "person": "PERSON",
    "organization": "ORGANIZATION",
    "location": "LOCATION",
    "address": "ADDRESS",
    "nationality": "NRP",
    "occupation": "TITLE",
}


def label_of(entity: str) -> str:
    """Our label for an entity's name; names without one keep their own."""
    return LABEL_OF_ENTITY.get(entity.upper(), entity.upper())
