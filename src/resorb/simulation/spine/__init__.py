"""A random but plausible lumbar spine, from T11 to the sacrum, and its exact landmarks."""

from resorb.simulation.spine.build import make_spine

__all__ = ["make_spine"]
