"""What every report of a case is made of: the case, the cards of the bundles that answered, the language, the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from cutis.bundle.card import BundleCard
from cutis.schema.classes import ClassInfo
from cutis.schema.performance import Performance
from cutis.serve.clinical.triage import triage
from cutis.serve.promises import Promise, promise
from cutis.serve.store.tables import Answer, Case, Photograph, Reading
from cutis.serve.words import Words


@dataclass(frozen=True)
class Material:
    """A case with its photographs, answers and readings loaded. cards: by digest, of the bundles that are still served;
    measured: what was measured of them. made: when the report is."""

    case: Case
    cards: Mapping[str, BundleCard]
    words: Words
    made: datetime
    measured: Mapping[str, Sequence[Performance]] = MappingProxyType({})

    @property
    def answers(self) -> list[tuple[Photograph, Answer]]:
        """Each photograph that was answered, with its latest answer."""
        return [(photograph, photograph.answers[-1]) for photograph in self.case.photographs if photograph.answers]

    @property
    def signed(self) -> Reading | None:
        """The reading that counts: the last one signed."""
        return next((r for r in reversed(self.case.readings) if r.kind == "signed"), None)

    @property
    def blind(self) -> list[Reading]:
        return [r for r in self.case.readings if r.kind == "blind"]

    @property
    def digests(self) -> list[str]:
        """Of the bundles that answered, each once."""
        return list(dict.fromkeys(answer.bundle for _, answer in self.answers))

    @property
    def reasons(self) -> set[str]:
        """Codes of `triage.REASONS` from history and answers, whatever the queue was allowed to know."""
        found = set(triage(self.case.symptoms, [], [])[1])
        for _, answer in self.answers:
            found |= set(triage({}, [answer], list(self.classes(answer.bundle).values()))[1])
        return found

    def classes(self, bundle: str) -> dict[str, ClassInfo]:
        card = self.cards.get(bundle)
        return {c.code: c for c in card.classes} if card else {}

    def named(self, diagnosis: str) -> str:
        """A class's name for its code, of the bundles that answered, in the report's language; other words as they
        are."""
        for digest in self.digests:
            if diagnosis in (of := self.classes(digest)):
                return self.words.class_name(of[diagnosis].name)
        return diagnosis

    def promise(self, bundle: str, kind: str | None = None) -> Promise:
        """What this bundle's sets promise of a picture of that kind, and on what that rests."""
        return promise(self.words, self.cards.get(bundle), self.measured.get(bundle, ()), kind)
