"""Displaced disc material: what was asked for is filled in, given a shape, and pressed into the spine."""

from resorb.simulation.herniation.press import press
from resorb.simulation.herniation.shape import displace, fill

__all__ = ["displace", "fill", "press"]
