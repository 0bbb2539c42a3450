"""Names that scenes use: dermoscopic structures, artefacts, skin sites.

Structures are named as ISIC 2018's attributes and the third consensus on dermoscopy (Kittler et al., JAAD 2016) name
them; regular or irregular, typical or atypical is a number of the structure (`Structure.irregularity`).
"""

from __future__ import annotations

SITES = ("body", "face", "scalp", "acral")

# kind -> words for people
STRUCTURES = {
    "pigment_network": "pigment network",
    "negative_network": "negative network",
    "dots": "dots",
    "globules": "globules",
    "streaks": "streaks and pseudopods",
    "blue_whitish_veil": "blue-whitish veil",
    "regression": "regression (white scar-like area, blue-grey peppering)",
    "blotch": "blotch",
    "shiny_white_lines": "shiny white lines",
    "milia_like_cysts": "milia-like cysts",
    "comedo_like_openings": "comedo-like openings",
    "ridges": "fissures and ridges",
    "leaf_like_areas": "leaf-like areas",
    "ovoid_nests": "blue-grey ovoid nests",
    "ulceration": "ulceration",
    "scale": "scale",
    "central_white_patch": "central white patch",
    "strawberry_pattern": "strawberry pattern (red pseudonetwork)",
    "arborising_vessels": "arborising vessels",
    "dotted_vessels": "dotted vessels",
    "irregular_vessels": "linear irregular vessels",
    "glomerular_vessels": "glomerular vessels",
    "lacunae": "red and purple lacunae",
}

ARTEFACTS = {
    "hair": "hair",
    "ruler": "ruler",
    "ink": "ink mark",
    "colour_patch": "colour patch",
    "sticker": "sticker",
}
