"""pydicom's warnings of odd headers: they name files and values, so they're kept off the terminal."""

from __future__ import annotations

import warnings


def quiet() -> None:
    """Ignore what pydicom warns of. A filter, as `warnings.catch_warnings` isn't for several threads."""
    warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom\.")
    # GDCM's wrapper, made with SWIG, on Python 3.12.
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*[Ss]wig.*")
