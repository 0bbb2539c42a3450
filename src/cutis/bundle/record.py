"""Keep what an evaluation measured of a bundle beside it, and show it on its card."""

from __future__ import annotations

import math
from pathlib import Path

from cutis.bundle.load import PAGE, read_card, verify_files
from cutis.bundle.measured import FORMAT, MEASURED, answers_digest, own_digest, read_measured
from cutis.bundle.model_card import model_card
from cutis.errors import CutisError
from cutis.files import atomic_file, only_writer, read_json, sha256_file, sha256_text, write_json
from cutis.schema.evidence import Evidence
from cutis.schema.performance import Performance, ordered


def record(bundle: Path | str, evidence: Evidence) -> Performance:
    """Keep what `evidence` measured of `bundle` beside it, renew its card.md, and return what is kept.

    What was measured before on the same part of the same data, in the same precision, is replaced. Raises CutisError,
    and changes nothing, for what `checked` refuses and for a folder that is no whole bundle.
    """
    path = Path(bundle)
    made = checked(path, evidence)
    with only_writer(path, "cutis evaluate --card", wait=math.inf):
        try:
            kept = read_measured(path)
        except CutisError:  # damaged, or of another bundle: what can't be read can't be kept
            kept = None
        card = read_card(path)
        verify_files(path, card, pages=None)  # card.md is about to be renewed
        old = [p for p in (kept.measured if kept else ()) if _same(p) != _same(made)]
        every = tuple(ordered([*old, made]))
        page = model_card(card, every)
        before = sha256_file(path / PAGE) if (path / PAGE).is_file() else ""
        content = {
            "format": FORMAT,
            "answers": answers_digest(read_json(path / "bundle.json")),
            "pages": list(dict.fromkeys(filter(None, (sha256_text(page), before)))),
            "measured": [p.model_dump(mode="json") for p in every],
        }
        write_json(path / MEASURED, {**content, "digest": own_digest(content)})
        with atomic_file(path / PAGE) as partial:
            partial.write_text(page, encoding="utf-8")
    return made


def checked(bundle: Path | str, evidence: Evidence) -> Performance:
    """What `record` would keep. Raises CutisError for evidence that is not of this bundle, on unnamed data, or on
    images that the bundle learned from or was calibrated on."""
    card, info = read_card(Path(bundle)), evidence.info
    if info.bundle != card.digest:
        whose = f"another bundle ({info.bundle[:12]})" if info.bundle else "another system"
        raise CutisError(
            f"{bundle}: these predictions are of {whose}, not of this one ({card.digest[:12]}); its card was left as "
            "it is. Predict with it, then evaluate that."
        )
    if not info.dataset_digest:
        raise CutisError(
            f"{bundle}: these predictions name no dataset, so a card can't say what was measured on. Predict a dataset "
            "(cutis import makes one of a folder)."
        )
    own = info.dataset_digest == card.dataset_digest
    if own and (info.part != "test" or info.split.get("digest") != card.split.get("digest")):
        part = f"the {info.part} part" if info.part not in ("", "all") else "all"
        raise CutisError(
            f"{bundle}: these predictions are of {part} of {info.dataset}, which the bundle learned from or was "
            "calibrated on; a card shows what was measured on images that it never saw. Predict the test part, or "
            "other data."
        )
    return Performance.of(evidence, own=own)


def _same(p: Performance) -> tuple[str, str, str]:
    return p.dataset_digest, p.part, p.precision
