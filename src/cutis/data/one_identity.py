"""Several datasets' ids as one set of ids: the same image once, and no two people's ids confused or kept apart.

image_id    the same bytes, or one id of the ISIC Archive, in two datasets are one image. Other ids that clash get the
            dataset's name before them.
lesion_id,  ids that are issued for the whole field (the ISIC Archive's, HAM10000's, BCN20000's, MSK's) keep their
patient_id  names; all others get the dataset's name before them, since "12" means someone else elsewhere. Where one
            image carries two names of one lesion or patient, the first is used throughout.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

GLOBAL_IMAGE = r"(ISIC_\d{7})(_downsampled)?"
GLOBAL_ID = re.compile(r"(IL|IP|HAM|BCN|MSK\d?)_\d{7}")


def same_images(parts: Sequence[int], ids: Sequence[str], digests: Sequence[str | None]) -> list[list[int]]:
    """Rows grouped by image, in order of first appearance. parts: number of each row's dataset, ascending.

    Rows of one dataset are never put together: what a dataset holds twice is its own affair (cutis lint says so).
    """
    by_key: dict[str, int] = {}  # what names an image -> its group
    groups: list[list[int]] = []
    new: list[tuple[str, int]] = []  # keys of the dataset being read; they count from the next one on
    reading = -1
    for row, (part, image_id, digest) in enumerate(zip(parts, ids, digests, strict=True)):
        if part != reading:
            for key, group in new:
                by_key.setdefault(key, group)
            new, reading = [], part
        archive = re.fullmatch(GLOBAL_IMAGE, image_id, re.IGNORECASE)
        keys = [k for k in (digest, archive and archive[1].upper()) if k]
        found = next((by_key[k] for k in keys if k in by_key), None)
        if found is None:
            found = len(groups)
            groups.append([])
        groups[found].append(row)
        new += [(k, found) for k in keys]
    return groups


def distinct_ids(names: Sequence[str], ids: Sequence[str]) -> tuple[list[str], int]:
    """Ids made distinct (case doesn't count) by putting the dataset's name before those that clash; and how many."""
    folded = [i.casefold() for i in ids]
    seen = Counter(folded)
    made = [f"{n}-{i}" if seen[f] > 1 else i for n, i, f in zip(names, ids, folded, strict=True)]
    return made, sum(seen[f] > 1 for f in folded)


def own_space(name: str, ids: Iterable[str | None]) -> list[str | None]:
    """Lesion or patient ids with the dataset's `name` before those that are not the whole field's, which are in
    capitals."""
    return [i if i is None else i.upper() if GLOBAL_ID.fullmatch(i.upper()) else f"{name}:{i}" for i in ids]


def one_name_each(
    groups: Sequence[Sequence[int]], lesions: list[str | None], patients: list[str | None]
) -> tuple[list[str | None], list[str | None], int]:
    """(lesions, patients) after what is known to be one has one name; and how many names went.

    Rows of one group (one image) share a lesion and a patient, also where only some of them say which; rows of one
    lesion share a patient.
    """
    lesion_names, patient_names = _Names(lesions), _Names(patients)
    for group in groups:
        if len(group) > 1:
            lesion_names.join([lesions[r] for r in group])
            patient_names.join([patients[r] for r in group])
    lesions = [lesion_names.name(i) for i in lesions]
    for group in groups:
        if len(group) > 1:
            _fill(group, lesions)
            _fill(group, patients)
    owners: dict[str, list[str | None]] = {}
    for lesion, patient in zip(lesions, patients, strict=True):
        if lesion is not None and patient is not None:
            owners.setdefault(lesion, []).append(patient)
    for of_lesion in owners.values():
        patient_names.join(of_lesion)
    return lesions, [patient_names.name(i) for i in patients], lesion_names.joined + patient_names.joined


def _fill(group: Sequence[int], ids: list[str | None]) -> None:
    known = next((ids[r] for r in group if ids[r] is not None), None)
    for row in group:
        ids[row] = ids[row] if ids[row] is not None else known


class _Names:
    """Names joined to the one among them that appeared first (union-find)."""

    def __init__(self, ids: Iterable[str | None]) -> None:
        self._order = {i: n for n, i in enumerate(dict.fromkeys(i for i in ids if i is not None))}
        self._parent: dict[str, str] = {}
        self.joined = 0

    def name(self, one: str | None) -> str | None:
        return None if one is None else self._find(one)

    def _find(self, one: str) -> str:
        while one in self._parent:
            one = self._parent[one]
        return one

    def join(self, ids: Iterable[str | None]) -> None:
        roots = sorted({self._find(i) for i in ids if i is not None}, key=self._order.__getitem__)
        for other in roots[1:]:
            self._parent[other] = roots[0]
            self.joined += 1
