"""Tables as people have them: every way of saving one gives the same rows, and what can't be read for sure is told."""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutis import tables
from cutis.data.readers.own_columns import typed
from cutis.errors import CutisError
from cutis.tables import load_table, read_header, read_parquet, read_table, read_text, scan_parquet, separated

HEAD = ["image_id", "age", "note"]
BODY = [["0012", "45,5", 'a "quoted"; cell, "'], ["1e3", "", "näher"], ["7", "85", "x"]]


def saved(separator: str = ",", newline: str = "\r\n", rows=(HEAD, *BODY), **how) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator=newline, **how).writerows(rows)
    return out.getvalue()


WAYS = {
    "plain": saved().encode(),
    "semicolon, mark": codecs.BOM_UTF8 + saved(";").encode(),
    "tab, line feeds": saved("\t", "\n").encode(),
    "bar": saved("|").encode(),
    "every cell quoted": saved(quoting=csv.QUOTE_ALL).encode(),
    "no line end at the end": saved(newline="\n").rstrip("\n").encode(),
    "old Mac": saved(newline="\r").encode(),
    "translated twice": saved(newline="\r\r\n").encode(),
    "sep=;": ("sep=;\r\n" + saved(";")).encode(),
    'quoted "sep=;", mark': codecs.BOM_UTF8 + ('"sep=;"\r\n' + saved(";")).encode(),
    "UTF-16": saved("\t").encode("utf-16"),
    "UTF-16, big-endian, no mark": saved(";").encode("utf-16-be"),
    "UTF-16, little-endian, no mark": saved(";").encode("utf-16-le"),
    "UTF-32": saved(",").encode("utf-32"),
    "Windows-1252": saved(";").encode("cp1252"),
    "blank tail": (saved() + ",,\r\n , ,\r\n\r\n").encode(),
    "blank lines before and between": ("\n \n" + saved(newline="\n\n")).encode(),
    "separators too many": saved(rows=[[*row, "", ""] for row in (HEAD, *BODY)]).encode(),
    "separators too many below the header": saved(rows=[HEAD, *([*row, ""] for row in BODY)]).encode(),
    "blanks around cells": saved(rows=[[f" {c}\xa0" for c in row] for row in (HEAD, *BODY)]).encode(),
    "blanks before quotes": b'image_id, age, note\n0012, "45,5", "a ""quoted""; cell, """\n'
    b"1e3,, n\xc3\xa4her\n7, 85, x\n",
    "JSON lines": "\n".join(json.dumps(dict(zip(HEAD, row, strict=True))) for row in BODY).encode(),
}


@pytest.mark.parametrize("way", WAYS)
def test_however_it_is_saved_a_table_is_the_same(way: str, tmp_path: Path) -> None:
    path = tmp_path / ("t.jsonl" if way.startswith("JSON") else "t.csv")
    path.write_bytes(WAYS[way])
    columns, rows = read_table(path)
    assert (columns, [list(row.values()) for row in rows]) == (HEAD, BODY)
    assert read_header(path) == HEAD
    frame, notes = load_table(path)
    assert frame.with_columns(pl.all().fill_null("")).rows() == [tuple(row) for row in BODY]
    assert frame["age"].null_count() == 1
    assert notes == list(rows.notes)
    if way == "Windows-1252":  # a guess, if a good one: told
        assert notes == [
            "t.csv is not UTF-8; read as Windows-1252, with the letters ä. If it has others, save it as UTF-8"
        ]
    else:
        assert not notes


def test_a_parquet_file_keeps_its_types_and_its_ids_are_text(tmp_path: Path) -> None:
    table = pl.DataFrame({"image_id": [7.0, 12.0, None], "lesion_id": ["0007", "7.0", ""], "p": [0.5, 0.25, 1.0]})
    table.write_parquet(tmp_path / "t.parquet")
    assert load_table(tmp_path / "t.parquet")[0].equals(table)
    _, rows = read_table(tmp_path / "t.parquet")
    assert [list(r.values()) for r in rows] == [["7", "0007", "0.5"], ["12", "7.0", "0.25"], ["", "", "1"]]
    (tmp_path / "t.parquet").rename(tmp_path / "named.csv")  # what a file holds decides, not its name
    assert load_table(tmp_path / "named.csv")[0].equals(table)


