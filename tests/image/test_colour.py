"""Colour against published tables (Sharma 2005, IEC, CIE, Lindbloom) and against itself there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.image import colour

# Sharma, Wu & Dalal 2005, table 1: L1 a1 b1 L2 a2 b2 and CIEDE2000
SHARMA_TABLE = """
50 2.6772 -79.7751 50 0 -82.7485 2.0425
50 3.1571 -77.2803 50 0 -82.7485 2.8615
50 2.8361 -74.0200 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1.0000
50 -1.1848 -84.8006 50 0 -82.7485 1.0000
50 -0.9009 -85.5211 50 0 -82.7485 1.0000
50 0 0 50 -1 2 2.3669
50 -1 2 50 0 0 2.3669
50 2.4900 -0.0010 50 -2.4900 0.0009 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0010 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0011 7.2195
50 2.4900 -0.0010 50 -2.4900 0.0012 7.2195
50 -0.0010 2.4900 50 0.0009 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0010 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0011 -2.4900 4.7461
50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492
50 2.5 0 61 -5 29 22.8977
50 2.5 0 56 -27 -3 31.9030
50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 0.5854 1.0000
50 2.5 0 50 3.2972 0 1.0000
50 2.5 0 50 1.8634 0.5757 1.0000
50 2.5 0 50 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""
SHARMA = np.array(SHARMA_TABLE.split(), float).reshape(-1, 7)

# Google's Monk Skin Tone anchors and their ITA (D65, 2 degrees), computed independently
MONK = ["f6ede4", "f3e7db", "f7ead0", "eadaba", "d7bd96", "a07e56", "825c43", "604134", "3a312a", "292420"]
MONK_ITA = [83.0, 80.2, 71.7, 64.7, 50.3, 10.9, -20.1, -55.4, -78.3, -84.3]


def rgb(code: str) -> np.ndarray:
    return np.array([[list(bytes.fromhex(code))]], np.uint8)


def exact_lab(image: np.ndarray) -> np.ndarray:
    return colour.linear_rgb_to_lab(colour.srgb_to_linear(image.astype(np.float64) / 255))


def test_ciede2000_is_sharmas_table():
    found = colour.delta_e_2000(SHARMA[:, :3], SHARMA[:, 3:6])
    np.testing.assert_allclose(found, SHARMA[:, 6], atol=5e-5)
    np.testing.assert_allclose(colour.delta_e_2000(SHARMA[:, 3:6], SHARMA[:, :3]), SHARMA[:, 6], atol=5e-5)


def test_known_colours_in_cielab():
    for code, want in {
        "ffffff": (100, 0, 0),
        "000000": (0, 0, 0),
        "ff0000": (53.24, 80.09, 67.20),
        "00ff00": (87.73, -86.18, 83.18),
        "0000ff": (32.30, 79.19, -107.86),
        "777777": (50.03, 0, 0),
    }.items():
        np.testing.assert_allclose(exact_lab(rgb(code))[0, 0], want, atol=0.02)


def test_ita_of_the_monk_scale():
    found = [float(colour.ita(colour.lab(rgb(code)))[0, 0]) for code in MONK]
    np.testing.assert_allclose(found, MONK_ITA, atol=0.1)


def test_ita_by_hand_and_where_plain_arctan_flips():
    assert colour.ita([70.0, 8.0, 20.0]) == pytest.approx(45)
    assert colour.ita([30.0, 8.0, 20.0]) == pytest.approx(-45)
    assert colour.ita([60.0, 0.0, 0.0]) == pytest.approx(90)
    assert colour.ita([60.0, 0.0, -5.0]) == pytest.approx(180 - 63.4349, abs=1e-3)
    assert colour.hue_angle([50.0, 0.0, 3.0]) == pytest.approx(90)
    assert colour.hue_angle([50.0, 3.0, -3.0]) == pytest.approx(315)


def test_the_fast_path_is_the_formula():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (200, 300, 3), np.uint8)
    image[:20] = rng.integers(0, 12, (20, 300, 3))  # where the curves are lines
    image[20, :256] = np.arange(256)[:, None]
    fast = colour.lab(image)
    assert fast.dtype == np.float32
    assert np.abs(fast - exact_lab(image)).max() < 0.001
    assert np.abs(fast[20, :256, 1:]).max() < 0.001  # grey has no hue
    np.testing.assert_allclose(colour.lab(image[:, ::-1]), fast[:, ::-1], atol=1e-4)  # a view that isn't contiguous


def test_the_fast_path_refuses_other_arrays():
    for bad in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((4, 4, 4), np.uint8)):
        with pytest.raises(CutisError, match="8-bit RGB image"):
            colour.lab(bad)
    assert colour.lab(np.zeros((0, 5, 3), np.uint8)).shape == (0, 5, 3)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
@settings(max_examples=200, deadline=None)
def test_there_and_back(values):
    light = np.array(values)
    np.testing.assert_allclose(colour.srgb_to_linear(colour.linear_to_srgb(light)), light, atol=2e-7)
    np.testing.assert_allclose(colour.xyz_to_linear_rgb(colour.linear_rgb_to_xyz(light)), light, atol=1e-12)
    np.testing.assert_allclose(colour.lab_to_linear_rgb(colour.linear_rgb_to_lab(light)), light, atol=1e-10)


def test_every_8_bit_level_survives_and_float32_stays():
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(colour.to_uint8(colour.srgb_to_linear(levels / 255)), levels)
    light = np.full((2, 2, 3), 0.3, np.float32)
    for f in (colour.srgb_to_linear, colour.linear_to_srgb, colour.linear_rgb_to_xyz, colour.linear_rgb_to_lab):
        assert f(light).dtype == np.float32
    assert colour.srgb_to_linear(0.5) == pytest.approx(0.21404, abs=1e-5)  # IEC 61966-2-1


def test_white_points():
    for kelvin, xy in {5003: (0.3457, 0.3586), 6504: (0.3127, 0.3291), 7504: (0.2991, 0.3149)}.items():
        np.testing.assert_allclose(colour.daylight_xy(kelvin), xy, atol=2e-4)
    for kelvin, xy in {2000: (0.5267, 0.4133), 2856: (0.4476, 0.4074), 6500: (0.3135, 0.3237)}.items():
        np.testing.assert_allclose(colour.planckian_xy(kelvin), xy, atol=1e-3)
    with pytest.raises(CutisError, match=r"4000\.\.25000"):
        colour.daylight_xy(3000)
    with pytest.raises(CutisError, match="1667"):
        colour.planckian_xy(900)


def test_bradford_is_lindblooms_matrix():
    found = colour.adaptation([0.95047, 1, 1.08883], [0.96422, 1, 0.82521])
    want = [[1.0478112, 0.0228866, -0.0501270], [0.0295424, 0.9904844, -0.0170491], [-0.0092345, 0.0150436, 0.7521316]]
    np.testing.assert_allclose(found, want, atol=1e-5)
    np.testing.assert_allclose(colour.adaptation(colour.D65), np.eye(3), atol=1e-12)
    with pytest.raises(CutisError, match="not the XYZ of a white"):
        colour.adaptation([0.0, 0.0, 0.0])
