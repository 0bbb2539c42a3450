"""The dossier: all that an audit found, as a folder with a page for a clinician and one for an auditor."""

from __future__ import annotations

from pathlib import Path

from cutis.report import report_folder
from cutis.schema.dossier import DossierEvidence

MARK = "auditor.html"  # shows a folder to be a dossier
# All that a dossier may hold: what `overwrite` is allowed to replace.
CONTENT = frozenset({"index.html", MARK, "evidence.json", "tables", "figures", "checklists"})


def write_dossier(evidence: DossierEvidence, out: Path | str, *, overwrite: bool = False) -> Path:
    """Write the dossier's folder and return its path.

    It holds index.html (for a clinician), auditor.html (every number with its interval), evidence.json,
    tables/<name>.parquet and .csv, figures/*.svg and checklists/<name>.html and .md. Pages hold no script and load
    nothing from elsewhere. All of it is made from evidence.json alone (`redraw`): same evidence, same bytes.
    The folder appears complete or not at all. An `out` that exists is refused, unless it is empty, or `overwrite` is
    true and it is an earlier dossier with nothing else in it. Raises CutisError.
    """
    from cutis.report import checklists
    from cutis.report.dossier import page
    from cutis.report.dossier.drawing import draw
    from cutis.report.dossier.tables import save_tables, tables
    from cutis.report.svg import save_all

    out = Path(out)
    with report_folder(out, overwrite=overwrite, content=CONTENT, mark=MARK) as folder:
        # What is drawn is what a reader of the file will have: tuples and numbers as JSON gives them back.
        d = DossierEvidence.load(evidence.save(folder / "evidence.json"))
        figures = draw(d)
        save_all(list(figures.values()), folder / "figures")
        save_tables(tables(d), folder / "tables")
        filled = [checklists.fill(name, d) for name in checklists.NAMES]
        (folder / "checklists").mkdir()
        for f in filled:
            named = folder / "checklists" / f.checklist.name
            named.with_suffix(".html").write_text(page.checklist(d, f), encoding="utf-8")
            named.with_suffix(".md").write_text(checklists.markdown(f), encoding="utf-8")
        (folder / MARK).write_text(page.auditor(d, figures, filled), encoding="utf-8")
        (folder / "index.html").write_text(page.clinician(d, figures), encoding="utf-8")
    return out


def redraw(folder: Path | str) -> Path:
    """Make the pages, figures, tables and checklists of a dossier again from its evidence.json; return the folder.

    Raises CutisError if that is not a dossier's evidence, or the folder holds something else too.
    """
    folder = Path(folder)
    return write_dossier(DossierEvidence.load(folder / "evidence.json"), folder, overwrite=True)
