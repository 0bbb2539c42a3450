"""Languages hold the same keys and values; numbers and promises read as they should."""

from __future__ import annotations

import importlib
import pkgutil
import re
import string
import tomllib
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutis.data import readers
from cutis.errors import CutisError
from cutis.phantom.classes import CLASSES as PHANTOM
from cutis.schema.safety import SAFETY, safety
from cutis.schema.vocabulary import SEXES
from cutis.serve.clinical.history import SYMPTOMS
from cutis.serve.clinical.red_flags import RED_FLAGS
from cutis.serve.clinical.triage import REASONS
from cutis.serve.store.tables import PICTURES, ROLES, STATES
from cutis.serve.words import LANGUAGES, PLURAL, Words

EN, DE = Words.of("en"), Words.of("de")


def fields(text: object) -> set[str]:
    """Names of the places in a text, or in either of its forms."""
    forms = [text] if isinstance(text, str) else list(text.values())  # type: ignore[attr-defined]
    return {name for form in forms for _, name, _, _ in string.Formatter().parse(form) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_same_keys_forms_and_places(language: str) -> None:
    words = Words.of(language)
    assert set(words.texts) == set(EN.texts)
    for key, text in words.texts.items():
        assert isinstance(text, str) == isinstance(EN.texts[key], str), key
        assert fields(text) == fields(EN.texts[key]), key
        if not isinstance(text, str):
            assert set(text) == PLURAL
            assert "n" in fields(text), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_tidy(language: str) -> None:
    for key, text in Words.of(language).texts.items():
        for form in [text] if isinstance(text, str) else text.values():
            assert form == form.strip() != "", key
            assert "  " not in form, key
            assert "<" not in form, key  # plain text: templates escape it


def test_languages_differ() -> None:
    """A text that was never translated is found, but for names, units and words that are the same."""
    same = {key for key, text in DE.texts.items() if text == EN.texts[key]}
    assert len(same) < 0.06 * len(EN.texts), sorted(same)


@pytest.mark.parametrize("language", LANGUAGES)
def test_files_have_no_key_twice_and_the_same_order(language: str) -> None:
    def order(table: dict[str, object]) -> list[str]:
        return [key for key, value in table.items() if isinstance(value, dict) and set(value) != PLURAL]

    folder = files("cutis.serve.words")
    ours = tomllib.loads((folder / f"{language}.toml").read_text(encoding="utf-8"))  # raises for a key twice
    assert set(order(ours)) == set(order(tomllib.loads((folder / "en.toml").read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("symptom", SYMPTOMS),
        ("symptom_group", set(SYMPTOMS.values())),
        ("red_flags", RED_FLAGS),
        ("reason", REASONS),
        ("state", STATES),
        ("kind", PICTURES),
        ("role", ROLES),
        ("sex", SEXES),
    ],
)
def test_every_code_has_words(prefix: str, names: object) -> None:
    for name in names:  # type: ignore[attr-defined]
        assert EN.has(f"{prefix}.{name}"), name


def test_forms() -> None:
    assert EN.t("queue.cases", n=1) == "1 case"
    assert EN.t("queue.cases", n=0) == "0 cases"
    assert EN.t("queue.cases", n=10_000) == "10,000 cases"
    assert DE.t("queue.cases", n=10_000) == "10.000 Fälle"


def test_values_are_not_read_as_texts() -> None:
    assert EN.t("reading.signed_by", name="{when}", when="{0.__class__}") == "Signed by {when}, {0.__class__}"


def test_mistakes_are_named() -> None:
    with pytest.raises(CutisError, match=r'did you mean "queue\.title"'):
        EN.t("queue.titel")
    with pytest.raises(CutisError, match=r"\"reading\.signed_by\" needs a value for 'when'"):
        EN.t("reading.signed_by", name="a")
    with pytest.raises(CutisError, match=r'language "english": did you mean|language "english": valid: en, de'):
        Words.of("english")


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.9, "9 of 10"),
        (0.8, "8 of 10"),
        (0.95, "19 of 20"),
        (0.98, "49 of 50"),
        (0.99, "99 of 100"),
        (0.975, "195 of 200"),
        (0.999, "999 of 1,000"),
    ],
)
def test_coverage(share: float, words: str) -> None:
    said = f"The list was made to hold the answer in {words} cases like those it was calibrated on."
    assert EN.coverage(share) == said


def test_coverage_in_german() -> None:
    said = "Die Liste soll die Antwort in 9 von 10 Fällen wie denen enthalten, an denen sie eingestellt wurde."
    assert DE.coverage(0.9) == said


@given(st.floats(0.5, 0.9999))
def test_coverage_never_promises_more_than_it_is(share: float) -> None:
    k, of = (int(part.replace(",", "")) for part in re.findall(r"in ([\d,]+) of ([\d,]+) cases", EN.coverage(share))[0])
    assert share - 0.002 < k / of <= share + 5e-5


def test_numbers() -> None:
    assert (EN.number(1512), DE.number(1512)) == ("1,512", "1.512")
    assert (EN.number(4.8), DE.number(4.8)) == ("4.8", "4,8")
    assert (EN.number(-30.26, 1), DE.number(-30.26, 1)) == ("\N{MINUS SIGN}30.3", "\N{MINUS SIGN}30,3")


