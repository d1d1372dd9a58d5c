"""How the headers of four manufacturers look (`vendors.toml`): a likeness, from memory, to try readers against."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import TypeAdapter

from resorb.study import Plane

Vendor = Literal["siemens", "philips", "ge", "canon"]
Sequence = Literal["tse", "space"]


@dataclass(frozen=True)
class Style:
    """One manufacturer's habits; `vendors.toml` explains each."""

    manufacturer: str
    model: dict[str, str]
    software: tuple[str, ...]
    names: dict[str, str]
    sequence_name: dict[str, str]
    image_type: tuple[str, ...]
    variant: tuple[str, ...]
    options: tuple[str, ...]
    sagittal_from: Literal["right", "left"]
    axial_from: Literal["head", "feet"]
    digits: int
    slice_spacing: tuple[str, ...]
    bits: int
    signed: bool
    rescaled: bool
    flip_deg: dict[str, float]
    echo_train: dict[str, int]
    pixel_bandwidth_hz: dict[str, float]

    def series_name(self, sequence: Sequence, plane: Plane) -> str:
        """What the console calls the series."""
        return self.names[f"{sequence}_{plane.value}"]

    def backwards(self, plane: Plane) -> bool:
        """Whether image 1 lies on the left (sagittal) or at the feet (axial)."""
        return self.axial_from == "feet" if plane is Plane.AXIAL else self.sagittal_from == "left"


@cache
def style(vendor: Vendor) -> Style:
    """The habits of one manufacturer."""
    text = files("resorb.dicom").joinpath("vendors.toml").read_text(encoding="utf-8")
    return TypeAdapter(dict[Vendor, Style]).validate_python(tomllib.loads(text))[vendor]
