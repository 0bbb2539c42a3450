from __future__ import annotations

from typing import TYPE_CHECKING

from cutis.cli import say
from cutis.errors import CutisError, nearest

if TYPE_CHECKING:
    from cutis.data.readers.base import Reader

WIDTH = 100


def datasets_(name: str | None = None) -> None:
    """List the public datasets that can be imported: what they hold, their identity, licence and access.

    Parameters
    ----------
    name
        Print everything known of this one: citation, classes, layout, address and what to know before trusting it.
    """
    from cutis.data.readers import releases

    known = releases()
    if name is None:
        say(_table(known))
        say()
        say("cutis datasets NAME tells all of one; cutis import SRC DEST --as NAME reads it.")
        return
    if name not in known:
        raise CutisError(f'dataset "{name}": {nearest(name, known)} (cutis datasets lists them)')
    say(_card(known[name]))


def _table(known: dict[str, Reader]) -> str:
    """A line a release; what doesn't fit in WIDTH goes on below, in its own column."""
    import re
    import textwrap

    from cutis.schema.licence import licence

    titles = ("name", "modality", "images", "labels", "identity", "licence", "access")
    rows = []
    for name, reader in known.items():
        assert reader.card is not None
        assert reader.facts is not None
        facts = reader.facts
        terms = "see card" if reader.card.licence == "unknown" else licence(reader.card.licence).name
        terms = re.sub(r" \d\.\d$", "", terms).replace("research use only", "research only")
        images = f"{facts.images:,}"
        rows.append((name, reader.card.modality, images, facts.labels, facts.identity, terms, facts.access))
    widths = [max(len(row[i]) for row in (titles, *rows)) for i in range(len(titles))]
    widths[4], widths[5] = min(widths[4], 11), min(widths[5], 13)
    spare = WIDTH - 2 * (len(widths) - 1) - sum(w for i, w in enumerate(widths) if i not in (1, 3))
    widths[1] = min(widths[1], spare * 2 // 5)
    widths[3] = min(widths[3], spare - widths[1])
    lines = []
    for row in (titles, tuple("-" * w for w in widths), *rows):
        cells = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
        for i in range(max(map(len, cells))):
            parts = [
                f"{cell[i] if i < len(cell) else '':{'>' if column == 2 else '<'}{width}}"
                for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
            ]
            lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def _card(reader: Reader) -> str:
    import textwrap

    from cutis.schema.licence import compose, licence

    card, facts = reader.card, reader.facts
    assert card is not None
    assert facts is not None
    classes = [
        f"{c.code}: {c.name}" + (f" [{c.diagnosis}]" if c.diagnosis else "") + (f". {c.note}" if c.note else "")
        for c in card.classes
    ] or ["as the files name them"]
    fields: list[tuple[str, list[str]]] = [
        ("citation", [card.source]),
        ("attribution", [card.attribution]),
        ("licence", [f"{licence(card.licence).name} ({compose({card.name: card.licence}).answer})"]),
        ("access", [f"{facts.access}: {facts.address}"]),
        ("modality", [card.modality]),
        ("images", [f"{facts.images:,}"]),
        ("labels", [facts.labels]),
        ("identity", [facts.identity]),
        ("layout", [reader.layout]),
        ("classes", classes),
        ("know", list(facts.quirks)),
        ("import", [f"cutis import SRC DEST --as {reader.name}"]),
    ]
    indent = 2 + max(len(field) for field, _ in fields) + 2
    lines = [f"{reader.name}: {card.title}"]
    for field, texts in fields:
        for i, text in enumerate(texts):
            head = f"  {field if i == 0 else '':<{indent - 2}}"
            lines += textwrap.wrap(
                text,
                WIDTH,
                initial_indent=head,
                subsequent_indent=" " * (indent + 2 * (len(texts) > 1)),
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines)
