"""Export to DICOM, then import: the identity on what is held; and other programs accept what is written."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

pytest.importorskip("highdicom")
from isic_metadata.anatom_site_hierarchical import AnatomSiteEnum
from pydicom import dcmread
from pydicom.encaps import get_frame
from pydicom.uid import JPEGBaseline8Bit

from cutis.data.dataset import Dataset, DatasetCard
from cutis.data.dicom.write import srgb_profile
from cutis.data.export import export
from cutis.data.importing import import_dataset
from cutis.data.labels import class_info
from cutis.errors import CutisError
from cutis.schema.manifest import MANIFEST, OPTIONAL, conform
from cutis.schema.predictions import Predictions, PredictionsInfo
from cutis.schema.vocabulary import FITZPATRICK, SITE_COLUMNS, site_levels

CLASSES = tuple(class_info(c) for c in ("mel", "nv", "bkl"))
HELD = (
    *("image_id", "lesion_id", "patient_id", "case_id", "source", "age_approx", "sex", *SITE_COLUMNS),
    *("anatom_site_special", "fitzpatrick_skin_type", "monk_skin_tone", "image_type", "dermoscopic_type", "laterality"),
    *("acquisition_day", "manufacturer", "manufacturer_model", "burned_in_annotation", "width", "height", "sha256"),
)


@pytest.fixture(autouse=True, scope="module")
def _key():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUTIS_PSEUDONYM_KEY", "a key for tests only")
        yield


def made(folder: Path, rows: list[dict], files: list[tuple[str, bytes]], masks: dict[int, np.ndarray]) -> Dataset:
    """A dataset folder of these rows; files: (extension, bytes) of each."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    full = []
    for n, (row, (extension, data)) in enumerate(zip(rows, files, strict=True)):
        image = {"image_id": f"img-{n}", "status": "ok", "target": None, **row}
        image["file"] = f"images/{image['image_id']}{extension}"
        (folder / image["file"]).write_bytes(data)
        with Image.open(io.BytesIO(data)) as opened:
            image["width"], image["height"] = opened.size
        image["sha256"] = hashlib.sha256(data).hexdigest()
        if n in masks:
            image["mask"] = f"masks/{image['image_id']}.png"
            Image.fromarray(masks[n]).save(folder / image["mask"])
        full.append(image)
    types = MANIFEST | OPTIONAL
    names = list(dict.fromkeys(k for row in full for k in row))
    table = pl.DataFrame([pl.Series(k, [r.get(k) for r in full], dtype=types.get(k)) for k in names])
    return Dataset(folder, DatasetCard(name="world", classes=CLASSES), conform(table, "")).save_into(folder)


def through(data: Dataset, folder: Path, **options) -> Dataset:
    export(data, folder / "out", to="dicom", **options)
    return import_dataset(folder / "out", folder / "back", reader="dicom")


def same(data: Dataset, back: Dataset, recoded: tuple[str, ...] = ()) -> None:
    """Everything held is equal, row by row; every mask too. recoded: images whose bytes aren't held."""
    one = data.manifest.filter(status="ok").sort("image_id")
    two = back.manifest.sort("image_id")
    for column in HELD:
        ours = one[column].to_list() if column in one.columns else [None] * len(one)
        theirs = two[column].to_list() if column in two.columns else [None] * len(two)
        if column == "sha256":
            ours = [t if i in recoded else o for i, o, t in zip(one["image_id"], ours, theirs, strict=True)]
        assert ours == theirs, column
    for ours, theirs in zip(one["mask"], two["mask"], strict=True):
        assert (ours is None) == (theirs is None)
        if ours:
            masks = [np.asarray(Image.open(d.path / m)) > 0 for d, m in ((data, ours), (back, theirs))]
            assert np.array_equal(*masks)


