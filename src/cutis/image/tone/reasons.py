"""Why a skin tone isn't estimated, or what must be known of one: by code, in words, and read back from them."""

from __future__ import annotations

from cutis.image.coded import Templates

TONE_REASONS = Templates(
    {
        "no_mask": "no lesion mask: the picture's border was taken for skin",
        "needs_mask": "needs a lesion mask",
        "all_lesion": "all lesion: {pixels} pixels lie outside it and its margin",
        "lesion_everywhere": "all lesion: no pixel lies outside it",
        "hair": "all hair or structure: {share:.0f} % of what isn't lesion",
        "glare": "all glare: {share:.0f} % of what isn't lesion",
        "black": "all black: {share:.0f} % of what isn't lesion",
        "ink": "all ink or a blue cast: {share:.0f} % of what isn't lesion",
        "pelt": "all hair or structure: what is left is near black (L* {light:.0f})",
        "few_pixels": "too few skin pixels: {found} of {whole}",
        "all_black": "all black",
        "no_skin_colour": "no skin-coloured pixel",
        "no_angle": "grey of L* 50 has no angle",
        "small": "too small a picture for patches of 8 pixels",
        "grey": "cast: skin is grey (chroma {chroma:.1f}, skin has {least:.0f} and more)",
        "hue": "cast: skin's hue is {hue:.0f} degrees, outside {low:.0f} to {high:.0f}",
        "chroma": "cast: skin's chroma is {chroma:.0f}, above {most:.0f}",
    }
)
