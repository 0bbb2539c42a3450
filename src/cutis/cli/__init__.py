"""The command line: thin commands, one file each; bad input is one line on stderr and exit code 2.

Exit codes: 0 done; 1 done, but some images could not be read; 2 bad input, nothing kept; 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from cutis import __version__
from cutis.errors import CutisError, Interrupted

if TYPE_CHECKING:
    from cyclopts import App, Token

ABOUT = "Skin-image AI whose behaviour is known: how accurate, for whom, when it refuses, and why."
COMMANDS = {
    "demo": "The whole job, offline, from nothing: data, split, training, bundle, predictions, report.",
    "phantom": "Make synthetic skin whose truth is known: a dataset, or a contact sheet.",
    "import": "Turn a folder of images, a CSV or a public release into a dataset.",
    "deidentify": "Keep the pixels of images and DICOM files, and remove what says whose they are.",
    "datasets": "List the public datasets that can be imported: what they hold, their identity, licence and access.",
    "download": "Fetch a public dataset that is openly downloadable, resumed and checked.",
    "merge": "Make one dataset of several, on one level of the ISIC hierarchy, and say what is lost.",
    "check": "Write the data report: one page with every doubt about a dataset, and its findings as a table.",
    "columns": "Add columns of a table to a dataset's manifest, to group, audit and learn by.",
    "lint": "Look for leaks inside a dataset's split and between datasets; exit 1 on any.",
    "export": "Write a dataset in another layout: isic, csv, coco, webdataset or dicom.",
    "split": "Split a dataset so that no patient or lesion is in two parts, and prove it.",
    "train": "Train on a dataset's split and freeze the result as a bundle.",
    "predict": "Run a bundle on images or a dataset: calibrated sets, refusals, one row an image.",
    "evaluate": "Measure a predictions file, with intervals, and write the report.",
    "audit": "Measure a bundle in every way there is the data for, and write one dossier.",
    "compare": "Compare two predictions files of the same images: paired differences with intervals, per group.",
    "rank": "Rank bundles that are equally accurate by what an attack or a shift takes from them.",
    "evaluate-masks": "Measure predicted lesion masks against true ones, with intervals, overall and by group.",
    "calibrate": "Fit other probabilities or answer sets on a validation part, as a new bundle.",
    "certify": "Measure a reduced precision against fp32, group by group, and allow it if it costs little.",
    "tone": "Estimate skin tone and lesion contrast in every published way, and how far the ways agree.",
    "corrupt": "Write a dataset's images under a suite of shifts, as a dataset to predict and evaluate.",
    "serve": "Open the workbench: an HTTP API and a web page where cases are read.",
    "account": "Make, list and change the accounts of a workbench.",
    "audit-log": "Check that the workbench's audit trail is whole, or write it as JSON lines.",
    "papers": "Published mechanisms: what each claims, and its claim put to the test again.",
    "info": "Say what a dataset, bundle, run, predictions file or report is.",
    "doctor": "Check the installation, the machine and a dataset: PASS, WARN or FAIL, with the fix.",
}


def build_app() -> App:
    """The app, with every command loaded only when it is called."""
    from cyclopts import App, Parameter

    app = App(
        name="cutis",
        help=ABOUT,
        version=__version__,
        default_parameter=Parameter(converter=_converted),
        help_format="plaintext",
        suppress_keyboard_interrupt=False,  # it would exit without a word
    )
    for name, words in COMMANDS.items():
        where = name.replace("-", "_")
        app.command(f"cutis.cli.{where}_:{where}_", name=name, help=words)
    return app


def _converted(kind: Any, tokens: Sequence[Token]) -> Any:
    """As cyclopts does, but that it rounds 1.5 where a whole number is asked for, and takes "" for this folder."""
    from cyclopts import convert

    kinds = (kind, *get_args(kind))
    if int in kinds and float not in kinds:
        for token in tokens:
            if "." in token.value and not float(token.value).is_integer():
                raise ValueError(f"{token.value} is not a whole number.")
    if Path in kinds and any(not token.value for token in tokens):
        raise ValueError('"" is no path; this folder is ".".')
    return convert(kind, tokens)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its code."""
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
    except CutisError as error:
        code = _fail(str(error), 2)
    except KeyboardInterrupt as stop:
        code = _fail(str(stop) or "interrupted; nothing half-written was left.", 130)
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    except OSError as error:  # of a file that no command has a better word for
        if not error.strerror:
            raise
        code = _fail(_disk(error, error.strerror), 2)
    sys.exit(code)


def _run(given: list[str]) -> int:
    if given in ([], ["--help"], ["-h"]):  # the overview shouldn't wait for the parser to load
        say(overview())
        return 0
    from cyclopts import CycloptsError

    try:
        code = build_app()(
            given, exit_on_error=False, print_error=False, help_on_error=False, result_action="return_value"
        )
    except CycloptsError as error:
        return _fail(f"{' '.join(str(error).split())} See: cutis --help", 2)
    return code or 0


def _disk(error: OSError, words: str) -> str:
    from cutis.files.disk import FULL, full

    path = Path(error.filename or ".")
    if error.errno in FULL:
        return f"{full(path)}; the command stopped there. Free some space and run again."
    return f"{path}: {words.lower()}." if error.filename else f"{words.lower()}."


def overview() -> str:
    """What `cutis --help` prints."""
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:<{width}}  {words}" for name, words in COMMANDS.items())
    return f"Usage: cutis COMMAND [OPTIONS]\n\n{ABOUT}\n\n{commands}\n\ncutis COMMAND --help says what a command takes."


def _fail(words: str, code: int) -> int:
    sys.stderr.write(f"cutis: {words}\n")
    return code


def say(words: str = "") -> None:
    """Print a line for the user."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


@contextmanager
def on_interrupt(words: Callable[[], str]) -> Iterator[None]:
    """On Ctrl-C within the block, `words()` is the line that is said: what is left, how to go on. "": the usual one."""
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt:
        if said := words():
            raise Interrupted(said) from None
        raise


def pairs(given: list[str] | None, flag: str, example: str) -> dict[str, str]:
    """NAME=VALUE options as a dict; raises CutisError for one that isn't such a pair."""
    found: dict[str, str] = {}
    for pair in given or []:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise CutisError(f'{flag} "{pair}": expected NAME=VALUE, as in {flag} {example}')
        found[name] = value
    return found
