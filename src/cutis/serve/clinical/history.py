"""What is asked of the history: yes-no facts by name. Their words are `symptom.<name>` of `cutis.serve.words`."""

from __future__ import annotations

from collections.abc import Mapping

# Name -> group, whose words are `symptom_group.<group>`; in the order in which they are asked.
SYMPTOMS: dict[str, str] = {
    "new": "change",
    "grew": "change",
    "changed_shape": "change",
    "changed_colour": "change",
    "rapid_change": "change",
    "bleeding": "look",
    "ulcer": "look",
    "oozing": "look",
    "inflamed": "look",
    "itch": "look",
    "pain": "look",
    "over_6_mm": "look",
    "raised": "look",
    "firm": "look",
    "nail_band": "look",
    "worries": "risk",
    "melanoma_before": "risk",
    "melanoma_family": "risk",
    "immunosuppressed": "risk",
}
CHANGES = frozenset({"grew", "changed_shape", "changed_colour", "rapid_change"})


def present(symptoms: Mapping[str, bool]) -> frozenset[str]:
    """The symptoms that were answered with yes. What wasn't asked is absent, or None."""
    return frozenset(name for name, there in symptoms.items() if there)
