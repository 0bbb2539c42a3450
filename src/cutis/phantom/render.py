"""From a scene to a photograph and its truth: skin seen through layers of pigment, blood, veil, hair and light.

Light is linear until the last step. Pigment and blood absorb (Beer-Lambert: colour * exp(-density)), so one lesion
looks right on every tone; what scatters (veil, nests, horn cysts) covers. Structure is anchored to the skin: it turns
with the camera, and is the same at every size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.errors import CutisError
from cutis.phantom.scene import SKIN_LAB, Scene

Field = NDArray[Any]  # one float32 plane, or (H, W, 3) light

# Relative absorption in R, G, B, after the known spectra: melanin falls with wavelength, haemoglobin peaks in green.
_MELANIN = np.array([0.68, 1.0, 1.22], np.float32)
_BLOOD = np.array([0.10, 1.0, 0.72], np.float32)
_KERATIN = np.array([0.05, 0.22, 0.8], np.float32)
_VEIL = np.array([0.20, 0.218, 0.255], np.float32)  # blue-grey, linear light
_NEST = np.array([0.05, 0.058, 0.085], np.float32)
_MILIUM = np.array([0.74, 0.60, 0.42], np.float32)
_FINE = 4  # hairs, vessels and dots are drawn this much larger, then averaged
_TILE, _CELL = 96, 6  # cells of the noise sheet, and its pixels a cell


@dataclass(frozen=True, slots=True)
class Truth:
    """What is where. mask: (H, W) bool, inside the lesion's outline, seen or hidden; hair: (H, W) bool."""

    mask: NDArray[np.bool_]
    hair: NDArray[np.bool_]


def render(scene: Scene, size: int = 128) -> tuple[NDArray[np.uint8], Truth]:
    """Photograph `scene`: ((size, size, 3) uint8 sRGB, Truth). The same scene and size give the same bytes.

    Raises CutisError if size is not in 16..4096.
    """
    if not 16 <= size <= 4096:
        raise CutisError(f"phantom: size {size} is not in 16..4096 pixels.")
    view = _View(scene, size)
    structure, photo = np.random.default_rng(scene.seed), np.random.default_rng(scene.photo_seed)
    skin_rng, lesion_rng = structure.spawn(2)
    melanin, blood = _skin(skin_rng, view)
    keratin: Field = np.zeros_like(melanin)
    cover, mask = np.zeros_like(melanin), np.zeros(melanin.shape, bool)
    if scene.radius > 0:
        cover, mask = _outline(lesion_rng, view)
        pigment, vessels = _pigment(lesion_rng, view, cover)
        melanin = melanin + pigment
        blood = blood + cover * scene.blood + vessels
        keratin = cover * scene.keratin
    base = _linear_from_lab(np.add(SKIN_LAB[scene.tone], scene.skin_shift))
    layers = zip(_MELANIN, _BLOOD, _KERATIN, strict=True)
    density = cv2.merge([melanin * m + blood * b + keratin * k for m, b, k in layers])
    light = cv2.exp(-density) * base
    if scene.radius > 0:
        light = _scatter(lesion_rng, view, light, cover, float(base.mean()))
    light, hair = _hair(photo, view, light)
    light = light * _lamp(view)[..., None] * np.array([1 + scene.warmth, 1, 1 - scene.warmth], np.float32)
    if scene.blur * size > 0.2:
        light = cv2.GaussianBlur(light, (0, 0), scene.blur * size)
    grey = _srgb(light) * 255 + photo.standard_normal(light.shape, np.float32) * scene.noise
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8), Truth(mask, hair)


