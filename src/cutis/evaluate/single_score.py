"""A single score a row: which of two classes it is of, by its column's name where that is plain, else refused.

A column called p_benign or prob_nv ranks malignant lesions last: taken as the score of malignancy it would be measured
upside down. So the names of both columns are read, and a score's direction is never a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cutis.errors import CutisError, nearest
from cutis.evaluate.columns import TARGETS
from cutis.evaluate.sides import COUNTED, NO, NOT, WELL, YES, class_word, is_class, is_general, place, side_of
from cutis.tables import folded

SIDES = ("benign", "malignant")


@dataclass(frozen=True)
class Direction:
    """names: of the two classes. number: a label as written -> which of them it means. scored: which of them the score
    is of. one: which of them a truth of 1 means; None if it isn't written so. custom: whether only custom says that.
    """

    names: tuple[str, str]
    number: dict[str, int]
    scored: int
    one: int | None = None
    custom: bool = False


def direction(labels: Sequence[str], truth: str, score: str, where: str, score_is: str | None = None) -> Direction:
    """The direction of a single score.

    labels: what the truth's column `truth` holds, stripped, without what says nothing. score: the score's column.
    score_is: the class that the user says it is of: a label, or "malignant" or "benign". Raises CutisError where the
    names don't say it, with the option that does.
    """
    words = {folded(label) for label in labels}
    sided = all(w in YES | NO or is_general(w) for w in words)
    found = _two_sides(labels, words, truth) if sided else _two_names(labels, truth, score, where)
    if score_is is not None:
        return replace(found, scored=_said(score_is, found, where))
    scored = _named(class_word(score), found)
    if scored is None:
        shown = sorted(labels)
        a, b = (shown[0], shown[-1]) if len(shown) > 1 else found.names
        raise CutisError(
            f"{where}: column {score} is a single score, but column {truth} holds {', '.join(shown[:6])}: which of "
            f"them it is the score of is not known. Say it with --score-is {a} or --score-is {b}; or write one column "
            "per class (p_<class>)."
        )
    return replace(found, scored=scored)


def _two_sides(labels: Sequence[str], words: set[str], truth: str) -> Direction:
    """The classes of a truth of 0 and 1, or of benign and malignant: of the truth's own name where it names one."""
    word = class_word(truth)
    named = folded(truth) not in TARGETS and is_class(word)
    names, one = SIDES, 1
    if named and is_general(word):
        one = int(bool(side_of(word)))
    elif named and words <= YES | NO:
        names = (f"not {word}", word)
    number = {}
    for label in labels:
        plain = folded(label)
        number[label] = int(bool(side_of(plain))) if is_general(plain) else one if plain in YES else 1 - one
    bare = bool(words & (YES | NO))
    return Direction(names, number, 1, one if bare else None, custom=bare and not named)


def _two_names(labels: Sequence[str], truth: str, score: str, where: str) -> Direction:
    """The classes of a truth of two diagnoses, the malignant one last."""
    if len(labels) != 2:
        raise CutisError(
            f"{where}: column {score} is a single score, but column {truth} holds {', '.join(sorted(labels)[:6])}: "
            "expected two classes there, or 1 and 0. Write one column per class (p_<class>)."
        )
    one, two = sorted(labels)
    if side_of(one) is True and side_of(two) is not True:
        one, two = two, one
    return Direction((one, two), {one: 0, two: 1}, 1)


def _said(score_is: str, found: Direction, where: str) -> int:
    plain = folded(score_is)
    known = {folded(label): k for label, k in found.number.items()}
    known |= {folded(name): k for k, name in enumerate(found.names)}
    scored = known.get(plain)
    if scored is None and (is_general(plain) or plain in YES | NO):
        scored = _named(plain, replace(found, custom=False))
    if scored is None:
        valid = sorted({*found.number, *found.names})
        raise CutisError(f'{where}: --score-is "{score_is}": {nearest(score_is, valid)}')
    return scored


def _named(word: str, found: Direction) -> int | None:
    """Which class a score's column is of, by the word in its name; None where that doesn't say it.

    A word that is no class ("score", the name of a model) says nothing: the score is then that of a truth of 1, or of
    the malignant class.
    """
    names, sides = found.names, [side_of(name) for name in found.names]
    known = {folded(label): k for label, k in found.number.items()}
    if word in known:
        return known[word]
    counted = COUNTED.fullmatch(word)
    word = counted[1] if counted else word
    if word in known:
        return known[word]
    if word in YES | NO:
        one = found.one if found.one is not None else 1 if sides[1] is True and sides[0] is not True else None
        return None if one is None else one if word in YES else 1 - one
    if counted:
        return None
    if word in WELL:
        word = "benign"
    negated = NOT.fullmatch(word)
    if negated and not is_general(word):
        other = _named(negated[1], found) if is_class(negated[1]) else None
        return None if other is None else 1 - other
    if not is_class(word):
        positive = sides[1] is True and sides[0] is not True if found.one is None else found.one == 1
        return 1 if positive else None
    if found.custom:
        return 1 if side_of(word) is True else None
    same = [k for k, n in enumerate(names) if word == folded(n) or (place(word) and place(word) == place(n))]
    if same:
        return same[0]
    if is_general(word) or names == SIDES:
        on = [k for k, side in enumerate(sides) if side is not None and side is side_of(word)]
        return on[0] if len(on) == 1 else None
    return None
