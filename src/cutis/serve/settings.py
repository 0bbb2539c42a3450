"""What `cutis serve` was asked for, checked before anything is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class Settings:
    """How one server runs.

    bundles: folders; cases are read with the first unless another is chosen. data: a dataset of confirmed cases for the
    search of similar ones, or None. store: an SQLAlchemy URL (sqlite:/// or postgresql+pg8000://). files: folder of the
    content-addressed pictures. accounts: whether a login is asked for; without, one local account does everything, on
    loopback only. names: host names that it answers to besides loopback's; with accounts and none given, to any.
    tls: (certificate, key) files. proxy: TLS is done by a reverse proxy in front. blind: the model's
    answer is hidden until the reader has committed a diagnosis. watch: a folder whose new files become cases. language:
    of pages and wording. max_bytes, max_pixels: of one upload. max_in_flight: of all
    uploads that are being received or worked on; beyond, 429. workers: processes that decode. max_waiting: pictures
    that may wait for the model; beyond, 429. patience: seconds that a request waits for its answer.
    """

    bundles: tuple[Path, ...]
    store: str
    files: Path
    data: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8642
    accounts: bool = False
    names: tuple[str, ...] = ()
    tls: tuple[Path, Path] | None = None
    proxy: bool = False
    blind: bool = False
    watch: Path | None = None
    language: str = "en"
    max_bytes: int = 25_000_000
    max_pixels: int = 60_000_000
    max_in_flight: int = 640_000_000
    workers: int = 2
    max_waiting: int = 256
    patience: float = 20.0
    runtime: str | None = None

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by https, so that cookies may say so."""
        return self.tls is not None or self.proxy
