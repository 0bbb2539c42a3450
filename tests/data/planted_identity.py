"""Files of every container with identity planted wherever the container can hold any.

Every planted value holds a mark of its own, "Jane" and six digits, so that what is left can be looked for by name.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from itertools import count

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin


class Marks:
    """Makes marks and remembers them."""

    def __init__(self, start: int = 0) -> None:
        self._numbers = count(start)
        self.made: list[str] = []

    def __call__(self) -> str:
        mark = f"Jane{next(self._numbers):06d}"
        self.made.append(mark)
        return mark


def exif(marks: Marks, *, orientation: int = 1, thumbnail: bool = True) -> bytes:
    """A little-endian EXIF block, without its "Exif" prefix: camera, owner, dates, GPS, maker note, thumbnail."""

    def text(tag: int) -> tuple[int, int, bytes]:
        return tag, 2, f"{marks()} of the ward\0".encode()

    def prefixed(tag: int) -> tuple[int, int, bytes]:
        return tag, 7, b"ASCII\0\0\0" + marks().encode()

    def degrees(tag: int, *parts: int) -> tuple[int, int, bytes]:
        return tag, 5, struct.pack("<6I", *(n for part in parts for n in (part, 1)))

    first = [
        text(0x010E), text(0x010F), text(0x0110), (0x0112, 3, struct.pack("<H", orientation)), text(0x0131),
        (0x0132, 2, b"2024:03:05 10:11:12\0"), text(0x013B), text(0x8298),
    ]  # fmt: skip
    camera = [
        (0x9003, 2, b"2024:03:05 10:11:12\0"), (0x927C, 7, b"Secret\0" + marks().encode()), prefixed(0x9286),
        text(0xA430), text(0xA431),
    ]  # fmt: skip
    gps = [
        (0x0001, 2, b"N\0"), degrees(0x0002, 47, 22, 33), (0x0003, 2, b"E\0"), degrees(0x0004, 8, 32, 11),
        prefixed(0x001C), (0x001D, 2, b"2024:03:05\0"),
    ]  # fmt: skip
    block = b"II*\0\x08\0\0\0"
    size = 8 + 2 + 12 * (len(first) + 2) + 4
    camera_at = size + sum(_long(v) for _, _, v in first)
    gps_at = camera_at + 2 + 12 * len(camera) + 4 + sum(_long(v) for _, _, v in camera)
    next_at = gps_at + 2 + 12 * len(gps) + 4 + sum(_long(v) for _, _, v in gps)
    pointers = [(0x8769, 4, struct.pack("<I", camera_at)), (0x8825, 4, struct.pack("<I", gps_at))]
    block += _ifd(sorted([*first, *pointers]), 8, next_at if thumbnail else 0)
    block += _ifd(camera, camera_at, 0) + _ifd(gps, gps_at, 0)
    if thumbnail:
        small = _encoded(np.full((8, 8, 3), 90, np.uint8), "JPEG")
        small = small[:2] + segment(0xFE, marks().encode()) + small[2:]
        block += _ifd(
            [(0x0201, 4, struct.pack("<I", next_at + 30)), (0x0202, 4, struct.pack("<I", len(small)))], next_at, 0
        )
        block += small
    return block


def _long(value: bytes) -> int:
    return (len(value) + len(value) % 2) if len(value) > 4 else 0


def _ifd(entries: list[tuple[int, int, bytes]], at: int, following: int) -> bytes:
    sizes = {2: 1, 3: 2, 4: 4, 5: 8, 7: 1}
    table, body = struct.pack("<H", len(entries)), b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, kind, value in entries:
        table += struct.pack("<HHI", tag, kind, len(value) // sizes[kind])
        if len(value) <= 4:
            table += value.ljust(4, b"\0")
        else:
            table += struct.pack("<I", behind + len(body))
            body += value + bytes(len(value) % 2)
    return table + struct.pack("<I", following) + body


def xmp(marks: Marks) -> bytes:
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
        f'photoshop:City="{marks()}"><dc:creator><rdf:Seq><rdf:li>{marks()}</rdf:li></rdf:Seq></dc:creator>'
        "</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"
    ).encode()


def iptc(marks: Marks) -> bytes:
    """By-line, caption and city."""
    return b"".join(
        b"\x1c\x02" + bytes([kind]) + len(value).to_bytes(2) + value
        for kind, value in ((80, marks().encode()), (120, marks().encode()), (90, marks().encode()))
    )


def photoshop(marks: Marks) -> bytes:
    records = iptc(marks)
    block = b"8BIM\x04\x04\0\0" + len(records).to_bytes(4) + records + bytes(len(records) % 2)
    return b"Photoshop 3.0\0" + block


def named_profile(marks: Marks) -> bytes:
    """sRGB by another name, so that it has to be told from sRGB by its numbers."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    old = "sRGB built-in"
    mark = marks().ljust(len(old), "x")
    assert old.encode("utf-16-be") in profile
    return profile.replace(old.encode("utf-16-be"), mark.encode("utf-16-be"))


def segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + (len(body) + 2).to_bytes(2) + body


def jpeg(pixels: np.ndarray, marks: Marks, *, orientation: int = 1, profile: bool = False, **options: object) -> bytes:
    """EXIF, XMP, IPTC, comments (one between scans), thumbnails, an unknown segment, and a second image behind."""
    colours = {"icc_profile": named_profile(marks)} if profile else {}
    data = _encoded(pixels, "JPEG", **{"quality": 92, **colours, **options})
    planted = [
        segment(0xE0, b"JFXX\0\x13" + bytes([1, 1]) + b"abc" + marks().encode()),
        segment(0xE1, b"Exif\0\0" + exif(marks, orientation=orientation)),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(marks)),
        segment(0xED, photoshop(marks)),
        segment(0xE5, b"Maker\0" + marks().encode()),
        segment(0xFE, marks().encode()),
    ]
    at = 4 + int.from_bytes(data[4:6])  # behind JFIF
    data = data[:at] + b"".join(planted) + data[at:]
    if options.get("progressive"):
        scan = data.rindex(b"\xff\xda")
        data = data[:scan] + segment(0xFE, marks().encode()) + data[scan:]
    behind = _encoded(pixels[:8, :8], "JPEG")
    return data + behind[:2] + segment(0xE1, b"Exif\0\0" + exif(marks)) + behind[2:]


def png(pixels: np.ndarray, marks: Marks, *, orientation: int = 1, profile: bool = False, **options: object) -> bytes:
    """Text of each kind, EXIF, XMP, a time, a private chunk, bytes behind the pixels and behind the end."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", marks())
    texts.add_text("Description", marks(), zip=True)
    texts.add_itxt("Comment", marks())
    texts.add_itxt("Title", marks(), zip=True)
    texts.add_itxt("XML:com.adobe.xmp", xmp(marks).decode())
    texts.add(b"tIME", struct.pack(">H5B", 2024, 3, 5, 10, 11, 12))
    texts.add(b"prVt", marks().encode())
    colours = {"icc_profile": named_profile(marks)} if profile else {}
    data = _encoded(
        pixels, "PNG", pnginfo=texts, exif=b"Exif\0\0" + exif(marks, orientation=orientation), **colours, **options
    )
    at = data.index(b"IDAT") - 4
    size = int.from_bytes(data[at : at + 4])
    body = data[at + 8 : at + 8 + size]
    if data.count(b"IDAT") == 1:  # behind the end of the compressed pixels, inside their chunk
        body += marks().encode()
        coded = len(body).to_bytes(4) + b"IDAT" + body + zlib.crc32(b"IDAT" + body).to_bytes(4)
        data = data[:at] + coded + data[at + 12 + size :]
    return data + marks().encode()


def tiff(pixels: np.ndarray, marks: Marks, **options: object) -> bytes:
    """Names, dates, host, EXIF and GPS folders, XMP, IPTC, a private tag."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag in (270, 271, 272, 305, 315, 316, 33432, 65000):
        tags[tag] = marks()
        tags.tagtype[tag] = 2
    tags[306] = "2024:03:05 10:11:12"
    for tag, value in ((700, xmp(marks)), (33723, iptc(marks))):
        tags[tag] = value
        tags.tagtype[tag] = 7
    if not options:  # libtiff, which compresses, can't write folders inside folders
        more = Image.Exif()
        more.get_ifd(0x8769).update({0x9003: "2024:03:05 10:11:12", 0xA431: marks(), 0x927C: marks().encode()})
        more.get_ifd(0x8825).update({1: "N", 2: (47.0, 22.0, 33.0), 3: "E", 4: (8.0, 32.0, 11.0)})
        tags[34665], tags[34853] = more.get_ifd(0x8769), more.get_ifd(0x8825)
    return _encoded(pixels, "TIFF", tiffinfo=tags, **options)


def webp(pixels: np.ndarray, marks: Marks, *, orientation: int = 1, **options: object) -> bytes:
    """EXIF, XMP, an unknown chunk and bytes behind the end."""
    data = _encoded(pixels, "WEBP", exif=b"Exif\0\0" + exif(marks, orientation=orientation), xmp=xmp(marks), **options)
    body = marks().encode()
    data += b"JANE" + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)
    return data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:] + marks().encode()


def gif(pixels: np.ndarray, marks: Marks) -> bytes:
    return _encoded(pixels, "GIF", comment=marks().encode()) + marks().encode()


def bmp(pixels: np.ndarray, marks: Marks) -> bytes:
    return _encoded(pixels, "BMP") + marks().encode()


def jpeg2000(pixels: np.ndarray, marks: Marks) -> bytes:
    return _encoded(pixels, "JPEG2000", comment=marks()) + marks().encode()


