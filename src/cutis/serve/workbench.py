"""The server's parts, opened once and closed once."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

from cutis.serve.inference.journal import Journal
from cutis.serve.inference.kept import Kept
from cutis.serve.inference.models import Models
from cutis.serve.intake.intake import Intake
from cutis.serve.searches import Searches
from cutis.serve.settings import Settings
from cutis.serve.similar import Similar
from cutis.serve.store.engine import Store
from cutis.serve.store.pictures import Pictures
from cutis.serve.words import Words


@dataclass
class Workbench:
    """Everything a request may use, as `request.app.state.workbench`."""

    settings: Settings
    store: Store
    journal: Journal
    pictures: Pictures
    models: Models
    intake: Intake
    similar: Similar | None
    words: Words
    searches: Searches = field(default_factory=Searches)
    # Of each layer the model is asked a hundred times and more: one is made at a time, so that predictions go first.
    layers: Kept[bytes] = field(default_factory=lambda: Kept(256, one_at_a_time=True))
    thumbnails: Kept[bytes] = field(default_factory=lambda: Kept(2048))
    hashes: Kept[tuple[int, ...]] = field(default_factory=lambda: Kept(8192))

    @classmethod
    def open(cls, settings: Settings) -> Workbench:
        """Open the store, the bundles and the decoding processes. Raises CutisError, with the remedy."""
        with ExitStack() as opened:
            intake = Intake(settings, Models.looks(settings))  # its processes warm up while the rest is opened
            opened.callback(intake.close)
            models = Models.open(settings)
            opened.callback(models.close)
            store = Store.open(settings.store)
            opened.callback(store.close)
            bench = cls(
                settings,
                store,
                Journal(store),
                Pictures(settings.files),
                models,
                intake,
                Similar(models.first, settings.data, settings.files.parent / "similar") if settings.data else None,
                Words.of(settings.language),
            )
            opened.pop_all()  # all of it is open: `close` closes it
            return bench

    def close(self) -> None:
        if self.similar:
            self.similar.close()
        self.intake.close()
        self.models.close()
        self.store.close()
