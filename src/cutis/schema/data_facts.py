"""What there is in datasets, counted: what the data page is made of, beside the findings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from cutis.schema.classes import ClassInfo


class Bar(BaseModel):
    """One value and how many images have it."""

    model_config = ConfigDict(frozen=True)
    name: str
    images: int


class Distribution(BaseModel):
    """How images spread over the values of one attribute; `unknown` is how many have none."""

    model_config = ConfigDict(frozen=True)
    title: str
    bars: tuple[Bar, ...]
    unknown: int


class ClassFacts(BaseModel):
    """A class, its images and groups (patients or lesions), and the share confirmed by histopathology, if said."""

    model_config = ConfigDict(frozen=True)
    info: ClassInfo
    images: int
    groups: int
    pathology: float | None = None


class ArtefactCount(BaseModel):
    """How many images, in all and of each class, show something that isn't the skin's (name "hair"); "": were looked
    at.
    """

    model_config = ConfigDict(frozen=True)
    name: str
    images: int
    classes: dict[str, int]


class DatasetFacts(BaseModel):
    """One dataset, counted. unit: what a group is. licence: the composed answer; attribution: whom to name.

    artefacts: the first counts the images looked at; empty if the pictures were not.
    """

    model_config = ConfigDict(frozen=True)
    name: str
    title: str = ""
    version: str = ""
    source: str = ""
    modality: str = ""
    licence: str
    attribution: tuple[str, ...] = ()
    digest: str = ""
    counts: dict[str, int]
    unit: str
    groups: int
    classes: tuple[ClassFacts, ...]
    distributions: tuple[Distribution, ...]
    artefacts: tuple[ArtefactCount, ...] = ()
    notes: tuple[str, ...] = ()


class DataFacts(BaseModel):
    """All that a data page counts. created: ISO 8601, UTC."""

    model_config = ConfigDict(frozen=True)
    cutis: str
    created: str
    datasets: tuple[DatasetFacts, ...]
