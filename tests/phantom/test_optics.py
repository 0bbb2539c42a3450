"""Skin optics against photons followed one by one, published tables and ranges; the table against the optics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.image.colour import hue_angle, ita, lab, linear_rgb_to_lab, linear_to_srgb, to_uint8
from cutis.phantom.optics import reflectance as layers
from cutis.phantom.optics import skin, spectra
from cutis.phantom.optics.reflectance import reflectance
from cutis.phantom.optics.skin import BLOOD_MOST, MELANIN_MOST, USUAL, Anatomy
from cutis.phantom.optics.table import TONE_ITA, TONES, melanin_for_ita, skin_ita, skin_table


def at(nm: float) -> int:
    return round((nm - 400) / 5)


def skin_lab(melanin, blood=0.02, deep=0.0, **more):
    return linear_rgb_to_lab(spectra.linear_rgb(reflectance(melanin, blood, deep, **more)))


# --- spectra ---------------------------------------------------------------------------------------------------------


def test_haemoglobin_has_its_known_bands():
    oxy, deoxy = spectra.OXYHAEMOGLOBIN, spectra.DEOXYHAEMOGLOBIN
    assert spectra.NM[oxy.argmax()] == 415
    assert spectra.NM[deoxy.argmax()] == 435
    green = slice(at(520), at(600))
    peaks = [nm for nm in range(525, 600, 5) if oxy[at(nm)] > max(oxy[at(nm - 5)], oxy[at(nm + 5)])]
    assert peaks == [540, 575]  # 542 and 577
    assert spectra.NM[green][deoxy[green].argmax()] == 555
    crossings = spectra.NM[:-1][np.diff(np.sign(oxy - deoxy)) != 0]
    for isosbestic in (500, 530, 545, 570, 584):  # Zijlstra et al. 1991
        assert np.abs(crossings - isosbestic).min() <= 5


def test_lights_are_the_cies():
    d65 = {400: 82.7549, 450: 117.008, 500: 109.354, 560: 100, 600: 90.0062, 650: 80.0268, 700: 71.6091}
    d50 = {400: 49.308, 450: 87.247, 500: 95.724, 560: 100, 600: 97.688, 650: 95.667, 700: 91.604}
    a = {400: 14.708, 450: 33.0859, 500: 59.8611, 560: 100, 600: 129.043, 650: 165.028, 700: 198.261}
    for name, table in {"D65": d65, "D50": d50, "A": a}.items():
        power = spectra.illuminant(name) / spectra.illuminant(name)[at(560)] * 100
        np.testing.assert_allclose([power[at(nm)] for nm in table], list(table.values()), rtol=5e-4)
    for name, xy in {
        "D65": (0.3127, 0.3290),
        "D50": (0.3457, 0.3585),
        "A": (0.4476, 0.4074),
        "LED": (0.3422, 0.3502),
    }.items():
        xyz = spectra.OBSERVER.T @ spectra.illuminant(name)
        np.testing.assert_allclose(xyz[:2] / xyz.sum(), xy, atol=1e-3)
    with pytest.raises(CutisError, match='no illuminant "D66"; did you mean'):
        spectra.illuminant("D66")


@pytest.mark.parametrize("light", spectra.ILLUMINANTS)
def test_a_white_tile_is_white_under_every_light(light):
    np.testing.assert_allclose(spectra.linear_rgb(np.full(61, 0.5), light), 0.5, atol=1e-6)


def test_a_monochromatic_peak_has_its_hue():
    hues = []
    for nm in (450, 550, 620):
        peak = np.exp(-(((spectra.NM - nm) / 30) ** 2))
        hues.append(int(spectra.linear_rgb(peak).argmax()))
    assert hues == [2, 1, 0]


# --- layers ----------------------------------------------------------------------------------------------------------


def test_layers_keep_their_light():
    absorption, scattering = np.zeros(61) + 1e-9, np.full(61, 50.0)
    reflected, transmitted = layers.layer(absorption, scattering, 500)
    np.testing.assert_allclose(reflected + transmitted, 1, atol=1e-6)
    np.testing.assert_allclose(reflected, 1.875 / 2.875, atol=1e-6)  # S x / (1 + S x), S x = 0.75 * 50 * 0.05
    thick, through = layers.layer(absorption + 3, scattering, 50_000)
    np.testing.assert_allclose(thick, layers.endless(absorption + 3, scattering), rtol=1e-9)
    assert through.max() < 1e-9
    half = layers.layer(absorption + 3, scattering, 250)
    whole = layers.layer(absorption + 3, scattering, 500)
    ground = np.full(61, 0.4)
    np.testing.assert_allclose(layers.over(*half, layers.over(*half, ground)), layers.over(*whole, ground), rtol=1e-9)


def test_internal_reflection_is_the_published_one():
    assert layers.internal_reflection(1.5) == pytest.approx(0.596, abs=1e-3)  # Saunderson 1942
    assert layers.internal_reflection(1.4) == pytest.approx(0.529, abs=2e-3)  # Egan & Hilgeman 1979
    assert layers.internal_reflection(1.0) == pytest.approx(0, abs=1e-9)


def follow(rng, stack, photons):
    """Reflectance by Monte Carlo. stack: (mu_a, reduced mu_s, g, lower end in cm) from the top; index 1.4 under air."""
    mu_a, reduced, g, ends = np.array(stack).T
    mu_s = reduced / (1 - g)
    most = (mu_a + mu_s).max()  # Woodcock: fly by the densest layer, and let some collisions be void
    n, out = 1.4, 0.0
    depth, cosine, weight = np.zeros(photons), np.ones(photons), np.full(photons, 1 - (0.4 / 2.4) ** 2)
    while depth.size:
        depth = depth + cosine * rng.exponential(1 / most, depth.size)
        up = depth < 0
        if up.any():
            inside = -cosine[up]
            outside = np.sqrt(np.clip(1 - n**2 * (1 - inside**2), 0, None))
            s = (n * inside - outside) / (n * inside + outside)
            p = (inside - n * outside) / (inside + n * outside)
            back = np.where(outside == 0, 1.0, (s**2 + p**2) / 2)
            out += float((weight[up] * (1 - back)).sum())
            weight[up] *= back
            depth[up], cosine[up] = -depth[up], inside
        k = np.minimum(np.searchsorted(ends, depth), len(ends) - 1)
        hit = rng.random(depth.size) < (mu_a + mu_s)[k] / most
        weight = np.where(hit, weight * (mu_s / (mu_a + mu_s))[k], weight)
        u, f = rng.random(depth.size), g[k]
        turn = (1 + f**2 - ((1 - f**2) / (1 - f + 2 * f * u)) ** 2) / (2 * f)  # Henyey-Greenstein
        side = np.sqrt(np.clip((1 - cosine**2) * (1 - turn**2), 0, None))
        new = (cosine * turn + side * np.cos(2 * np.pi * rng.random(depth.size))).clip(-1, 1)
        cosine = np.where(hit, new, cosine)
        low = weight < 0.02
        dead = low & (rng.random(depth.size) < 0.8)
        weight = np.where(low, weight * 5, weight)[~dead]
        depth, cosine = depth[~dead], cosine[~dead]
    return out / photons


def test_reflectance_is_that_of_photons_followed_one_by_one():
    """Fair, dark, flushed and blue skin at 450, 545 and 650 nm: within 0.05, and no bias above 0.02."""
    rng = np.random.default_rng(0)
    off = []
    pigment, bare = skin.melanin_absorption(), skin.baseline_absorption()
    whole = (USUAL.horny + USUAL.living) / USUAL.living  # melanin is given for all of the epidermis
    ends = np.cumsum([USUAL.horny, USUAL.living, USUAL.cover, USUAL.deposit]) * 1e-4
    for melanin, blood, deep in ((0.01, 0.01, 0), (0.1, 0.02, 0), (0.3, 0.02, 0), (0.02, 0.1, 0), (0.02, 0.02, 1)):
        clear = (1 - blood) * bare + blood * skin.blood_absorption(0.7)
        inside = [bare, bare + whole * melanin * pigment, clear, clear + deep * USUAL.deposit_melanin * pigment, clear]
        scatter = [skin.epidermis_scattering()] * 2 + [skin.dermis_scattering()] * 3
        for nm in (450, 545, 650):
            i = at(nm)
            # deeper down only the reduced scattering counts, and small g is quicker
            stack = zip(
                [x[i] for x in inside], [x[i] for x in scatter], [0.85, 0.85, 0.7, 0.3, 0.3], [*ends, 1e9], strict=True
            )
            off.append(reflectance(melanin, blood, deep)[i] - follow(rng, list(stack), 2000))
    assert np.abs(off).max() < 0.05
    assert abs(np.mean(off)) < 0.02


# --- skin ------------------------------------------------------------------------------------------------------------


def test_fair_and_dark_spectra_lie_in_published_ranges():
    fair, dark = reflectance(TONES["I"], 0.01), reflectance(TONES["VI"], 0.01)
    assert 0.2 < fair[at(450)] < 0.4
    assert 0.52 < fair[at(650)] < 0.68
    assert dark[at(450)] < 0.1
    assert 0.1 < dark[at(650)] < 0.3

    def w(spectrum):  # oxyhaemoglobin's W: 560 nm stands out between 540 and 575
        return 2 * spectrum[at(560)] / (spectrum[at(540)] + spectrum[at(575)]) - 1

    assert w(fair) > 0.03
    assert 0 < w(dark) < w(fair) + 0.05
    assert w(reflectance(TONES["I"], 0.01, 0, oxygenation=0.0)) < 0


def test_types_have_published_colours():
    """Skin measured in ten thousands lies in L* 25..75, a* 4..17, b* 6..26 (Xiao et al. 2017; CIE 242), hue 35..80."""
    colours = np.array([skin_lab(m, 0.01) for m in TONES.values()])
    assert 65 < colours[0, 0] < 75
    assert 25 < colours[-1, 0] < 40
    assert (np.diff(colours[:, 0]) < 0).all()
    assert ((colours[:, 1] > 4) & (colours[:, 1] < 17)).all()
    assert ((colours[:, 2] > 6) & (colours[:, 2] < 26)).all()
    assert ((hue_angle(colours) > 35) & (hue_angle(colours) < 80)).all()


def test_the_types_have_their_ita():
    for tone, melanin in TONES.items():
        assert skin_ita(melanin) == pytest.approx(TONE_ITA[tone], abs=0.01)
    assert list(TONES) == ["I", "II", "III", "IV", "V", "VI"]
    assert 0.001 < TONES["I"] < 0.02
    assert 0.15 < TONES["VI"] < 0.43


@pytest.mark.parametrize("light", spectra.ILLUMINANTS)
@pytest.mark.parametrize("blood", [0.0, 0.02, 0.07])
def test_melanin_lowers_lightness_and_ita_over_the_whole_range(light, blood):
    values = linear_rgb_to_lab(spectra.linear_rgb(reflectance(np.linspace(0, MELANIN_MOST, 200), blood), light))
    assert (np.diff(values[:, 0]) < 0).all()
    assert (np.diff(ita(values)) < 0).all()
    assert ita(values[-1]) < -50
    if blood <= 0.02:
        assert ita(values[0]) > 55


def test_blood_reddens_and_darkens():
    for melanin in (TONES["I"], TONES["III"], TONES["V"]):
        values = skin_lab(melanin, np.linspace(0, 0.1, 60))
        assert (np.diff(values[:, 1]) > 0).all()
        assert (np.diff(values[:, 0]) < 0).all()
    deep_red = skin_lab(0.02, 0.3)
    assert deep_red[1] > 18
    assert (hue_angle(deep_red) < 40) or (hue_angle(deep_red) > 340)
    red, purple = skin_lab(0.02, 0.2, oxygenation=0.95), skin_lab(0.02, 0.2, oxygenation=0.3)
    assert red[1] > purple[1] + 2  # oxygen makes it redder


def test_deep_melanin_turns_skin_blue_grey():
    for melanin in (TONES["I"], TONES["III"], TONES["V"], TONES["VI"]):
        values = skin_lab(melanin, 0.02, np.linspace(0, 1, 60))
        assert (np.diff(values[:, 2]) < 0).all()
        assert (np.diff(values[:, 0]) < 0).all()
    blue = skin_lab(TONES["I"], 0.01, 1.0)
    brown = skin_lab(0.2, 0.01)
    assert blue[2] < -2
    assert abs(blue[1]) < 4
    assert brown[2] > 15  # the same pigment near the surface is brown
    shallow, usual = (skin_lab(0.01, 0.0, 1.0, anatomy=Anatomy(cover=c)) for c in (10.0, 100.0))
    assert usual[0] > shallow[0]  # deeper pigment is paler


# --- table -----------------------------------------------------------------------------------------------------------

amounts = st.tuples(st.floats(0, MELANIN_MOST), st.floats(0, BLOOD_MOST), st.floats(0, 1))


@given(
    st.lists(amounts, min_size=1, max_size=40), st.sampled_from([0.4, 0.7, 0.95]), st.sampled_from(spectra.ILLUMINANTS)
)
@settings(max_examples=80, deadline=None)
def test_the_table_is_the_optics(points, oxygenation, light):
    melanin, blood, deep = np.array(points, np.float32).T[:, None]
    found = skin_table(oxygenation, light).linear_rgb(melanin, blood, deep)
    want = spectra.linear_rgb(reflectance(melanin, blood, deep, oxygenation), light).clip(0, 1)
    assert found.dtype == np.float32
    assert found.shape == (1, len(points), 3)
    assert np.abs(linear_to_srgb(found) - linear_to_srgb(want)).max() * 255 < 0.5


def test_the_table_between_its_nodes():
    """Where the error is largest: half way between nodes, at the clear end of every axis."""
    rng = np.random.default_rng(0)
    m, b, d = (rng.random((3, 300, 300), np.float32) ** np.array([3, 3, 4], np.float32)[:, None, None]) * np.array(
        [MELANIN_MOST, BLOOD_MOST, 1], np.float32
    )[:, None, None]
    for deep in (d, 0.0):
        found, want = skin_table().linear_rgb(m, b, deep), spectra.linear_rgb(reflectance(m, b, deep))
        assert np.abs(linear_to_srgb(found) - linear_to_srgb(want)).max() * 255 < 0.5


def test_ita_through_the_table_and_through_8_bits():
    for tone, degrees in TONE_ITA.items():
        light = skin_table().linear_rgb(np.full((8, 8), TONES[tone], np.float32), 0.02, 0.0)
        assert float(ita(linear_rgb_to_lab(light).mean((0, 1)))) == pytest.approx(degrees, abs=0.3)
        assert float(ita(lab(to_uint8(light)).mean((0, 1)))) == pytest.approx(degrees, abs=1.0)


def test_the_table_clips_and_takes_numbers():
    table = skin_table()
    plane = np.array([[-1.0, 0.0, MELANIN_MOST, 9.0]], np.float32)
    found = table.linear_rgb(plane, 0.02)
    np.testing.assert_array_equal(found[0, 0], found[0, 1])
    np.testing.assert_array_equal(found[0, 2], found[0, 3])
    np.testing.assert_allclose(
        table.linear_rgb(0.05, 0.02, np.full((1, 1), 9.0)), table.linear_rgb(0.05, 0.02, [[1.0]])
    )
    np.testing.assert_allclose(table.linear_rgb(plane, 0.02, 1e-12), found, atol=1e-4)  # no step at deep = 0
    assert (found >= 0).all()
    assert (found <= 1).all()
    with pytest.raises(CutisError, match="must be planes"):
        table.linear_rgb(0.1, 0.1, 0.1)


def test_tables_are_kept_and_arguments_checked():
    assert skin_table(0.7) is skin_table(0.71)
    assert skin_table(0.7) is not skin_table(0.8)
    for bad in (-0.1, 1.2, float("nan")):
        with pytest.raises(CutisError, match=r"not in 0\.\.1"):
            skin_table(bad)
    with pytest.raises(CutisError, match="did you mean"):
        skin_table(0.7, "led")


@given(st.floats(-60, 58), st.sampled_from([0.005, 0.01, 0.02]))
@settings(max_examples=25, deadline=None)
def test_melanin_for_ita_is_the_inverse(degrees, blood):
    assert skin_ita(melanin_for_ita(degrees, blood), blood) == pytest.approx(degrees, abs=0.01)


def test_an_ita_that_no_skin_has():
    for degrees in (89, -95, float("nan")):
        with pytest.raises(CutisError, match=r"no skin with 0\.02 blood has an ITA"):
            melanin_for_ita(degrees)
