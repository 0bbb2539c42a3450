from __future__ import annotations

from pathlib import Path

from cutis.cli import say


def phantom_(
    *,
    out: Path | None = None,
    n: int = 200,
    size: int = 256,
    classes: str = "ham7",
    balance: str = "life",
    tone: str = "uniform",
    bias: list[str] | None = None,
    visits: int = 1,
    overview: bool = False,
    truth: bool = False,
    seed: int = 0,
    config: Path | None = None,
    show: Path | None = None,
) -> None:
    """Make a dataset of synthetic skin whose truth is known, or a contact sheet of it.

    Parameters
    ----------
    out
        Dataset folder to make.
    n
        Images.
    size
        Pixels a side.
    classes
        ham7 for HAM10000's seven, or codes separated by commas (nv,mel,...).
    balance
        Shares of lesions: life, ham10000 or equal.
    tone
        Skin tones of patients: uniform, ita:55..-30, or dataset:PATH (as in a dataset).
    bias
        Planted correlation, such as ruler:mel=0.9,nv=0.1; may be given several times.
    visits
        Photographs of each lesion, half a year apart.
    overview
        Also a clinical photograph from afar of each lesion.
    truth
        Also write the mask of every structure and artefact.
    seed
        Same seed, same bytes.
    config
        TOML file with class recipes that replace or change the built-in ones.
    show
        Contact sheet (PNG or JPEG) to write: a row a class, a column a skin tone.
    """
    import numpy as np

    from cutis.errors import CutisError
    from cutis.files import atomic_file, refuse_existing
    from cutis.phantom.classes import CODES
    from cutis.phantom.dataset import make_dataset
    from cutis.phantom.lesion.recipes import RECIPES, load_recipes
    from cutis.phantom.sheet import contact_sheet
    from cutis.progress import track

    if out is None and show is None:
        raise CutisError("phantom: say what to make: --out FOLDER for a dataset, --show FILE.png for a contact sheet.")
    codes = list(CODES) if classes == "ham7" else [c.strip() for c in classes.split(",") if c.strip()]
    recipes = load_recipes(config) if config else RECIPES
    if show is not None:
        from PIL import Image

        refuse_existing(show)
        if show.suffix.lower() not in (".png", ".jpg", ".jpeg"):
            raise CutisError(f"phantom: {show}: expected a name that ends in .png or .jpg.")
        sheet = contact_sheet(np.random.default_rng(seed), min(size, 256), codes)
        with atomic_file(show, fresh=True) as path, path.open("wb") as file:
            Image.fromarray(sheet).save(file, "PNG" if show.suffix.lower() == ".png" else "JPEG", quality=92)
        say(f"contact sheet: {show}")
    if out is None:
        return
    made = make_dataset(
        out,
        n,
        size=size,
        seed=seed,
        classes=codes,
        balance=balance,
        tone=tone,
        bias=bias or (),
        visits=visits,
        overview=overview,
        truth=truth,
        recipes=recipes,
        progress=track,
    )
    counts = made.card.counts
    say(f"{counts['images']:,} images of {counts['lesions']:,} lesions of {counts['patients']:,} patients: {out}")
    for note in made.card.notes:
        say(note)
