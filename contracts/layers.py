"""One layer of an encoded text undone, with the way back: what was escaped read, what was spaced out closed up."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from html.entities import html5

MOST_LAYERS = 6

_SPACE = re.compile(rb"(?:[\s\x00]|\xc2[\x85\xa0\xad]|\xe2\x80[\x80-\x8f\xa8-\xaf]|\xe2\x81\xa0|\xef\xbb\xbf)++")
_ESCAPE = re.compile(
    rb"%[0-9A-Fa-f]{2}"
    rb"|\\u[0-9A-Fa-f]{4}(?:\\u[dD][c-fC-F][0-9A-Fa-f]{2})?+"
    rb"|\\u\{[0-9A-Fa-f]{1,6}\}|\\x[0-9A-Fa-f]{2}|\\[nrtbf\"'\\/]"
    rb"|&#[0-9]{1,12};?+|&#[xX][0-9A-Fa-f]{1,12};?+|&[A-Za-z][A-Za-z0-9]{1,31};"
)
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


@dataclass(frozen=True)
class Layer:
    """A view of some bytes, and where in them each part of the view comes from."""

    data: bytes
    view: bytes
    what: re.Pattern[bytes]

    @cached_property
    def _pieces(self) -> tuple[list[int], list[tuple[int, int, int]]]:
        """Where in the view each changed piece begins; its end there, and where it stands in the data."""
        begins, pieces, gone = [], [], 0
        for found in self.what.finditer(self.data):
            made = b"" if self.what is _SPACE else _read(found)
            begin = found.start() - gone
            begins.append(begin)
            pieces.append((begin + len(made), found.start(), found.end()))
            gone += len(found[0]) - len(made)
        return begins, pieces

    def source(self, start: int, end: int) -> tuple[int, int]:
        """The span of the data that shows as this span of the view. An empty one is not asked for."""
        return self._at(start)[0], self._at(end - 1)[1]

    def _at(self, place: int) -> tuple[int, int]:
        """Where the byte of the view at `place` stands in the data."""
        begins, pieces = self._pieces
        index = bisect_right(begins, place) - 1
        if index < 0:
            return place, place + 1
        ends, source_start, source_end = pieces[index]
        if place < ends:
            return source_start, source_end
        return source_end + place - ends, source_end + place - ends + 1


def stripped(data: bytes) -> Layer:
    """The data without white space, line ends and what has no width."""
    return Layer(data, _SPACE.sub(b"", data), _SPACE)


def decoded(data: bytes) -> Layer:
    """The data with each escape of URLs, JSON and HTML read once."""
    return Layer(data, _ESCAPE.sub(_read, data), _ESCAPE)


def _read(found: re.Match[bytes]) -> bytes:
    text: bytes = found[0]
    if text[:1] == b"%":
        return bytes([int(text[1:], 16)])
    if text[:1] == b"&":
        return _entity(text)
    if text[1:2] == b"x":
        return bytes([int(text[2:], 16)])
    if text[1:2] != b"u":
        return _CONTROLS.get(text[1:], text[1:])
    if text[2:3] == b"{":
        return _character(int(text[3:-1], 16)) or text
    units = b"".join(int(part, 16).to_bytes(2, "big") for part in text[2:].split(rb"\u"))
    return units.decode("utf-16-be", "surrogatepass").encode("utf-8", "surrogatepass")


def _entity(text: bytes) -> bytes:
    if text[1:2] != b"#":
        known = html5.get(text[1:].decode("ascii"))
        return text if known is None else known.encode()
    number = text[2:].rstrip(b";")
    code = int(number[1:], 16) if number[:1] in b"xX" else int(number)
    return _character(code) or text


def _character(code: int) -> bytes:
    return chr(code).encode("utf-8", "surrogatepass") if code <= 0x10FFFF else b""
