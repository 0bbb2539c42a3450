"""Is the light neutral enough for a skin tone to mean anything?

Without a white patch the light can only be judged by the skin itself: all human skin, seen under D65, has a hue between
red and yellow and a moderate chroma (Xiao et al., Skin Res Technol 23:21, 2017: hue about 35 to 75 degrees, chroma
about 10 to 30). Dermoscopes shift it, so the bounds here are wide: what lies outside is a cast, or isn't skin.
"""

from __future__ import annotations

import numpy as np

from cutis.image import colour
from cutis.image.tone.reasons import TONE_REASONS

HUE = (5.0, 95.0)  # degrees
CHROMA = (3.0, 55.0)


def cast(lab: np.ndarray) -> str:
    """Why a skin colour, CIELAB (3,), can't be skin under neutral light, or ""."""
    hue = float(colour.hue_angle(lab))
    chroma = float(np.hypot(lab[1], lab[2]))
    if chroma < CHROMA[0]:
        return TONE_REASONS.say("grey", chroma=chroma, least=CHROMA[0])
    if not HUE[0] <= hue <= HUE[1]:
        return TONE_REASONS.say("hue", hue=hue, low=HUE[0], high=HUE[1])
    if chroma > CHROMA[1]:
        return TONE_REASONS.say("chroma", chroma=chroma, most=CHROMA[1])
    return ""
