"""What a GIF's blocks say: its frames and its colour profile. Source: GIF89a; ICC's extension ICCRGBG1012."""

from __future__ import annotations

from cutis.image.source import Unsupported

MOST_FRAMES = 10_000  # counted; a longer animation says this number
_MOST_BLOCKS = 2_000_000  # of up to 255 bytes
_ICC = b"ICCRGBG1012"


def read_gif(data: bytes) -> tuple[int, bytes]:
    """(frames, profile); a file that ends early has the frames until there. Raises Unsupported past `_MOST_BLOCKS`."""
    frames, profile, left = 0, b"", _MOST_BLOCKS
    at = 13 + _table(data[10:11])
    while at < len(data) and frames < MOST_FRAMES and left > 0:
        mark = data[at]
        if mark == 0x2C:
            frames += 1
            at, _, left = _blocks(data, at + 11 + _table(data[at + 9 : at + 10]), left)
        elif mark == 0x21:
            is_profile = data[at + 1 : at + 2] == b"\xff" and data[at + 3 : at + 14] == _ICC and not profile
            at, body, left = _blocks(data, at + 2, left, keep=is_profile)
            profile = body[len(_ICC) :] if is_profile else profile
        else:
            break
    if left <= 0:
        raise Unsupported(f"a GIF of more than {_MOST_BLOCKS:,} blocks; save it again")
    return max(1, frames), profile


def _table(flags: bytes) -> int:
    """Bytes of the colour table that a packed byte announces."""
    return 3 * 2 ** ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _blocks(data: bytes, at: int, left: int, *, keep: bool = False) -> tuple[int, bytes, int]:
    """The position after a chain of sub-blocks, what they hold, and how many more may be looked at."""
    held = []
    while at < len(data) and left and (size := data[at]):
        if keep:
            held.append(data[at + 1 : at + 1 + size])
        at, left = at + 1 + size, left - 1
    return at + 1, b"".join(held), left - 1
