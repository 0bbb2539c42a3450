"""`cutis datasets`: the list and the cards, in 100 columns."""

from __future__ import annotations

import pytest

from cutis.cli import main
from cutis.data.readers import releases


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as code:
        main(arguments)
    out, err = capsys.readouterr()
    return int(code.value.code or 0), out, err


def test_the_list_names_every_release(capsys):
    code, out, _ = said(["datasets"], capsys)
    assert code == 0
    lines = out.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].split() == ["name", "modality", "images", "labels", "identity", "licence", "access"]
    assert set(releases()) <= {line.split()[0] for line in lines[2:] if line and not line.startswith(" ")}
    ham = next(line for line in lines if line.startswith("ham10000"))
    for word in ("dermoscopy", "10,015", "7 diagnoses", "lesion", "CC BY-NC", "open"):
        assert word in ham


@pytest.mark.parametrize("name", sorted(releases()))
def test_a_card_says_all(name, capsys):
    code, out, _ = said(["datasets", name], capsys)
    reader = releases()[name]
    assert code == 0
    assert max(map(len, out.splitlines())) <= 100 or "https://" in max(out.splitlines(), key=len)
    words = " ".join(out.split())
    assert reader.facts
    assert reader.card
    for text in (reader.card.source, reader.layout, reader.facts.address, *reader.facts.quirks):
        assert " ".join(text.split()) in words
    assert all(f"{c.code}: {c.name}" in words for c in reader.card.classes)


def test_an_unknown_name_is_told(capsys):
    code, out, err = said(["datasets", "ham1000"], capsys)
    assert (code, out) == (2, "")
    assert err == 'cutis: dataset "ham1000": did you mean "ham10000"? (cutis datasets lists them)\n'