@pytest.mark.parametrize(
    ("share", "digits", "shown"),
    [
        (0, 0, "0 %"), (1, 0, "100 %"), (0.634, 0, "63 %"), (0.004, 0, "<1 %"), (0.9999, 0, ">99 %"),
        (0.0004, 1, "<0.1 %"), (0.9996, 1, ">99.9 %"), (0.634, 1, "63.4 %"),
    ],
)  # fmt: skip
def test_percent_is_never_certain(share: float, digits: int, shown: str) -> None:
    assert EN.percent(share, digits).replace("\N{NO-BREAK SPACE}", " ") == shown


def test_days() -> None:
    when = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    assert (EN.day(when), DE.day(when)) == ("2 March 2026", "2. März 2026")


def test_under() -> None:
    assert EN.under("sex") == {"female": "female", "male": "male", "unknown": "not stated"}
    assert "one" not in EN.under("queue.cases")


# ---- names of classes


def known_classes() -> dict[str, str]:
    """Every class that a reader's card or the phantom has: code@source -> name."""
    found = {f"{c.code}@phantom": c.name for c in PHANTOM}
    for module in pkgutil.iter_modules(readers.__path__):
        card = getattr(importlib.import_module(f"cutis.data.readers.{module.name}"), "CARD", None)
        found |= {f"{c.code}@{module.name}": c.name for c in (card.classes if card else ())}
    return found


def test_every_class_of_the_field_has_a_german_name() -> None:
    found = known_classes()
    assert len(found) > 200
    lacking = {where: name for where, name in found.items() if _slug(name) not in DE.classes}
    assert not lacking


@pytest.mark.parametrize(
    ("name", "german"),
    [
        ("Melanoma", "Melanom"),
        ("MELANOMA", "Melanom"),
        ("Melanocytic nevus", "Melanozytärer Nävus"),
        ("Actinic keratosis / intraepithelial carcinoma",
         "Aktinische Keratose / intraepitheliales Karzinom (Morbus Bowen)"),
        ("Bowen's Disease (Keratinocytic)", "Morbus Bowen"),
        ("Benign soft tissue proliferations - Vascular", "Benigne vaskuläre Proliferation"),
        ("class 3", "class 3"),
        ("Something of a clinic's own", "Something of a clinic's own"),
        ("", ""),
    ],
)  # fmt: skip
def test_names_of_classes(name: str, german: str) -> None:
    """What isn't known keeps the bundle's own name, as everything does in English."""
    assert DE.class_name(name) == german
    assert EN.class_name(name) == name


def test_german_names_are_tidy() -> None:
    for key, name in DE.classes.items():
        assert key == _slug(key), key
        assert name == name.strip() != "", key
        assert name[0].isupper(), key  # they stand alone in lists
        assert "<" not in name, key


@pytest.mark.parametrize("name", ["melanoma?", "!melanoma", "melanoma+", "melanoma-", "<nevus", "nevus*"])
def test_a_name_with_a_sign_is_not_the_name_without(name: str) -> None:
    assert DE.class_name(name) == name


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


# ---- safety


def test_safety_says_what_it_must() -> None:
    said = safety().whole
    for must in ("Not a diagnosis", "not a medical device", "cannot rule out skin cancer", "new, changing, bleeding"):
        assert must in said
    assert set(SAFETY) == set(LANGUAGES)
    assert DE.safety.title == "Keine Diagnose."
    with pytest.raises(CutisError, match=r'did you mean "de"|valid: en, de'):
        safety("dee")


def test_safety_is_written_once() -> None:
    """Templates and words take it from the one place."""
    root = files("cutis")
    for folder, kind in (("report/templates", ".j2"), ("serve/words", ".toml"), ("serve/web/templates", ".html")):
        for path in (root / folder).iterdir():
            if path.name.endswith(kind):
                assert "rule out skin cancer" not in path.read_text(encoding="utf-8"), path.name


# ---- used and asked for

ROOM = Path(str(files("cutis.serve")))
SOURCE = {path: path.read_text(encoding="utf-8") for kind in ("*.py", "*.html") for path in ROOM.rglob(kind)}


def test_every_text_asked_for_exists() -> None:
    """t("key") in pages and code; of t("key." ~ name) and t(f"key.{name}") at least the beginning."""
    for path, source in SOURCE.items():
        for key, built in re.findall(r"""\bt\(\s*f?["']([a-z_]+\.[\w.{}-]*)["'](\s*~)?""", source):
            start = key.partition("{")[0]
            if built or start != key:
                assert any(name.startswith(start) for name in EN.texts), f"{path.name}: {key}"
            else:
                assert EN.has(key), f"{path.name}: {key}"


def test_every_text_is_asked_for() -> None:
    """By its whole key, or by a beginning that a name is put to."""
    everything = "\n".join(SOURCE.values())
    starts = re.findall(r"""["']([a-z_]+(?:\.[a-z_]+)*[._])(?:["']\s*~|\{)""", everything)
    starts += [f"{start}." for start in re.findall(r"""under\(["']([a-z_.]+)["']\)""", everything)]
    for key in EN.texts:
        whole = f'"{key}"' in everything or f"'{key}'" in everything
        assert whole or key.startswith(tuple(starts)), f"{key} is used nowhere"
