"""Fitzpatrick17k: clinical photographs of 114 conditions from two atlases, with skin types by two annotators.

Source: Groh et al., "Evaluating Deep Neural Networks Trained on Clinical Images in Dermatology with the Fitzpatrick 17k
Dataset", CVPR Workshops (2021), arXiv:2104.09957. The table is public, the images are not: they are files named by md5
hash, which whoever has them puts beside it. The first annotator's column is fitzpatrick_scale, once fitzpatrick.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.labels import class_code
from cutis.data.readers.base import Facts
from cutis.data.readers.release import Photo, Release, coded
from cutis.schema.classes import ClassInfo
from cutis.schema.vocabulary import FITZPATRICK
from cutis.tables import Row

_BENIGN, _MALIGNANT = "Benign", "Malignant"
_MELANOMA = "Malignant:Malignant melanocytic proliferations (Melanoma)"
# The nine-part label -> (what is true of all its conditions in the vocabulary, malignant, conditions; "=" gives one
# that has a place of its own). Inflammatory conditions and genodermatoses are no neoplasms: the vocabulary has few.
PARTITION: dict[str, tuple[str | None, bool | None, str]] = {
    "inflammatory": (
        None,
        False,
        "acanthosis nigricans|acne|acne vulgaris|acquired autoimmune bullous diseaseherpes gestationis|"
        "allergic contact dermatitis|aplasia cutis|behcets disease|calcinosis cutis|cheilitis|dermatomyositis|"
        "drug eruption|drug induced pigmentary changes|dyshidrotic eczema|eczema|erythema annulare centrifigum|"
        "erythema elevatum diutinum|erythema multiforme|erythema nodosum|factitial dermatitis|fixed eruptions|"
        "folliculitis|granuloma annulare|hidradenitis|"
        "juvenile xanthogranuloma="
        "Benign:Benign soft tissue proliferations - Fibro-histiocytic:Juvenile xanthogranuloma|"
        "keloid|keratosis pilaris|"
        "langerhans cell histiocytosis=Benign:Langerhans cell proliferations:Langerhans cell histiocytosis|"
        "lichen amyloidosis|lichen planus|lichen simplex|livedo reticularis|lupus erythematosus|lupus subacute|"
        "lyme disease|mucinosis|myiasis|necrobiosis lipoidica|nematode infection|neurodermatitis|neurotic excoriations|"
        "neutrophilic dermatoses|papilomatosis confluentes and reticulate|paronychia|pediculosis lids|"
        "perioral dermatitis|photodermatoses|pityriasis lichenoides chronica|pityriasis rosea|pityriasis rubra pilaris|"
        "porphyria|psoriasis|pustular psoriasis|rhinophyma|rosacea|sarcoidosis|scabies|scleroderma|scleromyxedema|"
        "seborrheic dermatitis|stasis edema|stevens johnson syndrome|striae|sun damaged skin|tick bite|tungiasis|"
        "urticaria|urticaria pigmentosa|vitiligo|xanthomas",
    ),
    "genodermatoses": (
        None,
        False,
        "acrodermatitis enteropathica|dariers disease|ehlers danlos syndrome|epidermolysis bullosa|"
        "hailey hailey disease|ichthyosis vulgaris|incontinentia pigmenti|neurofibromatosis|tuberous sclerosis|"
        "xeroderma pigmentosum",
    ),
    "benign dermal": (
        _BENIGN,
        False,
        "becker nevus|dermatofibroma=Benign:Benign soft tissue proliferations - Fibro-histiocytic:Dermatofibroma|"
        "fordyce spots=Benign:Benign adnexal epithelial proliferations - Sebaceous:Fordyce spots|"
        "granuloma pyogenic=Benign:Benign soft tissue proliferations - Vascular:Pyogenic granuloma|"
        "lymphangioma=Benign:Benign soft tissue proliferations - Vascular:Lymphangioma|mucous cyst=Benign:Cysts|"
        "pilar cyst=Benign:Cysts:Trichilemmal or isthmic-catagen or pilar cyst|"
        "pilomatricoma=Benign:Benign adnexal epithelial proliferations - Follicular:Pilomatricoma|"
        "port wine stain=Benign:Benign soft tissue proliferations - Vascular|"
        "pyogenic granuloma=Benign:Benign soft tissue proliferations - Vascular:Pyogenic granuloma|"
        "syringoma=Benign:Benign adnexal epithelial proliferations - Apocrine or Eccrine:Syringoma|"
        "telangiectases=Benign:Benign soft tissue proliferations - Vascular:Telangiectasia",
    ),
    "benign epidermal": (
        _BENIGN,
        False,
        "disseminated actinic porokeratosis=Benign:Benign epidermal proliferations:Porokeratosis|"
        "epidermal nevus=Benign:Benign epidermal proliferations:Epidermal nevus|milia=Benign:Cysts:Milium|"
        "naevus comedonicus=Benign:Benign adnexal epithelial proliferations - Follicular:Nevus comedonicus|"
        "nevus sebaceous of jadassohn=Benign:Benign adnexal epithelial proliferations - Sebaceous:Nevus sebaceus|"
        "porokeratosis actinic=Benign:Benign epidermal proliferations:Porokeratosis|"
        "porokeratosis of mibelli=Benign:Benign epidermal proliferations:Porokeratosis|prurigo nodularis|"
        "seborrheic keratosis=Benign:Benign epidermal proliferations:Seborrheic keratosis",
    ),
    "benign melanocyte": (
        "Benign:Benign melanocytic proliferations:Nevus",
        False,
        "congenital nevus=Benign:Benign melanocytic proliferations:Nevus:Nevus, Congenital|"
        "halo nevus=Benign:Benign melanocytic proliferations:Nevus:Nevus, Halo|nevocytic nevus",
    ),
    "malignant epidermal": (
        _MALIGNANT,
        True,
        "actinic keratosis=Indeterminate:Indeterminate epidermal proliferations:Solar or actinic keratosis|"
        "basal cell carcinoma=Malignant:Malignant adnexal epithelial proliferations - Follicular:Basal cell carcinoma|"
        "basal cell carcinoma morpheiform="
        "Malignant:Malignant adnexal epithelial proliferations - Follicular:Basal cell carcinoma|"
        "solid cystic basal cell carcinoma="
        "Malignant:Malignant adnexal epithelial proliferations - Follicular:Basal cell carcinoma|"
        "squamous cell carcinoma=Malignant:Malignant epidermal proliferations",
    ),
    "malignant melanoma": (
        _MELANOMA,
        True,
        f"lentigo maligna={_MELANOMA}:Melanoma in situ:Melanoma in situ, Lentigo maligna type|malignant melanoma|"
        "melanoma|superficial spreading melanoma ssm",
    ),
    "malignant cutaneous lymphoma": (
        "Malignant:Lymphocytic proliferations - T-Cell/NK:Mycosis fungoides",
        True,
        "mycosis fungoides",
    ),
    "malignant dermal": (
        "Malignant:Malignant soft tissue proliferations - Vascular:Kaposi sarcoma",
        True,
        "kaposi sarcoma",
    ),
}
_NOTES = {
    "actinic keratosis": "The dataset counts it as malignant; the ISIC vocabulary says Indeterminate.",
}


def _classes() -> Iterator[tuple[str, ClassInfo]]:
    for common, malignant, conditions in PARTITION.values():
        for entry in conditions.split("|"):
            name, _, path = entry.partition("=")
            info = ClassInfo(
                code=class_code(name),
                name=name,
                diagnosis=path or common,
                malignant=malignant,
                note=_NOTES.get(name, ""),
            )
            yield name, info


_BY_NAME = dict(sorted(_classes()))
_CODES = {name: info.code for name, info in _BY_NAME.items()}
_TYPES = {cell: kind for n, kind in enumerate(FITZPATRICK, 1) for cell in (f"{n}", f"{n}.0")}
CARD = DatasetCard(
    name="fitzpatrick17k",
    title="Fitzpatrick17k: clinical images of 114 skin conditions with Fitzpatrick skin types",
    source="Groh M. et al. CVPR Workshops (2021), arXiv:2104.09957",
    licence="research-only",
    attribution="Fitzpatrick17k (Groh et al. 2021); images of DermaAmin and Atlas Dermatologico",
    modality="clinical photographs",
    classes=tuple(_BY_NAME.values()),
)


def _rated(cell: str) -> str:
    """The cell, "" for -1, which the annotators write where nobody could say."""
    return "" if cell in ("-1", "-1.0") else cell


def _photos(row: Row, where: str) -> Iterator[Photo]:
    found = {
        "image_id": row["md5hash"] or None,
        **values.of_class(coded(row["label"], _CODES, "label", where), CARD.classes),
        "fitzpatrick_skin_type": _rated(row.get("fitzpatrick_scale", row.get("fitzpatrick", ""))),
        "fitzpatrick_centaur": coded(_rated(row.get("fitzpatrick_centaur", "")), _TYPES, "fitzpatrick_centaur", where),
    }
    if host := urlsplit(row.get("url", "")).hostname:
        found["source"] = host.removeprefix("www.")
    yield Photo(found, stem=row["md5hash"])


READER = Release(
    name="fitzpatrick17k",
    layout="Fitzpatrick17k: fitzpatrick17k.csv beside a folder of images named by their md5hash",
    card=CARD,
    facts=Facts(
        images=16_577,
        labels="114 conditions in 9 and in 3 groups; Fitzpatrick type by two annotators",
        identity="none",
        access="form",
        address="https://github.com/mattgroh/fitzpatrick17k",
        quirks=(
            "the licence of the table is not stated, that of the images is the atlases': research only",
            "the two annotations of skin type (fitzpatrick_skin_type, fitzpatrick_centaur) disagree often",
            "labels are the atlases', not confirmed; of 504 that were checked (qc) 17 are wrong",
            "no patient or lesion ids, and duplicates among the images: split by near-duplicate cluster",
            "source is the atlas, by the image's address",
        ),
    ),
    tables=("fitzpatrick17k*.csv",),
    needs=("md5hash", "fitzpatrick_scale|fitzpatrick", "label", "nine_partition_label", "three_partition_label"),
    photos=_photos,
    used=("md5hash", "fitzpatrick_scale", "fitzpatrick", "fitzpatrick_centaur", "label"),
).reader()
