"""Words in the names of columns that say what kind of personal data stands in them.

Words of English, German, French, Spanish, Italian, Dutch, Polish, Portuguese and Swedish, folded (no accents, lower
case). A compound of several words is written as one, as column names are compared without what stands between words.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from holdfast.kernels.personal_data.folding import fold_text

Role = Literal["direct identifier", "quasi-identifier", "sensitive", "special category", "other"]


class NameMatch(NamedTuple):
    """What a column's name says: the label, the role, and the word that says so."""

    label: str
    role: Role
    word: str


# Roles: "direct identifier" names a person alone. "quasi-identifier" is what others may know of a person.
# "sensitive" is what a person would not have others learn. "special category": Regulation (EU) 2016/679, Articles
# 9(1) and 10.
_WORDS: tuple[tuple[str, Role, str], ...] = (
    ("PERSON", "direct identifier",
     "firstname lastname fullname surname forename givenname familyname middlename maidenname customername clientname "
     "patientname employeename applicantname username contactname holdername accountholder cardholder name vorname "
     "nachname familienname kundenname prenom nomdefamille nomcomplet nombre apellido apellidos nome cognome voornaam "
     "achternaam naam imie nazwisko imienazwisko sobrenome fornamn efternamn namn"),
    ("EMAIL_ADDRESS", "direct identifier",
     "email mail emailaddress mailaddress emailadresse courriel correo correoelectronico posta indirizzoemail epost "
     "adresmail"),
    ("PHONE_NUMBER", "direct identifier",
     "phone telephone phonenumber mobile mobilephone cellphone cell fax tel telefon telefonnummer handy handynummer "
     "mobilnummer telefono movil cellulare telefoon telefoonnummer telefone celular komorka portable whatsapp msisdn"),
    ("ADDRESS", "direct identifier",
     "address street streetaddress homeaddress addressline postaladdress adresse strasse anschrift rue direccion calle "
     "indirizzo via adres straat ulica endereco adress gata hausnummer housenumber"),
    ("US_SSN", "direct identifier", "ssn socialsecurity socialsecuritynumber"),
    ("NATIONAL_ID", "direct identifier",
     "nationalid nationalidnumber idnumber idcard identitycard passport passportnumber taxid taxnumber tin nino "
     "nationalinsurance nhsnumber personalausweis ausweisnummer reisepass steuernummer steuerid "
     "sozialversicherungsnummer "
     "numerosecu nir dni nie nif codicefiscale bsn pesel nip dowod cpf personnummer personalnumber aadhaar"),
    ("US_DRIVER_LICENSE", "direct identifier", "driverlicense driverslicense licensenumber fuhrerschein"),
    ("CREDIT_CARD", "direct identifier",
     "creditcard cardnumber creditcardnumber ccnumber ccnum kreditkarte kartennummer cartebancaire tarjeta"),
    ("IBAN_CODE", "direct identifier", "iban bankaccount accountnumber kontonummer bankverbindung rekeningnummer"),
    ("IP_ADDRESS", "direct identifier", "ip ipaddress ipaddr ipadresse remoteaddr clientip macaddress deviceid imei"),
    ("VEHICLE_PLATE", "direct identifier", "licenseplate licenceplate numberplate kennzeichen matricula targa vin"),
    ("ID", "direct identifier",
     "userid customerid clientid patientid personid memberid employeeid applicantid studentid subscriberid accountid "
     "kundennummer kundenid patientennummer personennummer mrn medicalrecordnumber login handle"),
    ("DOB", "quasi-identifier",
     "dob birthdate dateofbirth birthday birthyear yearofbirth birth born geburtsdatum geburtstag geburtsjahr "
     "datedenaissance naissance fechadenacimiento nacimiento datadinascita nascita geboortedatum dataurodzenia "
     "datadenascimento nascimento fodelsedatum"),
    ("AGE", "quasi-identifier", "age ageyears alter agegroup ageband edad eta leeftijd wiek idade alder"),
    ("SEX", "quasi-identifier", "sex gender geschlecht sexe genre sexo genero sesso geslacht plec kon salutation "
    "anrede"),
    ("ZIP_CODE", "quasi-identifier",
     "zip zipcode postcode postalcode postal plz postleitzahl codepostal codigopostal cap kodpocztowy cep postnummer"),
    ("LOCATION", "quasi-identifier",
     "city town village municipality county district region state province country residence location birthplace "
     "nativecountry countryofbirth placeofbirth neighborhood neighbourhood stadt ort wohnort land bundesland gemeinde "
     "geburtsort ville pays commune departement ciudad pais provincia citta paese comune regione stad plaats gemeente "
     "miasto kraj wojewodztwo cidade ort latitude longitude lat lon lng geo"),
    ("NRP", "quasi-identifier",
     "nationality citizenship staatsangehorigkeit nationalitat nationalite nacionalidad nazionalita nationaliteit "
     "obywatelstwo foreignworker immigrant migrant"),
    ("MARITAL_STATUS", "quasi-identifier",
     "maritalstatus marital civilstatus familienstand etatcivil estadocivil statocivile burgerlijkestaat stancywilny "
     "relationship household householdsize children dependents kinder"),
    ("OCCUPATION", "quasi-identifier",
     "occupation job jobtitle profession employer workclass position beruf tatigkeit arbeitgeber metier emploi "
     "ocupacion "
     "profesion professione lavoro beroep zawod profissao yrke"),
    ("EDUCATION", "quasi-identifier",
     "education educationlevel educationnum degree school bildung abschluss schulabschluss diplome educacion "
     "istruzione "
     "opleiding wyksztalcenie escolaridade utbildning"),
    ("LANGUAGE", "quasi-identifier", "language nativelanguage mothertongue sprache muttersprache langue idioma lingua "
    "taal"),
    ("BODY", "quasi-identifier", "height weight bodyheight bodyweight eyecolor haircolor groesse gewicht taille poids"),
    ("FINANCE", "sensitive",
     "income salary wage wages earnings pay debt debts balance credit creditscore creditamount loan loanamount savings "
     "wealth assets capitalgain capitalloss rent bankruptcy default einkommen gehalt lohn schulden kontostand kredit "
     "revenu salaire dette ingresos salario deuda reddito stipendio debito inkomen loon schuld dochod pensja renda "
     "inkomst lon"),
    ("PERFORMANCE", "sensitive", "grade gpa examscore performancerating appraisal absences note zensur disciplinary"),
    ("PASSWORD", "sensitive", "password passwd pwd passwort kennwort motdepasse contrasena secret pin token apikey"),
    ("ETHNICITY", "special category",
     "race ethnicity ethnic ethnicgroup ethnie rasse herkunft etnia razza afkomst pochodzenie raca skincolor "
     "skincolour "
     "tribe caste"),
    ("RELIGION", "special category",
     "religion faith church denomination creed konfession kirche religionszugehorigkeit confession eglise fe iglesia "
     "religione chiesa geloof kerk wyznanie kosciol religiao igreja kirchensteuer"),
    ("POLITICS", "special category",
     "party politicalparty politics political vote votedfor ideology partei politisch parti politique partido politica "
     "partito partij partia"),
    ("UNION", "special category",
     "union tradeunion laborunion unionmember unionmembership gewerkschaft syndicat sindicato sindacato vakbond "
     "zwiazek"),
    ("HEALTH", "special category",
     "health diagnosis diagnoses icd icd10 disease illness disability disabled hiv medication medicine drug treatment "
     "symptom symptoms bloodtype bloodgroup bloodpressure glucose cholesterol bmi pregnant pregnancy smoker smoking "
     "alcohol mentalhealth depression cancer diabetes insulin krankheit diagnose behinderung schwanger gesundheit "
     "blutgruppe medikament sante maladie handicap diagnostic salud enfermedad discapacidad embarazo salute malattia "
     "disabilita gezondheid ziekte choroba niepelnosprawnosc saude doenca sjukdom"),
    ("SEXUALITY", "special category",
     "sexualorientation orientation sexuality sexlife sexuelleorientierung orientationsexuelle orientacionsexual"),
    ("BIOMETRIC", "special category",
     "fingerprint faceid faceembedding facetemplate voiceprint iris biometric biometrics genotype genetic dna snp "
     "genome"),
    ("CRIME", "special category",
     "criminal criminalrecord conviction convictions arrest arrests offense offence felony prison recidivism recid "
     "priors "
     "priorscount vorstrafe vorstrafen strafregister casier condamnation antecedentes condanna"),
)  # fmt: skip
# A name beside one of these is that of a thing.
_OF_THINGS = frozenset(
    "product file column model feature item table event host brand company firm vendor supplier domain field class "
    "variable method function test dataset game movie film song book title produkt datei firma entreprise empresa "
    "azienda "
    "bedrijf sku app page campaign channel store shop server device plan project team".split()
)
_ORGANISATION = frozenset(
    "company firm employer vendor supplier firma entreprise empresa azienda bedrijf store".split()
)
_BY_WORD = {word: (label, role) for label, role, words in _WORDS for word in words.split()}
_LONGEST = 4
_INSIDE = 7  # a compound may end with a word of so many letters: Kundengeburtsdatum
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def name_words(name: str) -> list[str]:
    """Cut a column's name into folded words in lower case: ``Date-of_birth``, ``dateOfBirth`` into date, of, birth."""
    return [part.lower() for part in _PART.findall(fold_text(name))]


def match_name(name: str) -> NameMatch | None:
    """Say what a column's name says of what stands in it, or None.

    The longest word or compound counts; of equally long ones the first of the table of kinds.

    Examples
    --------
    >>> match_name("customer_date_of_birth")
    NameMatch(label='DOB', role='quasi-identifier', word='dateofbirth')
    >>> match_name("product_name") is None
    True
    """
    words = name_words(name)
    runs = {
        "".join(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, min(start + _LONGEST, len(words)) + 1)
    }
    known = [run for run in runs if run in _BY_WORD]
    if not known:
        known = [
            run[at:] for run in words for at in range(1, len(run) - _INSIDE + 1) if run[at:] in _BY_WORD
        ]  # fmt: skip
    for word in sorted(known, key=lambda word: (-len(word), list(_BY_WORD).index(word))):
        label, role = _BY_WORD[word]
        if label != "PERSON" or not _OF_THINGS & set(words):
            return NameMatch(label, role, word)
        if _ORGANISATION & set(words):
            return NameMatch("ORGANIZATION", "other", word)
    return None
