"""Skin tone of a photograph: `estimate_tone`, the published ways to do it (`METHODS`) and their classes
(`THRESHOLDS`)."""

from cutis.image.tone.contrast import Contrast, contrast
from cutis.image.tone.estimate import ToneEstimate, estimate_tone, estimate_tones
from cutis.image.tone.ita import METHODS
from cutis.image.tone.monk import nearest_monk
from cutis.image.tone.skin_pixels import Photo
from cutis.image.tone.thresholds import THRESHOLDS, thresholds

__all__ = [
    "METHODS",
    "THRESHOLDS",
    "Contrast",
    "Photo",
    "ToneEstimate",
    "contrast",
    "estimate_tone",
    "estimate_tones",
    "nearest_monk",
    "thresholds",
]
