"""From a scene to a photograph and its truth.

Skin and lesions are drawn as amounts of pigment, blood and covering material; the optics' table turns amounts into
linear light; what lies on the skin, the lamp and the camera come last.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cutis.errors import CutisError
from cutis.phantom.artefacts import lay_artefacts
from cutis.phantom.layers import Layers
from cutis.phantom.lesion.checklists import scores
from cutis.phantom.lesion.draw import draw_lesion
from cutis.phantom.optics.table import skin_ita, skin_table
from cutis.phantom.photograph import photograph
from cutis.phantom.skin.surface import draw_skin
from cutis.phantom.truth import Truth
from cutis.phantom.view import View

if TYPE_CHECKING:
    from cutis.phantom.scene import Scene


@cache
def _keep_memory() -> None:
    """Teach glibc to keep freed planes instead of giving them back to the system after each: a tenth of the time.

    Its limits follow the largest block that was freed, up to 32 MiB. The block isn't touched, so it takes no memory.
    """
    np.empty(2**25 - 2**16, np.uint8)


def render(scene: Scene, size: int = 256) -> tuple[NDArray[np.uint8], Truth]:
    """Photograph `scene`: ((size, size, 3) uint8 sRGB, Truth). The same scene and size give the same bytes.

    Raises CutisError if size is not in 16..4096.
    """
    if not 16 <= size <= 4096:
        raise CutisError(f"phantom: size {size} is not in 16..4096 pixels.")
    _keep_memory()
    skin, camera = scene.skin, scene.camera
    view = View(camera, size)
    layers = Layers.plain(size, skin.melanin, skin.blood)
    layers.masks["lesion"] = np.zeros((size, size), bool)
    draw_skin(view, skin, layers)
    boxes = [box for lesion in scene.lesions if (box := draw_lesion(camera, size, lesion, layers)) is not None]
    table = skin_table(skin.oxygenation, camera.illuminant)
    light = layers.paint(table.linear_rgb(layers.melanin, layers.blood, layers.deep))
    light = lay_artefacts(view, scene.artefacts, light, layers)
    image = photograph(view, camera, light, layers)
    masks = {kind: mask for kind, mask in layers.masks.items() if kind == "lesion" or mask.any()}
    lesion = scene.lesion
    concepts = {s.kind: s.strength for s in lesion.structures if s.kind in masks} if lesion else {}
    return image, Truth(
        masks, boxes, concepts, scores(lesion, skin) if lesion else {}, skin_ita(skin.melanin, skin.blood)
    )
