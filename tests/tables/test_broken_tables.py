"""Tables broken at random: each is read or refused in one line, by both readers alike, and none is a traceback."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from test_reading_tables import WAYS

from cutis.errors import CutisError
from cutis.tables import load_table, read_header, read_table, separated


def broken(data: bytes, rng: np.random.Generator) -> bytes:
    """A few bytes changed, put in, cut out or doubled."""
    out = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        at = int(rng.integers(0, len(out) + 1))
        match rng.integers(0, 5):
            case 0:
                out[at : at + 1] = bytes(rng.integers(0, 256, 1).astype(np.uint8))
            case 1:
                out[at:at] = rng.choice([b'"', b",", b";", b"\r", b"\n", b"\r\n", b"\0", b"\xe4", b"\t", b" ", b'""'])
            case 2:
                del out[at : at + int(rng.integers(1, 9))]
            case 3:
                out[at:at] = out[max(0, at - int(rng.integers(1, 30))) : at]
            case _:
                del out[at:]
        if not out:
            break
    return bytes(out)


def outcome(path: Path) -> str:
    """What became of a table, in words; anything but a CutisError of one line passes through."""
    try:
        columns, rows = read_table(path)
    except CutisError as error:
        return f"refused: {error}"
    assert rows.frame.columns == columns
    assert all(dtype == pl.String for dtype in rows.frame.dtypes)
    assert len(load_table(path)[0]) == len(rows) or not any(columns)
    return f"{columns} {rows.frame.rows()}"


@pytest.mark.parametrize(
    ("seed", "tries"), [(0, 40), pytest.param(1, 4000, marks=pytest.mark.long)], ids=["few", "many"]
)
def test_broken_tables_are_read_or_refused(seed: int, tries: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    ways = [data for name, data in WAYS.items() if not name.startswith("JSON")]
    path = tmp_path / "t.csv"
    read = 0
    for _ in range(tries):
        path.write_bytes(broken(ways[rng.integers(len(ways))], rng))
        found = outcome(path)
        read_header(path)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(separated, "_is_plain", lambda *_: False)
            assert outcome(path) == found, path.read_bytes()
        assert "\n" not in found or not found.startswith("refused")
        read += not found.startswith("refused")
    assert 0.05 * tries < read < 0.95 * tries  # both happen
