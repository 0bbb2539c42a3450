"""The one error users see, and the nearest valid value for its message."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class CutisError(Exception):
    """Bad input or an impossible request, in one line: what, where, what was expected, and the remedy.

    The command line prints it without a traceback and exits with 2.
    """


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in work that leaves something to go on from; the words say what is left, and how to go on.

    The command line prints them in place of its own line, and exits with 130.
    """


def nearest(value: object, choices: Iterable[str], most: int = 12) -> str:
    """Words for an error message: the valid value closest to `value`, or the choices if none is close.

    >>> nearest("mell", ["mel", "nv"])
    'did you mean "mel"?'
    >>> nearest("xyz", ["mel", "nv"])
    'valid: mel, nv'
    """
    options = [str(c) for c in choices]
    folded = {o.casefold(): o for o in reversed(options)}
    close = get_close_matches(str(value).casefold(), list(folded), n=1, cutoff=0.6)
    if close:
        return f'did you mean "{folded[close[0]]}"?'
    more = f", ... ({len(options)} in all)" if len(options) > most else ""
    return "valid: " + ", ".join(options[:most]) + more
