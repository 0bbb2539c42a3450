"""SkinCAP: captions, diseases and SkinCon concepts for 4,000 images of Fitzpatrick17k and DDI.

Source: Zhou et al., "SkinCAP: a multi-modal dermatology dataset annotated with rich medical captions",
arXiv:2405.18004 (2024). Concepts: Daneshjou et al., "SkinCon", NeurIPS Datasets and Benchmarks (2022).
"""

from __future__ import annotations

from collections.abc import Iterator

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.labels import class_info
from cutis.data.readers.base import UNTESTED, Facts
from cutis.data.readers.ddi import tone_group
from cutis.data.readers.release import Photo, Release, stem
from cutis.errors import CutisError
from cutis.tables import Row

CARD = DatasetCard(
    name="skincap",
    title="SkinCAP: medical captions",
    source="Zhou J. et al. arXiv:2405.18004 (2024)",
    licence="research-only",
    attribution="SkinCAP, Zhou et al., arXiv:2405.18004; images of Fitzpatrick17k and DDI under their own terms",
    modality="clinical photographs",
    classes=(),
)
# SkinCon's 48 concepts, as its table names them.
CONCEPTS = (
    *("Vesicle", "Papule", "Macule", "Plaque", "Abscess", "Pustule", "Bulla", "Patch", "Nodule", "Ulcer", "Crust"),
    *("Erosion", "Excoriation", "Atrophy", "Exudate", "Purpura/Petechiae", "Fissure", "Induration", "Xerosis"),
    *("Telangiectasia", "Scale", "Scar", "Friable", "Sclerosis", "Pedunculated", "Exophytic/Fungating"),
    *("Warty/Papillomatous", "Dome-shaped", "Flat topped", "Brown(Hyperpigmentation)", "Translucent"),
    *("White(Hypopigmentation)", "Purple", "Yellow", "Black", "Erythema", "Comedo", "Lichenification", "Blue"),
    *("Umbilicated", "Poikiloderma", "Salmon", "Wheal", "Acuminate", "Burrow", "Gray", "Pigmented", "Cyst"),
)
CAPTIONS = ("caption_en", "caption_zh_polish_en")


def _concepts(row: Row, where: str) -> list[dict[str, str | float]] | None:
    found: list[dict[str, str | float]] = []
    for concept in CONCEPTS:
        cell = values.known(row.get(concept))
        if cell is None:
            continue
        if cell not in ("0", "1", "0.0", "1.0"):
            raise CutisError(f'{where}: {concept} "{cell}": expected 0 or 1. Leave the cell empty if unknown.')
        found.append({"concept": concept, "value": float(cell)})
    return found or None


def _photos(row: Row, where: str) -> Iterator[Photo]:
    disease = values.known(row["disease"])
    file = row["skincap_file_path"]
    source = values.known(row.get("source"))  # fitzpatrick17k or ddi
    scale, tone = row.get("fitzpatrick_scale", ""), row.get("skin_tone", "")
    yield Photo(
        {
            "image_id": stem(file),
            **({"source": source} if source else {}),
            "caption": next((c for name in CAPTIONS if (c := values.known(row.get(name)))), None),
            "concepts": _concepts(row, where),
            "fitzpatrick_skin_type": "" if scale in ("-1", "-1.0") else scale,
            "skin_tone_group": tone_group(tone, where),
        },
        file=f"skincap/{file}",
        named=class_info(disease.replace("-", " ")) if disease else None,
    )


READER = Release(
    name="skincap",
    layout="SkinCAP: skincap_*.csv beside skincap/",
    card=CARD,
    facts=Facts(
        images=4_000,
        labels="captions; 178 diseases; 48 concepts",
        identity="none",
        access="account",
        address="https://huggingface.co/datasets/joshuachou/SkinCAP",
        quirks=(
            UNTESTED,
            "every image is one of Fitzpatrick17k or DDI (ori_file_path says which): never test on one what was "
            "trained on the other",
            "diseases are kept as spelled: 187 spellings for about 178 diseases",
            'rows marked "Do not consider this image" are kept, with that column',
            "captions were written in Chinese and translated; licences of the card, the access form and the two "
            "sources differ: the strictest is stated",
        ),
    ),
    tables=("skincap_*.csv",),
    needs=("skincap_file_path", "disease", "|".join(CAPTIONS)),
    photos=_photos,
    used=("", "source", "skincap_file_path", *CAPTIONS, "fitzpatrick_scale", "skin_tone", *CONCEPTS),
).reader()