class _View:
    """Where each pixel looks: p, q on the skin (image widths from the lesion's centre), u, v the same in radii."""

    def __init__(self, scene: Scene, size: int) -> None:
        self.scene, self.size = scene, size
        at = (np.arange(size, dtype=np.float32) + 0.5) / size
        dx, dy = at[None] - scene.x, at[:, None] - scene.y
        cos, sin = math.cos(scene.angle) / scene.zoom, math.sin(scene.angle) / scene.zoom
        self.p, self.q = cos * dx + sin * dy, cos * dy - sin * dx
        self.x, self.y = at[None] * 2 - 1, at[:, None] * 2 - 1
        scale = 1 / max(scene.radius, 1e-6)
        self.u, self.v = self.p * scale, self.q * scale

    def noise(self, rng: np.random.Generator, cells: float) -> Field:
        """Smooth noise, mean 0, deviation about 0.7, with `cells` cells a radius."""
        return _noise(rng, self.u, self.v, cells)

    def grain(self, rng: np.random.Generator, cells: float) -> Field:
        """The same, with `cells` cells an image width, for skin."""
        return _noise(rng, self.p, self.q, cells)

    def across(self, angle: float, wave: float) -> Field:
        """Phase of a plane wave that runs over the skin, `wave` radians an image width."""
        return self.p * (math.cos(angle) * wave) + self.q * (math.sin(angle) * wave)

    def away(self, angle: float, far: float) -> Field:
        """Squared distance, in radii, from a point `far` radii off the lesion's centre."""
        return (self.u - far * math.cos(angle)) ** 2 + (self.v - far * math.sin(angle)) ** 2

    def pixels(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        """(n, 2) lesion points in radii -> pixels of the fine canvas, with 4 fractional bits."""
        scene = self.scene
        cos, sin = math.cos(scene.angle) * scene.zoom, math.sin(scene.angle) * scene.zoom
        turned = points @ np.array([[cos, sin], [-sin, cos]]) * scene.radius + (scene.x, scene.y)
        return self.fixed(turned)

    def fixed(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        return np.rint((points * self.size * _FINE - 0.5) * 16).astype(np.int32)

    def canvas(self) -> NDArray[np.uint8]:
        return np.zeros((self.size * _FINE, self.size * _FINE), np.uint8)

    def shrink(self, canvas: NDArray[np.uint8]) -> Field:
        """A drawn canvas as coverage 0..1 at the image's size."""
        return cv2.resize(canvas, (self.size, self.size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


@cache
def _tile() -> Field:
    """A sheet of smooth noise, `_TILE` cells square, that repeats. Always the same: scenes choose where to look."""
    knots = np.random.default_rng(0).standard_normal((_TILE, _TILE), np.float32)
    wide = cv2.resize(np.pad(knots, 4, mode="wrap"), None, fx=_CELL, fy=_CELL, interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(wide[4 * _CELL : -4 * _CELL, 4 * _CELL : -4 * _CELL])


def _noise(rng: np.random.Generator, u: Field, v: Field, cells: float) -> Field:
    turn, left, top = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.3, 0.7))
    cos, sin = math.cos(turn) * cells * _CELL, math.sin(turn) * cells * _CELL
    x, y = cos * u + sin * v + left * _TILE * _CELL, cos * v - sin * u + top * _TILE * _CELL
    return cv2.remap(_tile(), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def _skin(rng: np.random.Generator, view: _View) -> tuple[Field, Field]:
    """Densities of plain skin around the tone's mean: blotches, grain, and the criss-cross of fine furrows."""
    warp, wave, grain = view.grain(rng, 9), view.grain(rng, 4), view.grain(rng, 45)
    turn = rng.uniform(0, np.pi)
    furrows = np.zeros_like(warp)
    for angle in (turn, turn + rng.uniform(0.9, 1.3)):
        phase = view.across(angle, rng.uniform(70, 105)) + 2.6 * warp + 2.2 * wave
        furrows += cv2.pow(np.cos(phase), 4)
    melanin = 0.05 * view.grain(rng, 6) + 0.035 * grain + (0.022 + 0.012 * wave) * furrows
    blood = 0.07 * wave + 0.06 * view.grain(rng, 16) + 0.02 * grain
    return melanin, blood


def _outline(rng: np.random.Generator, view: _View) -> tuple[Field, NDArray[np.bool_]]:
    """How much of the lesion covers each pixel (0..1, soft), and the mask (its half-way line)."""
    scene = view.scene
    turn = np.linspace(0, 2 * np.pi, 2048, endpoint=False)
    k = np.arange(1, len(scene.bumps) + 1)[:, None]
    table = 1 + (np.array(scene.bumps)[:, None] * np.cos(k * turn + np.array(scene.phases)[:, None])).sum(0)
    distance, angle = cv2.cartToPolar(view.u, view.v)
    reach = table.astype(np.float32)[(angle * (2048 / (2 * np.pi))).astype(np.int32) & 2047]
    inside = reach - distance + 0.04 * view.noise(rng, 4)
    frayed = inside + 0.3 * scene.edge * (view.noise(rng, 8) + 0.6 * view.noise(rng, 18))
    soft = (frayed / max(scene.edge, 0.01) + 0.5).clip(0, 1)
    return soft * soft * (3 - 2 * soft), inside > 0


def _pigment(rng: np.random.Generator, view: _View, cover: Field) -> tuple[Field, Field]:
    """Melanin's density and the vessels' blood."""
    scene = view.scene
    slow, fast = view.noise(rng, 1.3), view.noise(rng, 4.5)
    shade = 1 + scene.mottle * (0.8 * slow + 0.45 * fast)
    shade += 0.10 * view.noise(rng, 12) + 0.10 * view.grain(rng, 34)
    shade *= 1 + 0.25 * (1 - view.u**2 - view.v**2).clip(-1, 1)  # darker in the middle
    if scene.network:
        shade *= 1 + scene.network * _network(rng, view, slow)
    if scene.ridges:
        fissures = cv2.exp(-cv2.pow((view.noise(rng, 3.2) + 0.35 * view.noise(rng, 8)) / 0.2, 2))
        shade += scene.ridges * (0.7 * fissures - 0.25)
    if scene.blotch:
        far = view.away(float(rng.uniform(0, 2 * np.pi)), 0.4) + 0.15 * slow + 0.08 * fast
        shade += 1.1 * scene.blotch * cv2.exp(-far.clip(0) / 0.22)
    melanin = cover * shade.clip(0.12) * scene.melanin
    if scene.globules:
        melanin += 0.7 * cover * _spots(rng, view, scene.globules, 0.025, 0.055, 1.0)
    vessels = 1.7 * _vessels(rng, view) if scene.vessels else np.zeros_like(cover)
    return melanin, vessels


def _network(rng: np.random.Generator, view: _View, slow: Field) -> Field:
    """A honeycomb of dark lines, about -0.6..1.2: three plane waves at 60 degrees, bent by noise; it comes and goes."""
    scene = view.scene
    bend, knots = 1.1 + 0.7 * scene.network_disorder, 0.55 / scene.network_period
    bends = [bend * (view.grain(rng, knots) + view.grain(rng, 0.3 * knots)) for _ in range(2)]
    holes = np.zeros_like(slow)
    for angle in (0.0, 2 * np.pi / 3, 4 * np.pi / 3):
        phase = view.across(angle, 2 * np.pi / scene.network_period * 1.1547)
        holes += np.cos(phase + math.cos(angle) * bends[0] + math.sin(angle) * bends[1])
    lines = ((0.5 * bends[0] - holes) / 1.5).clip(0, 1)  # some thicker than others
    here: Field = (0.75 + 0.8 * slow + 0.7 * view.noise(rng, 3)).clip(0.05, 1.3)
    return (1.9 * lines - 0.65) * here


def _scatter(rng: np.random.Generator, view: _View, light: Field, cover: Field, brightness: float) -> Field:
    """What covers pigment: blue-white veil, blue-grey nests, horn cysts. Dimmer where the skin itself is dark."""
    scene = view.scene
    dim = (brightness / 0.45) ** 0.5
    layers = []
    if scene.veil:
        far = view.away(float(rng.uniform(0, 2 * np.pi)), 0.3) + 0.3 * view.noise(rng, 2.2) + 0.12 * view.noise(rng, 6)
        haze = cv2.exp(-far.clip(0) / 0.35) * (0.8 + 0.3 * view.noise(rng, 9))
        layers.append((scene.veil * haze * cover, dim * _VEIL))
    if scene.nests:
        layers.append((0.8 * cover * _spots(rng, view, scene.nests, 0.08, 0.18, 0.85), dim * _NEST))
    if scene.milia:
        layers.append((0.8 * cover * _spots(rng, view, scene.milia, 0.03, 0.075, 0.9), dim * _MILIUM))
    for amount, colour in layers:
        light = light + amount.clip(0, 1)[..., None] * (colour.astype(np.float32) - light)
    return light


def _spots(rng: np.random.Generator, view: _View, count: int, low: float, high: float, reach: float) -> Field:
    """Coverage by `count` soft ovals of `low`..`high` radii across, strewn over the lesion."""
    turn, far = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(0, reach**2, count))
    centres = view.pixels(np.column_stack([np.cos(turn), np.sin(turn)]) * far[:, None])
    unit = view.scene.radius * view.scene.zoom * view.size * _FINE
    sizes = rng.uniform(low, high, (count, 1)) * rng.uniform((0.7, 1), (1, 1.3), (count, 2)) * unit * 16
    canvas = view.canvas()
    strengths, tilts = rng.integers(130, 256, count), rng.uniform(0, 180, count)
    for centre, axes, tilt, strength in zip(centres, np.rint(sizes).astype(int), tilts, strengths, strict=True):
        cv2.ellipse(canvas, centre.tolist(), axes.tolist(), float(tilt), 0, 360, int(strength), -1, cv2.LINE_8, 4)
    return cv2.GaussianBlur(view.shrink(canvas), (0, 0), max(0.3, 0.2 * (low + high) / 2 * unit / _FINE))


def _vessels(rng: np.random.Generator, view: _View) -> Field:
    """Coverage by arborising vessels: trunks that come in from the edge, bend, thin out and branch."""
    canvas = view.canvas()
    unit = view.size * _FINE
    stack = []
    for _ in range(view.scene.vessels):
        turn = rng.uniform(0, 2 * np.pi)
        start = np.array([np.cos(turn), np.sin(turn)]) * rng.uniform(0.6, 1.0)
        stack.append((start, turn + np.pi + rng.uniform(-0.5, 0.5), rng.uniform(0.008, 0.013), 12))
    while stack:
        point, heading, width, steps = stack.pop()
        bends = rng.normal(0, 0.28, steps).cumsum() + heading
        path = point + 0.09 * np.column_stack([np.cos(bends), np.sin(bends)]).cumsum(0)
        path = np.vstack([point, path])
        pixels = view.pixels(path)
        for i in range(steps):
            thick = max(1, round(width * (1 - 0.6 * i / steps) * unit))
            cv2.line(canvas, pixels[i].tolist(), pixels[i + 1].tolist(), 255, thick, cv2.LINE_8, 4)
        if steps > 5:
            for i in rng.integers(2, steps, 3):
                side = rng.choice([-1, 1]) * rng.uniform(0.5, 1.0)
                stack.append((path[i], bends[i - 1] + side, width * 0.6, steps // 2))
    return cv2.GaussianBlur(view.shrink(canvas), (0, 0), max(0.3, 0.003 * view.size))


def _hair(rng: np.random.Generator, view: _View, light: Field) -> tuple[Field, NDArray[np.bool_]]:
    """Curved, tapering hairs that lie over the skin and darken it a little beside them; and where they are."""
    scene = view.scene
    if scene.hairs == 0:
        return light, np.zeros(light.shape[:2], bool)
    canvas = view.canvas()
    t = np.linspace(0, 1, 16)[:, None]
    lie = rng.uniform(0, 2 * np.pi)
    for _ in range(scene.hairs):
        root, heading = rng.uniform(-0.1, 1.1, 2), lie + rng.normal(0, 0.35)
        length, bend = rng.uniform(0.2, 0.75), rng.normal(0, 0.07)
        along, across = np.array([np.cos(heading), np.sin(heading)]), np.array([-np.sin(heading), np.cos(heading)])
        path = root + length * (t * along + bend * 4 * t * (1 - t) * across)
        half = 0.5 * scene.hair_width * rng.uniform(0.7, 1.2) * (1 - 0.85 * t**1.5)
        normal = across - bend * 4 * (1 - 2 * t) * along
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        cv2.fillPoly(
            canvas, [view.fixed(np.vstack([path + half * normal, (path - half * normal)[::-1]]))], 255, cv2.LINE_8, 4
        )
    hair = view.shrink(canvas)
    shadow = cv2.GaussianBlur(hair, (0, 0), max(0.5, 0.008 * view.size))
    colour = _linear(np.array(scene.hair_colour, np.float32) / 255)
    light = light * (1 - 0.25 * shadow[..., None])
    return light + 0.92 * hair[..., None] * (colour - light), hair > 0.35


def _lamp(view: _View) -> Field:
    """How bright the light is at each pixel."""
    scene = view.scene
    slope = 1 + scene.slope * (math.cos(scene.slope_angle) * view.x + math.sin(scene.slope_angle) * view.y)
    far = np.sqrt(view.x**2 + view.y**2)
    lamp = scene.gain * slope * (1 - scene.vignette * (far / 1.414) ** 3)
    if scene.aperture < 1.5:
        lamp = lamp * (0.02 + 0.98 / (1 + np.exp(((far - scene.aperture) / 0.02).clip(-40, 40))))
    return lamp


def _srgb(linear: Field) -> Field:
    """Linear light 0..1 -> sRGB 0..1 (IEC 61966-2-1)."""
    linear = linear.clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * cv2.pow(linear, 1 / 2.4) - 0.055)


def _linear(srgb: Field) -> Field:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _linear_from_lab(lab: NDArray[np.float64]) -> Field:
    """CIE L*a*b* (D65) -> linear sRGB (3,), clipped to the gamut."""
    f = (lab[0] + 16) / 116 + np.array([lab[1] / 500, 0, -lab[2] / 200])
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * (0.95047, 1.0, 1.08883)
    to_rgb = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    rgb: NDArray[np.float64] = to_rgb @ xyz
    return rgb.clip(0, 1).astype(np.float32)
