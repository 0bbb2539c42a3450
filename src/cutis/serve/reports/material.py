"""What every report of a case is made of: the case, the cards of the bundles that answered, the language, the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cutis.bundle.card import BundleCard
from cutis.schema.classes import ClassInfo
from cutis.serve.clinical.triage import triage
from cutis.serve.store.tables import Answer, Case, Photograph, Reading
from cutis.serve.words import Words


@dataclass(frozen=True)
class Material:
    """A case with its photographs, answers and readings loaded. cards: by digest, of the bundles that are still served.
    made: when the report is."""

    case: Case
    cards: Mapping[str, BundleCard]
    words: Words
    made: datetime

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
        """A class's name for its code, of the bundles that answered; other words as they are."""
        for digest in self.digests:
            if diagnosis in (of := self.classes(digest)):
                return of[diagnosis].name
        return diagnosis

    def coverage(self, bundle: str) -> str:
        """The promise of this bundle's sets in words; what is said if it makes none or isn't served any more."""
        card = self.cards.get(bundle)
        rule = card.conformal if card else None
        return self.words.coverage(rule.coverage) if rule else self.words.t("answer.no_coverage")