def plain_png(pixels: np.ndarray) -> bytes:
    """As the importer stores what is no JPEG."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=4)
    return out.getvalue()


def jpeg_of(pixels: np.ndarray, **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", **options)
    return out.getvalue()


ids = st.text("abcXYZ019-_.é ", min_size=1, max_size=12).map(lambda t: f"w{t}w")


def nullable(values):
    return st.one_of(st.none(), values)


rows = st.builds(
    lambda site, patient, lesion, **rest: {
        **rest,
        **dict(zip(SITE_COLUMNS, site_levels(site), strict=True)),
        "patient_id": patient,
        "lesion_id": None if lesion is None else f"{lesion} of {patient}",
    },
    site=nullable(st.sampled_from([str(m) for m in AnatomSiteEnum])),
    patient=nullable(ids),
    lesion=nullable(ids),
    case_id=nullable(ids),
    source=nullable(ids),
    age_approx=nullable(st.integers(0, 85)),
    sex=nullable(st.sampled_from(["male", "female"])),
    anatom_site_special=nullable(st.sampled_from(["acral NOS", "oral or genital"])),
    fitzpatrick_skin_type=nullable(st.sampled_from(FITZPATRICK)),
    monk_skin_tone=nullable(st.integers(1, 10)),
    image_type=nullable(st.sampled_from(["dermoscopic", "clinical: close-up", "TBP tile: overview"])),
    laterality=nullable(st.sampled_from(["left", "right", "both"])),
    acquisition_day=nullable(st.integers(-5, 4000)),
    manufacturer=nullable(st.sampled_from(["Canfield", "Ärzte & Söhne"])),
    burned_in_annotation=nullable(st.sampled_from(["YES", "NO"])),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_rows=st.lists(rows, min_size=1, max_size=4), seed=st.integers(0, 2**16), form=st.integers(0, 4))
def test_the_identity_on_what_is_held(given_rows, seed, form, picture):
    """dermoscopic_type is only held of dermoscopic images, so it is drawn for those only."""
    kinds = ["contact polarized", "contact non-polarized", "non-contact polarized", None]
    for n, row in enumerate(given_rows):
        row["dermoscopic_type"] = kinds[(seed + n) % 4] if row["image_type"] == "dermoscopic" else None
    files, masks = [], {}
    for n in range(len(given_rows)):
        pixels = picture(9 + n, 7, seed + n)
        files.append(
            [
                (".png", plain_png(pixels)),
                (".jpg", jpeg_of(pixels, quality=90)),
                (".jpg", jpeg_of(pixels, quality=90, subsampling=0)),
                (".jpg", jpeg_of(pixels[..., 0], quality=90)),
                (".jpg", jpeg_of(pixels, quality=90, keep_rgb=True)),
            ][(form + n) % 5]
        )
        if n % 2:
            masks[n] = (255 * (np.random.default_rng(seed).random((7, 9 + n)) < 0.4)).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        data = made(Path(folder) / "data", given_rows, files, masks)
        same(data, through(data, Path(folder)))


@pytest.fixture(scope="module")
def world(tmp_path_factory, picture) -> Dataset:
    """Four images of two patients, dermoscopic and clinical, JPEG and PNG, two with masks."""
    mask = np.zeros((18, 24), np.uint8)
    mask[4:9, 5:17] = 255
    common = {"source": "clinic", "age_approx": 61, "sex": "female"}
    given_rows = [
        {
            **common, "patient_id": "p1", "lesion_id": "l1", "image_type": "dermoscopic", "target": "mel",
            "dermoscopic_type": "contact polarized", "fitzpatrick_skin_type": "III", "acquisition_day": 0,
            "anatom_site_1": "Trunk", "anatom_site_2": "Lateral trunk", "laterality": "left",
        },
        {**common, "patient_id": "p1", "lesion_id": "l1", "image_type": "clinical: close-up", "monk_skin_tone": 4},
        {**common, "patient_id": "p2", "case_id": "c", "image_type": "dermoscopic", "target": "nv"},
        {"image_type": None},
    ]  # fmt: skip
    files = [
        (".jpg", jpeg_of(picture(24, 18, 1), quality=95)),
        (".jpg", jpeg_of(picture(24, 18, 2), quality=95, progressive=True)),
        (".png", plain_png(picture(24, 18, 3))),
        (".jpg", jpeg_of(picture(24, 18, 4)[..., 0], quality=95)),
    ]
    return made(tmp_path_factory.mktemp("world") / "data", given_rows, files, {0: mask, 2: mask})


def predictions(data: Dataset, path: Path, images: list[str] | None = None) -> Path:
    chosen = data.manifest if images is None else data.manifest.filter(pl.col("image_id").is_in(images))
    n = len(chosen)
    p = np.random.default_rng(0).dirichlet(np.ones(3), n)
    status = [("ok", "refused", "error")[i % 3] for i in range(n)]
    table = chosen.select("image_id", "lesion_id", "patient_id", "source", "target").with_columns(
        pl.Series(
            "predicted", [None if s == "error" else CLASSES[k].code for s, k in zip(status, p.argmax(1), strict=True)]
        ),
        *(
            pl.Series(f"p_{c.code}", [None if s == "error" else x for s, x in zip(status, p[:, k], strict=True)])
            for k, c in enumerate(CLASSES)
        ),
        pl.Series("set", [{"ok": ["nv", "mel"], "refused": []}.get(s) for s in status], dtype=pl.List(pl.String())),
        pl.Series("ood", [0.1] * n),
        pl.Series("status", status),
        pl.Series("reason", [{"refused": "no class is likely enough", "error": "truncated"}.get(s) for s in status]),
    )
    info = PredictionsInfo(
        classes=CLASSES, bundle="ab" * 32, coverage=0.9, trained={"backbone": "compact"}, limits=("Not a diagnosis.",),
        dataset=data.card.name, dataset_digest=data.card.digest,
    )  # fmt: skip
    return Predictions(table, info).save(path)


@pytest.fixture(scope="module")
def exported(world: Dataset, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    done = export(world, folder / "out", to="dicom", results=predictions(world, folder / "p.parquet"))
    assert done.rows == 4
    return folder / "out"


def test_files_and_their_kinds(exported: Path):
    names = [p.relative_to(exported).as_posix() for p in sorted(exported.rglob("*")) if p.is_file()]
    assert names == [
        *("ATTRIBUTION.txt", "LICENCE.txt"),
        *(f"images/img-{n}.dcm" for n in range(4)),
        *(f"reports/img-{n}.dcm" for n in range(4)),
        *("segmentations/img-0.dcm", "segmentations/img-2.dcm"),
    ]
    kinds = [dcmread(exported / f"images/img-{n}.dcm").SOPClassUID.name for n in range(4)]
    assert kinds[0] == kinds[2] == "Dermoscopic Photography Image Storage"
    assert kinds[1] == kinds[3] == "VL Photographic Image Storage"


def test_a_baseline_jpeg_is_kept_bit_for_bit(world: Dataset, exported: Path):
    coded = (world.path / "images/img-0.jpg").read_bytes()
    tags = dcmread(exported / "images/img-0.dcm")
    assert tags.file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    assert get_frame(tags.PixelData, 0, number_of_frames=1).rstrip(b"\0") == coded.rstrip(b"\0")
    assert tags.LossyImageCompression == "01"
    assert float(tags.LossyImageCompressionRatio) == pytest.approx(24 * 18 * 3 / len(coded), abs=0.01)
    progressive = dcmread(exported / "images/img-1.dcm")
    assert progressive.file_meta.TransferSyntaxUID.name == "Explicit VR Little Endian"
    assert progressive.LossyImageCompression == "01"
    decoded = np.asarray(Image.open(world.path / "images/img-1.jpg"))
    assert np.abs(progressive.pixel_array.astype(int) - decoded).max() <= 2


def test_the_same_dataset_gives_the_same_bytes(world: Dataset, exported: Path, tmp_path: Path):
    results = exported.parent / "p.parquet"
    export(world, tmp_path / "again", to="dicom", results=results)
    for path in sorted(exported.rglob("*.dcm")):
        assert (tmp_path / "again" / path.relative_to(exported)).read_bytes() == path.read_bytes(), path


def test_a_corrected_row_gets_new_uids(world: Dataset, exported: Path, tmp_path: Path):
    older = replace(world, manifest=world.manifest.with_columns(age_approx=pl.col("age_approx") + 1))
    export(older, tmp_path / "older", to="dicom")
    uids = [dcmread(f / "images/img-0.dcm").SOPInstanceUID for f in (exported, tmp_path / "older")]
    assert uids[0] != uids[1]


def test_one_patient_is_one_study_and_one_lesion_one_tracking_uid(exported: Path):
    a, b, c, d = (dcmread(exported / f"images/img-{n}.dcm") for n in range(4))
    assert a.StudyInstanceUID == b.StudyInstanceUID
    assert len({x.StudyInstanceUID for x in (a, c, d)}) == 3
    assert a.SeriesInstanceUID != b.SeriesInstanceUID
    assert a.TrackingUID == b.TrackingUID
    segmentation = dcmread(exported / "segmentations/img-0.dcm")
    assert segmentation.SegmentSequence[0].TrackingUID == a.TrackingUID
    assert segmentation.StudyInstanceUID == a.StudyInstanceUID


def test_whose_picture_it_is_may_show_unless_it_is_known(world: Dataset, exported: Path, tmp_path: Path):
    assert dcmread(exported / "images/img-0.dcm").RecognizableVisualFeatures == "YES"
    known = replace(world, manifest=world.manifest.with_columns(recognizable_visual_features=pl.lit("NO")))
    export(known, tmp_path / "known", to="dicom")
    assert dcmread(tmp_path / "known/images/img-0.dcm").RecognizableVisualFeatures == "NO"


def test_the_colour_profile_is_srgb(exported: Path):
    profile = ImageCms.ImageCmsProfile(io.BytesIO(dcmread(exported / "images/img-0.dcm").ICCProfile))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    assert profile.profile.device_class == "scnr"
    assert srgb_profile() == srgb_profile()
    assert "ICCProfile" not in dcmread(exported / "images/img-3.dcm")  # grey


def test_reports_hold_what_was_predicted(world: Dataset, exported: Path):
    """Read back by highdicom as TID 1500, and compared with the predictions file."""
    from highdicom.sr import srread

    table = Predictions.load(exported.parent / "p.parquet").table
    for row in table.iter_rows(named=True):
        report = srread(exported / f"reports/{row['image_id']}.dcm")
        image = dcmread(exported / f"images/{row['image_id']}.dcm")
        assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
        assert report.VerificationFlag == "UNVERIFIED"
        (group,) = report.content.get_image_measurement_groups()
        assert group.source_images[0].referenced_sop_instance_uid == image.SOPInstanceUID
        found = {m.name.value: m.value for m in group.get_measurements()}
        expected = {c.code: row[f"p_{c.code}"] for c in CLASSES if row["status"] != "error"}
        assert found == pytest.approx(expected, abs=1e-6)
        judged = [(q.name.value, q.value.value) for q in group.get_qualitative_evaluations()]
        assert [v for n, v in judged if n == "answer-set"] == (row["set"] or [])
        assert ("answer-status", f"answer-{row['status']}") in judged
        said = report.to_json()
        assert "compact" in said
        assert "ab" * 32 in said
        assert "Not a diagnosis." in said
        assert row["reason"] is None or row["reason"] in said
        if image.get("TrackingUID"):
            assert group.tracking_uid == image.TrackingUID


def test_masks_come_back_and_reports_are_left_out(world: Dataset, exported: Path, tmp_path: Path):
    back = import_dataset(exported, tmp_path / "back", reader="dicom")
    same(world, back, recoded=("img-1",))  # a progressive JPEG
    assert any("4 files were written by Cutis" in note for note in back.card.notes)
    assert any("4 Comprehensive SR Storage" in note for note in back.card.notes)


def test_twenty_real_images(ham_sample: Path, tmp_path: Path):
    data = import_dataset(ham_sample, tmp_path / "data", reader="ham10000")
    part = replace(data, manifest=data.manifest.gather_every(7)[:20])
    assert len(part.manifest) == 20
    back = through(part, tmp_path)
    same(part, back)
    assert back.manifest["mask"].null_count() == part.manifest["mask"].null_count() < 20
    for path in sorted((tmp_path / "out").rglob("*.dcm"))[::7]:
        valid(path)


def valid(path: Path) -> None:
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy (Debian's dicom3tools) is not installed")
    said = subprocess.run([program, path], capture_output=True, text=True, check=False).stderr
    assert not [line for line in said.splitlines() if line.startswith("Error")], f"{path}: {said}"
    assert any(kind in said for kind in ("DermoscopicPhotographyImage", "VLPhotographicImage", "Segmentation", "SR"))


def test_dciodvfy_finds_no_errors(exported: Path):
    for path in sorted(exported.rglob("*.dcm")):
        valid(path)


def test_dcmtk_reads_it_and_sees_the_same_pixels(world: Dataset, exported: Path, tmp_path: Path):
    if shutil.which("dcmdump") is None or shutil.which("dcmj2pnm") is None:
        pytest.skip("dcmdump and dcmj2pnm (Debian's dcmtk) are not installed")
    for path in sorted(exported.rglob("*.dcm")):
        dumped = subprocess.run(["dcmdump", path], capture_output=True, text=True, check=True)
        assert not dumped.stderr, path
        assert "SOPInstanceUID" in dumped.stdout
    for n, most in ((0, 40), (2, 0)):  # DCMTK interpolates subsampled colours in another way
        out = tmp_path / f"{n}.ppm"
        subprocess.run(["dcmj2pnm", "+on", exported / f"images/img-{n}.dcm", out], check=True, capture_output=True)
        stored = np.asarray(Image.open(world.path / world.manifest["file"][n]).convert("RGB")).astype(int)
        difference = np.abs(np.asarray(Image.open(out).convert("RGB")) - stored)
        assert difference.max() <= most
        assert difference.mean() < 3


def test_what_cant_be_written_is_one_line_and_leaves_nothing(world: Dataset, tmp_path: Path):
    long = replace(world, manifest=world.manifest.with_columns(patient_id=pl.lit("x" * 70)))
    with pytest.raises(CutisError, match=r"image \"img-0\": patient_id .* at most 64 characters"):
        export(long, tmp_path / "out", to="dicom")
    listed = replace(world, manifest=world.manifest.with_columns(status=pl.lit("listed")))
    with pytest.raises(CutisError, match="no photographs to write as DICOM"):
        export(listed, tmp_path / "out", to="dicom")
    lost = replace(world, manifest=world.manifest.with_columns(file=pl.lit("images/gone.jpg")))
    with pytest.raises(CutisError, match=r"gone\.jpg is missing"):
        export(lost, tmp_path / "out", to="dicom")
    assert not (tmp_path / "out").exists()
    microscopy = pl.Series(["RCM: tile", "dermoscopic", "dermoscopic", "dermoscopic"])
    done = export(
        replace(world, manifest=world.manifest.with_columns(image_type=microscopy)), tmp_path / "o", to="dicom"
    )
    assert any("1 images that are no photographs" in note for note in done.notes)


def test_results_of_other_images_are_refused(world: Dataset, tmp_path: Path):
    results = predictions(world, tmp_path / "p.parquet", ["img-0", "img-2"])
    done = export(world, tmp_path / "part", to="dicom", results=results)
    assert any("2 images have no result" in note for note in done.notes)
    other = replace(world, manifest=world.manifest.with_columns(image_id=pl.col("image_id").str.replace("img-0", "a")))
    with pytest.raises(CutisError, match=r'--results: row 1: image "img-0" is not in .*: did you mean "img-'):
        export(other, tmp_path / "out", to="dicom", results=results)
    with pytest.raises(CutisError, match="only --to dicom holds results"):
        export(world, tmp_path / "out", to="csv", results=results)
    assert not (tmp_path / "out").exists()
