"""Herniations put into, and taken out of, real scans."""

from resorb.simulation.implant.implant import implant
from resorb.simulation.implant.remove import remove
from resorb.simulation.implant.result import Implanted

__all__ = ["Implanted", "implant", "remove"]