NAMES = ("p[1].csv", "p*.csv", "p?.csv", "a=1.csv", "{a,b}.csv", "#1 %41.csv", "größe.csv", "-x.csv", "~")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a pattern, a home folder or a key and its value; neither in a file's name nor in its folder's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = Path(name.removesuffix(".csv"))
    folder.mkdir()
    for other in ("p1.csv", "pa.csv", "p.csv", "home"):  # what the patterns would find
        (Path(other) if other != "home" else folder / "1.csv").write_text("image_id,dx\nwrong,wrong\n")
    path = folder / f"{name}.csv"
    path.write_text("image_id,dx\nright,nv\n")
    assert read_table(path)[1][0] == {"image_id": "right", "dx": "nv"}
    assert load_table(path)[0].rows() == [("right", "nv")]
    assert read_header(path) == ["image_id", "dx"]
    made = pl.DataFrame({"image_id": ["right"]})
    made.write_parquet((folder / f"{name}.parquet").absolute())
    assert read_parquet(folder / f"{name}.parquet").equals(made)
    assert scan_parquet(folder / f"{name}.parquet").collect().equals(made)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"a,b\n", "a header line but no rows"),
        (b"a,b\n,\n , \n", "a header line but no rows"),
        (b"a,b,a\n1,2,3\n", 'column "a" appears twice'),
        (b'a,"b\n c",b  c\n1,2,3\n', 'column "b c" appears twice'),
        (b"a,,\n1,2,3\n", "columns 2 and 3 have no name"),
        (b"a,b\n1,2\n3\n", r"row 2 has 1 cells, the header 2 \(separator: comma\)"),
        (b"a;b\n1;2;3\n", r"row 1 has 3 cells, the header 2 \(separator: semicolon\)"),
        (b'a,b\n1,"2\n3,4\n5,6\n', "not a readable CSV .unexpected end of data"),
        (b'a,b\n1,"2"x\n', "not a readable CSV"),
        (b"a,b\n1,\0\n", "binary data"),
        ("a,b\n1,вид\n".encode("cp1251"), "line 2, byte 6.*its encoding can't be told. Save it as UTF-8"),
        ("a,b\n1,黑色素瘤\n".encode("gbk"), "its encoding can't be told"),
        ("a,b\n1,ほくろ\n".encode("shift-jis"), "its encoding can't be told"),
        ("a,b\r1,näher\r".encode("mac-roman"), "its encoding can't be told"),
        ("a,b\n1,näher\n".encode("mac-roman"), "its encoding can't be told"),
        (codecs.BOM_UTF8 + b"a,b\n1,\xe4\n", "line 2, byte 9"),
        (b"PK\x03\x04....", "a workbook .*Save the sheet as CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0....", "an Excel workbook"),
        (b"\x1f\x8b....", "compressed .gzip.. Unpack it"),
    ],
)
def test_what_is_no_table_is_told_in_one_line(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(CutisError, match=words) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CutisError, match="a folder; name the table in it"):
        read_table(tmp_path)
    with pytest.raises(CutisError, match="no such file"):
        load_table(tmp_path / "none.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(CutisError, match="not a file"):  # and doesn't wait for somebody to write into it
        read_table(tmp_path / "pipe.csv")
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n[2]\n')
    with pytest.raises(CutisError, match="line 2: not a JSON object"):
        read_table(tmp_path / "t.jsonl")


def test_headers_quotes_and_separators_are_told_apart(tmp_path: Path) -> None:
    def columns(text: str) -> list[str]:
        (tmp_path / "t.csv").write_text(text)
        return read_table(tmp_path / "t.csv")[0]

    assert columns('image_id,dx,"note\n(free; text; any; word)"\na,nv,x\n') == [
        "image_id",
        "dx",
        "note (free; text; any; word)",
    ]
    assert columns("image_id;score\na;0,5\nb;0,25\n") == ["image_id", "score"]
    assert columns("id;age, years, or so, about\na;1\nb;2\n") == ["id", "age, years, or so, about"]
    assert columns("only\na\nb\n") == ["only"]
    assert columns(",dx\n1,nv\n2,mel\n") == ["", "dx"]  # row numbers
    (tmp_path / "t.csv").write_text('note;dx\nof 5" or so;nv\n')
    assert read_table(tmp_path / "t.csv")[1][0]["note"] == 'of 5" or so'


CELLS = st.text(st.sampled_from('ab0 ",;|\t\n.ä'), max_size=4)


@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=6),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_what_was_written_is_read(rows: list[list[str]], separator: str, newline: str, every: bool) -> None:
    """By polars where it is sure to read it, else record by record: the two agree with what was written."""
    text = saved(separator, newline, [["x_y", "z"], *rows], quoting=csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL)
    wanted = [row for row in ([c.strip() for c in row] for row in rows) if any(row)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(text.encode())
        for plain in (separated._is_plain, lambda *_: False):
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(separated, "_is_plain", plain)
                table, *_ = separated.separated_table(path, str(path))
                assert table.with_columns(pl.all().fill_null("")).rows() == [tuple(row) for row in wanted]


def test_a_table_is_held_in_columns_and_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separated, "_CHUNK", 2)
    path = tmp_path / "t.csv"
    path.write_text('a;b\n1;"x;\ny"\n\n2; z \n3;\n4;"q"\n5;r\n')
    columns, rows = read_table(path)
    assert columns == ["a", "b"]
    assert list(rows) == [{"a": str(n), "b": b} for n, b in enumerate(("x;\ny", "z", "", "q", "r"), 1)]
    assert (len(rows), rows[-1]["a"], rows[1:3][0]["b"]) == (5, "5", "z")
    path.write_text("a;b\n1;2\n\n3;4\n5\n")
    with pytest.raises(CutisError, match=r"row 3 has 1 cells, the header 2 \(separator: semicolon\)"):
        read_table(path)


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_large_tables_are_read_by_polars_in_blocks(
    quoting: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(separated, "_BLOCK", 40)
    monkeypatch.setattr(separated, "_by_records", None)
    rows = [[f"i{k}", f"{k / 7:.3f}", "ä" * (k % 3)] for k in range(50)]
    (tmp_path / "t.csv").write_bytes(
        codecs.BOM_UTF8 + saved(rows=[HEAD, *rows], quoting=quoting).encode() + b"\r\n\r\n"
    )
    assert [list(row.values()) for row in read_table(tmp_path / "t.csv")[1]] == rows


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("45.5", 45.5), ("45,5", 45.5), (" 0,1 ", 0.1), ("1,5E-3", 0.0015), ("\N{MINUS SIGN}2", -2.0), ("+3", 3.0),
        (".5", 0.5), ("5,", 5.0), ("1,234.5", None), ("1.234,5", None), ("1 234", None), ("1_0", None), ("nan", None),
        ("inf", None), ("1e999", None), ("", None), ("50%", None), ("0x1F", None), ("٣", None),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(text: str, value: float | None) -> None:
    assert tables.number(text) == value
    assert tables.numbers(pl.Series(["1", text, None])).to_list() == [1.0, value, None]


def test_names_that_look_like_numbers_stay_names() -> None:
    assert tables.as_text(pl.Series([7.0, 7.5, None, float("nan"), 1e20])).to_list() == [
        "7",
        "7.5",
        None,
        None,
        "1e+20",
    ]
    assert tables.as_text(pl.Series([7, None])).to_list() == ["7", None]
    assert tables.as_text(pl.Series(["7.0", "07"])).to_list() == ["7.0", "07"]
    assert typed(["12", "", "3"]).to_list() == [12, None, 3]
    assert typed(["1.50", "nan", "2"]).to_list() == [1.5, None, 2.0]
    assert typed(["1,5", "2"]).to_list() == ["1,5", "2"]  # two numbers, or one
    assert typed(["12", "0012"]).to_list() == ["12", "0012"]
    assert typed(["1e3", "2"]).to_list() == ["1e3", "2"]
    assert typed(["1234567890123456", "2"]).to_list() == ["1234567890123456", "2"]
    for name in ("serial", "scanner_id", "ID", "imageId", "Case No", "postal-code"):
        assert typed(["12", "3"], name).to_list() == ["12", "3"]
    assert typed(["12", "3"], "acid").to_list() == [12, 3]
    assert typed(["True", "", "False"]).to_list() == [True, None, False]
    assert typed(["1", "True"]).to_list() == ["1", "True"]


def test_small_texts_are_decoded_alike(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes("a\r\nä\r".encode("utf-16"))
    assert read_text(tmp_path / "t.txt") == "a\nä\n"
