"""What an audit groups by besides what was recorded: the skin tone and the artefacts that can be seen in a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from cutis.data.threads import ordered
from cutis.data.tone import measure, tone_schema
from cutis.errors import CutisError
from cutis.image.artefacts import DETECTORS
from cutis.image.assess import assess
from cutis.image.decode import BadImage, decode, read_bytes, room_for
from cutis.image.tone.estimate import DEFAULT
from cutis.image.tone.thresholds import THRESHOLDS
from cutis.image.working import SIDE
from cutis.progress import Progress, silent

TONE_METHODS = (DEFAULT, "kinyanjui2019")  # ours, which refuses coloured light, and the one most used, which doesn't
_CUTS = "chardon1991"


def seen_attributes(rows: pl.DataFrame, folder: Path, progress: Progress[Any] = silent) -> pl.DataFrame:
    """image_id, tone_<method> (class of the estimated ITA, null where it is refused) and <artefact> ("yes", "no").

    rows: image_id, file and mask (null where there is none), relative to `folder`. A tone estimated from a photograph
    is no skin type: it is called tone and never fitzpatrick_skin_type. A file that can't be read has nulls.
    """
    jobs = rows.select("image_id", "file", "mask").rows()
    made = list(progress(ordered(lambda job: _seen(folder, *job), jobs), len(jobs), "look for tone, hair, rulers"))
    schema = dict.fromkeys(["image_id", *(f"tone_{m}" for m in TONE_METHODS), *DETECTORS], pl.String)
    return pl.DataFrame(made, schema=schema)


def _seen(folder: Path, image_id: str, file: str, mask: str | None) -> dict[str, str | None]:
    try:
        data = read_bytes(folder / file)
        with room_for(data, file, least=SIDE, copies=2):
            found = assess(decode(data, file, least=SIDE)).artefacts
    except BadImage:
        return {"image_id": image_id}
    try:
        tone = measure(data, read_bytes(folder / mask) if mask else None, image_id, TONE_METHODS)
    except (BadImage, CutisError):
        tone = dict.fromkeys(tone_schema(TONE_METHODS))
    itas = {m: tone[f"ita_{m}"] for m in TONE_METHODS}
    return {
        "image_id": image_id,
        **{f"tone_{m}": THRESHOLDS[_CUTS].label(ita) for m, ita in itas.items() if isinstance(ita, float)},
        **{name: "yes" if artefact.present else "no" for name, artefact in found.items()},
    }
