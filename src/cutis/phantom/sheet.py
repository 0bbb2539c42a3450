"""A contact sheet: phantom lesions of each class on each skin tone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cutis.errors import CutisError
from cutis.phantom.classes import CLASSES, CODES
from cutis.phantom.optics.table import TONES
from cutis.phantom.patients import sample
from cutis.phantom.scene import check_codes

_PAPER, _INK = (255, 255, 255), (40, 40, 44)


def contact_sheet(
    rng: np.random.Generator,
    size: int = 160,
    classes: Sequence[str] = CODES,
    tones: Sequence[str] = tuple(TONES),
    *,
    same: bool = False,
) -> NDArray[np.uint8]:
    """A labelled grid, (height, width, 3) uint8 sRGB: a row a class, a column a skin tone, tiles of `size` pixels.

    same: a row's tiles show one lesion on every tone (the counterfactual), else different lesions. Raises CutisError
    for an unknown class or tone, or an empty grid.
    """
    from PIL import Image, ImageDraw, ImageFont

    check_codes(list(classes), CODES, "class")
    check_codes(list(tones), list(TONES), "tone")
    if not classes or not tones:
        raise CutisError("phantom: a contact sheet needs at least one class and one tone.")
    gap, letter = max(2, size // 40), max(9, size // 10)
    font = ImageFont.load_default(letter)
    names = {c.code: c.name.replace(" ", "\n", 1) for c in CLASSES}
    draw = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    margin = int(max(draw.multiline_textbbox((0, 0), names[c], font=font)[2] for c in classes)) + 2 * letter
    head = 2 * letter
    width = margin + len(tones) * (size + gap) + gap
    sheet = Image.new("RGB", (width, head + len(classes) * (size + gap)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, tone in enumerate(tones):
        draw.text((margin + i * (size + gap) + size / 2, head / 2), f"tone {tone}", _INK, font=font, anchor="mm")
    for k, code in enumerate(classes):
        top = head + k * (size + gap)
        draw.multiline_text((letter, top + size / 2), names[code], _INK, font=font, anchor="lm")
        one = sample(rng, code)
        for i, tone in enumerate(tones):
            scene = one.replace(melanin=TONES[tone]) if same else sample(rng, code, TONES[tone])
            sheet.paste(Image.fromarray(scene.render(size)[0]), (margin + i * (size + gap), top))
    return np.asarray(sheet).copy()