def avif(pixels: np.ndarray, marks: Marks) -> bytes:
    return _encoded(pixels, "AVIF", exif=b"Exif\0\0" + exif(marks, thumbnail=False), xmp=xmp(marks))


CONTAINERS: dict[str, Callable[..., bytes]] = {
    "jpg": jpeg, "png": png, "tif": tiff, "webp": webp, "gif": gif, "bmp": bmp, "jp2": jpeg2000, "avif": avif,
}  # fmt: skip


def dicom(pixels: np.ndarray, marks: Marks, *, compressed: bool = False) -> bytes:
    """Identity in standard, private, unknown and nested attributes, overlay, curve, preamble, meta header, frames."""
    from pydicom import Dataset, FileDataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = JPEGBaseline8Bit if compressed else ExplicitVRLittleEndian
    meta.SourceApplicationEntityTitle = marks()
    meta.PrivateInformationCreatorUID = "1.2.3"
    meta.PrivateInformation = marks().encode()
    tags = FileDataset("x.dcm", {}, file_meta=meta, preamble=marks().encode().ljust(128, b"\0"))
    tags.SOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.7"
    number = len(marks.made) + 1
    for n, keyword in enumerate(("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")):
        setattr(tags, keyword, f"1.2.826.0.1.99999.{number}.{n}")
    for keyword in (
        "PatientName", "PatientID", "OtherPatientNames", "ReferringPhysicianName", "PerformingPhysicianName",
        "OperatorsName", "InstitutionName", "InstitutionAddress", "StationName", "StudyDescription",
        "SeriesDescription", "PatientComments", "ImageComments", "AccessionNumber", "StudyID", "ProtocolName",
        "DeviceSerialNumber", "PatientAddress", "PatientTelephoneNumbers", "AdditionalPatientHistory", "Occupation",
        "RequestedProcedureDescription", "DerivationDescription", "ContentCreatorName",
    ):  # fmt: skip
        setattr(tags, keyword, marks())
    tags.PatientBirthDate, tags.StudyDate, tags.StudyTime = "19610203", "20240305", "101112"
    tags.ContentDate, tags.AcquisitionDateTime, tags.PatientAge = "20240305", "20240305101112", "063Y"
    tags.PatientSex, tags.Modality, tags.ImmersionMedia = "F", "DMS", "ALCOHOL"
    private = tags.private_block(0x0011, "JANE CAM", create=True)
    private.add_new(0x01, "LO", marks())
    inner = Dataset()
    inner.PatientName = marks()
    private.add_new(0x02, "SQ", [inner])
    region = Dataset()
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "39937001", "SCT", "Skin"
    region.PersonName = marks()
    region.private_block(0x0013, "JANE NEST", create=True).add_new(0x01, "LT", marks())
    deeper = Dataset()
    deeper.ReferringPhysicianName, deeper.ReferencedSOPInstanceUID = marks(), tags.SOPInstanceUID
    region.AnatomicRegionModifierSequence = [deeper]
    tags.AnatomicRegionSequence = [region]
    request = Dataset()
    request.ScheduledProcedureStepDescription = marks()
    tags.RequestAttributesSequence = [request]
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = tags.SOPClassUID, "1.2.826.0.1.99999.7.7"
    reference.PatientName = marks()
    tags.SourceImageSequence = [reference]
    tags.add_new(0x60000010, "US", 8)
    tags.add_new(0x60000011, "US", 8)
    tags.add_new(0x60003000, "OB", marks().encode())
    tags.add_new(0x50003000, "OB", marks().encode())
    tags.add_new(0x00100099, "LO", marks())  # no such attribute
    tags.add_new(0xFFFCFFFC, "OB", marks().encode())
    tags.Rows, tags.Columns = pixels.shape[:2]
    tags.SamplesPerPixel, tags.PlanarConfiguration = 3, 0
    tags.BitsAllocated = tags.BitsStored = 8
    tags.HighBit, tags.PixelRepresentation = 7, 0
    if compressed:
        frame = _encoded(pixels, "JPEG", quality=92)
        frame = frame[:2] + segment(0xE1, b"Exif\0\0" + exif(marks)) + segment(0xFE, marks().encode()) + frame[2:]
        tags.PhotometricInterpretation = "YBR_FULL_422"
        tags.PixelData = encapsulate([frame])
        tags["PixelData"].is_undefined_length = True
    else:
        tags.PhotometricInterpretation = "RGB"
        tags.PixelData = pixels.tobytes()
    out = io.BytesIO()
    tags.save_as(out, enforce_file_format=True)
    return out.getvalue()


def left(data: bytes, marks: list[str]) -> list[str]:
    """Marks that stand in `data` as ASCII or UTF-16."""
    if b"Jane" not in data and b"J\0a\0n\0e" not in data:
        return []
    return [mark for mark in marks if any(mark.encode(code) in data for code in ("ascii", "utf-16-le", "utf-16-be"))]


def _encoded(pixels: np.ndarray, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, **options)
    return out.getvalue()
