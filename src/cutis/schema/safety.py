"""The safety wording, once for every page, report and answer, by language."""

from __future__ import annotations

from dataclasses import dataclass

from cutis.errors import CutisError, nearest


@dataclass(frozen=True)
class Safety:
    """title: to be set in bold. text: the rest of it. tested: where to read what the model was tested on.
    infection: what a page must say beside answers that may be contagious."""

    title: str
    text: str
    tested: str
    infection: str

    @property
    def whole(self) -> str:
        """Title and text as one line, for programs and plain text."""
        return f"{self.title} {self.text}"


SAFETY = {
    "en": Safety(
        title="Not a diagnosis.",
        text="Research use only; not a medical device. It cannot rule out skin cancer. A spot that is new, changing, "
        "bleeding, painful or worrying should be seen by a clinician, whatever a model says.",
        tested="Picture quality, skin tones and conditions that the model was tested on: see its card.",
        infection="If an infection such as mpox is possible: keep apart from others, cover the rash, and call the "
        "local health service before coming in.",
    ),
    "de": Safety(
        title="Keine Diagnose.",
        text="Nur für die Forschung; kein Medizinprodukt. Hautkrebs lässt sich damit nicht ausschließen. Ein Fleck, "
        "der neu ist, sich verändert, blutet, schmerzt oder Sorgen macht, gehört ärztlich untersucht, was auch immer "
        "ein Modell dazu sagt.",
        tested="Bildqualität, Hauttöne und Erkrankungen, an denen das Modell geprüft wurde: siehe seine Karte.",
        infection="Wenn eine Infektion wie Mpox möglich ist: Abstand zu anderen halten, den Ausschlag bedecken und vor "
        "einem Besuch das Gesundheitsamt oder die Praxis anrufen.",
    ),
}


def safety(language: str = "en") -> Safety:
    """The wording in one of the languages of `SAFETY`. Raises CutisError, naming the nearest, for another."""
    if language not in SAFETY:
        raise CutisError(f'language "{language}": {nearest(language, SAFETY)}')
    return SAFETY[language]
