"""Where an importer's images lie: plain files or zip members, found by path or by name, read without unpacking."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from cutis.errors import CutisError
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


class Tree:
    """The files under a folder and in the zips lying directly in it. Hidden files and members with ".." don't exist."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._archives: list[zipfile.ZipFile] = []

    def close(self) -> None:
        for archive in self._archives:
            archive.close()

    @cached_property
    def _members(self) -> dict[str, Blob]:
        found: dict[str, Blob] = {}
        for path in sorted(self.root.glob("*.zip")):
            try:
                archive = zipfile.ZipFile(path)
            except (zipfile.BadZipFile, OSError):
                raise CutisError(f"{path}: not a readable zip file; it may be damaged. Get it again.") from None
            self._archives.append(archive)
            for info in archive.infolist():
                member = PurePosixPath(info.filename.replace("\\", "/"))
                if info.is_dir() or member.is_absolute() or any(p.startswith((".", "__MACOSX")) for p in member.parts):
                    continue
                found[str(member)] = Blob(
                    f"{path.name}:{member}", info.file_size, archive=archive, member=info.filename
                )
        return found

    @cached_property
    def _images(self) -> tuple[dict[str, Blob], dict[str, Blob]]:
        """(images, masks) by name without extension; a path with "mask" or "segmentation" in it is a mask."""
        images: dict[str, Blob] = {}
        masks: dict[str, Blob] = {}
        plain = (self._plain(path) for path in image_files(self.root))
        for blob in (*plain, *(b for m, b in self._members.items() if is_image_name(m))):
            stem = PurePosixPath(blob.name.rsplit(":", 1)[-1]).stem
            if any(word in blob.name.casefold() for word in ("mask", "segmentation")):
                masks.setdefault(stem.removesuffix("_segmentation").removesuffix("_Segmentation"), blob)
            else:
                images.setdefault(stem, blob)
        return images, masks

    def _plain(self, path: Path) -> Blob:
        return Blob(path.relative_to(self.root).as_posix(), size_of(path), path=path)

    def find(self, relative: str) -> Blob | None:
        """The file at `relative` (in the folder, or in one of its zips); None if absent or outside the folder."""
        parts = PurePosixPath(relative.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or not parts.name:
            return None
        path = self.root / parts
        return self._plain(path) if path.is_file() else self._members.get(str(parts))

    def find_image(self, stem: str) -> Blob | None:
        """The image file whose name without extension is `stem`, in any folder or zip."""
        return self._images[0].get(stem)

    def find_mask(self, stem: str) -> Blob | None:
        """The mask of image `stem`: a file of that name, or with "_segmentation" after it, in a place for masks."""
        return self._images[1].get(stem)


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
