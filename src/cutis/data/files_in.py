"""Where an importer's images lie: plain files or zip members, found by path or by name, read without unpacking."""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from cutis.errors import CutisError, nearest
from cutis.image.decode import EXTENSIONS, MAX_BYTES, BadImage, read_bytes


@dataclass(frozen=True)
class Blob:
    """One file to read: a path, a member of an open zip, or what `make` makes when it is wanted (raising BadImage).

    `name` is how messages call it; `size` in bytes.
    """

    name: str
    size: int
    path: Path | None = None
    archive: zipfile.ZipFile | None = None
    member: str = ""
    make: Callable[[], bytes] | None = None

    def is_same(self, other: Blob) -> bool:
        """Whether both are one file on the disk, or one member of one zip."""
        if self.path is None or other.path is None:
            return self.path is other.path and self.archive is other.archive and self.member == other.member
        return self.path.absolute() == other.path.absolute()

    def read(self) -> bytes:
        """The bytes. Raises BadImage if they can't be read whole."""
        if self.path is not None:
            return read_bytes(self.path)
        if self.make is not None:
            return self.make()
        assert self.archive is not None
        if self.size > MAX_BYTES:
            raise BadImage(self.name, f"{self.size / 1e6:.0f} MB unpacked; at most {MAX_BYTES / 1e6:.0f} MB are read")
        try:
            return self.archive.read(self.member)
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError):
            raise BadImage(self.name, "this member of the zip is damaged or compressed in an unknown way") from None
        except RuntimeError:
            raise BadImage(self.name, "this member of the zip is encrypted") from None


_WRITE_PATH = "Write the path in the table, or name the folder that holds the right one with --images."


class Tree:
    """The files under a folder and in the zips lying directly in it. Hidden files and members with ".." don't exist."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._archives: list[zipfile.ZipFile] = []
        self._taken: dict[str, str] = {}  # image -> the name that it was found for, if not at exactly that
        self._reserved: set[str] = set()

    def close(self) -> None:
        for archive in self._archives:
            archive.close()

    @cached_property
    def _members(self) -> dict[str, list[Blob]]:
        """The files in the zips by their path there; several zips may hold one of the same path."""
        found: dict[str, list[Blob]] = {}
        for path in sorted(self.root.glob("*.zip")):
            try:
                archive = zipfile.ZipFile(path)
            except (zipfile.BadZipFile, OSError):
                raise CutisError(f"{path}: not a readable zip file; it may be damaged. Get it again.") from None
            self._archives.append(archive)
            for info in archive.infolist():
                member = PurePosixPath(_name_in_zip(info).replace("\\", "/"))
                if info.is_dir() or member.is_absolute() or any(p.startswith((".", "__MACOSX")) for p in member.parts):
                    continue
                blob = Blob(f"{path.name}:{member}", info.file_size, archive=archive, member=info.filename)
                found.setdefault(str(member), []).append(blob)
        return found

    @cached_property
    def _pictures(self) -> dict[str, list[_Picture]]:
        """Every picture by the folded name without its extension, and a mask also without what says that it is one."""
        found: dict[str, list[_Picture]] = {}
        plain = ((blob, blob.name) for blob in map(self._plain, image_files(self.root)))
        packed = ((blob, m) for m, blobs in self._members.items() if is_image_name(m) for blob in blobs)
        for blob, path in (*plain, *packed):
            picture = _Picture(blob, path, is_mask_name(blob.name))
            stem = folded_name(PurePosixPath(path).stem)
            found.setdefault(stem, []).append(picture)
            if picture.mask and (bare := _OF_MASK.sub("", stem)) != stem:
                found.setdefault(bare, []).append(picture)
        return found

    def _plain(self, path: Path) -> Blob:
        return Blob(path.relative_to(self.root).as_posix(), size_of(path), path=path)

    def find(self, relative: str) -> Blob | None:
        """The file at exactly `relative`, in the folder or in one of its zips; None if absent or outside the folder.

        Raises CutisError if two zips hold one there, and they differ.
        """
        parts = _path(relative)
        if parts.is_absolute() and parts.is_relative_to(self.root.absolute()):
            parts = parts.relative_to(self.root.absolute())
        if parts.is_absolute() or ".." in parts.parts or not parts.name:
            return None
        path = self.root / parts
        return self._plain(path) if path.is_file() else self._one(relative, self._members.get(str(parts), []))

    def reserve(self, names: Iterable[str]) -> None:
        """Keep the images that are at exactly one of `names` from being found for another name."""
        self._reserved |= {blob.name for name in names if is_image_name(name) and (blob := self.find(name))}

    def find_image(self, name: str) -> Blob | None:
        """The one image that `name` can mean: an id, a file's name, or its path, also as another computer wrote it.

        Of images whose name fits, those are best that have the longest end of the path in common, and fit to the
        letter, but for case and Unicode's form, or but for the extension. Raises CutisError if several are left that
        differ, and if the one was found for another name before, as it can be right for one of them at most.
        """
        if is_image_name(name) and (exact := self.find(name)):
            return exact
        among = [p for p in self._named(name) if not p.mask and p.blob.name not in self._reserved]
        blob = self._one(name, self._best(name, among)) or self.find(name)  # the last: a file without an extension
        if blob is not None and (first := self._taken.setdefault(blob.name, name)) != name:
            raise CutisError(
                f'{self.root}: "{first}" and "{name}" both lead to {blob.name}, which can be one of them only. Write '
                "the path of each in the table."
            )
        plain = name if blob else _of_address(name)
        return blob if plain == name else self.find_image(plain)

    def find_mask(self, name: str) -> Blob | None:
        """The one mask that `name` can mean: its path or file's name; or its image's, with or without "_segmentation"
        or "_mask" after it. Raises CutisError for several that differ."""
        exact = self.find(name) if is_image_name(name) else None
        if exact:
            return exact
        named = self._named(name)
        sure = [p for p in named if p.mask] or [p for p in named if _path(p.path).name == _path(name).name]
        return self._one(name, self._best(name, sure), "Keep one of them there.")

    def nearest(self, name: str) -> str:
        """Words for an error message on an image that isn't here: what comes nearest to it."""
        masks = [p for p in self._named(name) if p.mask]
        if masks:
            return f"{masks[0].blob.name} is a mask, by its name"
        names = [_path(p.path).name for same in self._pictures.values() for p in same if not p.mask]
        if not names:
            return f"there is no image in {self.root}"
        names = list(dict.fromkeys(names))
        wanted = _path(name).name
        if len(names) > _COMPARED:
            names = [n for n in names if folded_name(n)[:1] == folded_name(wanted)[:1]][:_COMPARED] or names[:1]
        return nearest(wanted, names, most=3)

    def _named(self, name: str) -> list[_Picture]:
        last = _path(name).name
        return self._pictures.get(folded_name(PurePosixPath(last).stem if is_image_name(last) else last), [])

    def _best(self, name: str, among: list[_Picture]) -> list[Blob]:
        """Those of `among` that no other beats in both: the end of the path in common, and how well the name fits."""
        wanted = _path(name)
        folders = [folded_name(part) for part in reversed(wanted.parts[:-1])]
        fits = []
        for picture in among:
            path = PurePosixPath(picture.path)
            stem = _OF_MASK.sub("", path.stem) if picture.mask else path.stem
            alike = (
                path.name == wanted.name,
                folded_name(path.name) == folded_name(wanted.name),
                stem in (wanted.name, wanted.stem),
                True,
            )
            pairs = zip(map(folded_name, reversed(path.parts[:-1])), folders, strict=False)
            fits.append((sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)), -alike.index(True)))
        return [
            picture.blob
            for picture, (shared, exact) in zip(among, fits, strict=True)
            if not any(s >= shared and e >= exact and (s, e) != (shared, exact) for s, e in fits)
        ]

    def _one(self, name: str, found: list[Blob], remedy: str = _WRITE_PATH) -> Blob | None:
        """The one of `found`. Of several, as of a zip and what was in it, the first if they are the same bytes."""
        if len(found) > 1 and (len({b.size for b in found}) > 1 or len({_digest(b) for b in found}) > 1):
            raise CutisError(f'{self.root}: "{name}" can be {found[0].name} or {found[1].name}, which differ. {remedy}')
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture in a tree: its path in the folder or in its zip, and whether its name says that it is a mask."""

    blob: Blob
    path: str
    mask: bool


_COMPARED = 20_000  # names that a missing one is compared with
_OF_MASK = re.compile(r"(?i)[ _-](segmentation|mask)$")
_MASK_OF = re.compile(r"(?i)(.+)[ _-](?:segmentation|mask)(?:[ _-]?\d+)?")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def is_mask_name(path: str) -> bool:
    """Whether a path calls a picture a mask: "mask" or "segmentation" is one of its words ("unmasked" is another)."""
    return any(w.casefold() in ("mask", "masks", "segmentation", "segmentations") for w in _WORDS.findall(path))


def image_of_mask(stem: str) -> str | None:
    """What a file's name (without ending) says that it is the mask of: "a" of a_mask, a-Segmentation, a_mask_1."""
    found = _MASK_OF.fullmatch(stem)
    return found[1] if found else None


