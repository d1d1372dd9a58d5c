"""The scanner: what T2-weighted MRI shows of a simulated body."""

from resorb.simulation.scanner.geometry import Lying
from resorb.simulation.scanner.protocol import fill
from resorb.simulation.scanner.scan import Scan, acquire

__all__ = ["Lying", "Scan", "acquire", "fill"]
