"""docs/pictures/shifts.jpg: one ISIC 2017 photograph (CC0) under every shift of the suite skin.

    python benchmarks/shift_sheet.py [--image ISIC_0000089] [--seed 5]

Each shift: the unchanged photograph, then severities 1, 3 and 5.
"""

from __future__ import annotations

import argparse

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common import ROOT, SHARED
from cutis.audit.suites import find_corruptions
from cutis.image.corruptions import generator
from cutis.image.decode import read_square

SIDE, TILE, GAP, HEAD, COLUMNS = 224, 124, 4, 20, 2
SHOWN = (1, 3, 5)
PAPER, INK = (255, 255, 255), (40, 40, 44)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", default="ISIC_0000089")
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    file = next((SHARED / "isic2017").rglob(f"{given.image}.jpg"))
    photo = read_square(file, SIDE)
    shifts = find_corruptions("skin")
    block = (1 + len(SHOWN)) * (TILE + GAP) + 3 * GAP
    rows = -(-len(shifts) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * block - 3 * GAP, rows * (HEAD + TILE + GAP)), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for k, one in enumerate(shifts):
        left, top = k // rows * block, k % rows * (HEAD + TILE + GAP)
        values = ", ".join(f"{one.value(s):g}" for s in SHOWN)
        draw.text((left, top + HEAD / 2), f"{one.name.replace('_', ' ')}: {values} {one.unit}", INK, font, anchor="lm")
        tiles = [photo, *(one.apply(photo, s, generator(given.seed, given.image, one.name)) for s in SHOWN)]
        for i, tile in enumerate(tiles):
            small = Image.fromarray(np.asarray(tile)).resize((TILE, TILE), Image.Resampling.LANCZOS)
            sheet.paste(small, (left + i * (TILE + GAP), top + HEAD))
    out = ROOT / "docs" / "pictures" / "shifts.jpg"
    sheet.save(out, quality=85, optimize=True)
    print(f"{out.relative_to(ROOT)}: {out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