def folded_name(name: str) -> str:
    """A file's name without regard to case and to Unicode's form, both of which change on the way between computers."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _name_in_zip(info: zipfile.ZipInfo) -> str:
    """A member's name. Some programs write UTF-8 without saying so, which reads as the code page of an old PC."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _path(name: str) -> PurePosixPath:
    """A path in a table, as any computer writes it."""
    return PurePosixPath(re.sub(r"^[A-Za-z]:(?=[\\/])", "", name).replace("\\", "/"))


def _of_address(name: str) -> str:
    """The path in a web address, and a path whose blanks and letters are written as one's are (%20)."""
    if "://" in name:
        name = urlsplit(name).path or name
    return unquote(name)


def file_at(folder: Path, relative: str) -> Blob | None:
    """The file at exactly `relative` in a folder; None if absent or outside of it."""
    parts = _path(relative)
    if parts.is_absolute() or ".." in parts.parts or not parts.name or not (folder / parts).is_file():
        return None
    return Blob(str(parts), size_of(folder / parts), path=folder / parts)


def _digest(blob: Blob) -> str:
    try:
        return hashlib.sha256(blob.read()).hexdigest()
    except BadImage:
        return blob.name  # the same as no other


def is_image_name(name: str) -> bool:
    return PurePosixPath(name).suffix.casefold() in EXTENSIONS


def visible_entries(folder: Path) -> Iterator[Path]:
    """What lies under `folder` and is no folder, sorted; hidden files and folders left out, links to folders not
    followed. Not all are files: there may be pipes, links that lead nowhere."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__MACOSX")):
            continue
        if not path.is_dir():
            yield path
        elif not path.is_symlink():
            yield from visible_entries(path)


def visible_files(folder: Path) -> Iterator[Path]:
    """The files among `visible_entries`."""
    return (path for path in visible_entries(folder) if path.is_file())


def image_files(folder: Path) -> Iterator[Path]:
    """What has an image's name under `folder`. One that is no file is an image that can't be read, with its reason."""
    return (path for path in visible_entries(folder) if is_image_name(path.name))


def size_of(path: Path) -> int:
    """Bytes of a file; 0 where there is none, or none any more, which reading it tells."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
