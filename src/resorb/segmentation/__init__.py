"""Segment: from a study to its anatomy, by the embedded model or by a label map made elsewhere."""

from resorb.segmentation.labelmaps import SCHEMES
from resorb.segmentation.segment import anatomy_from_mask, segment

__all__ = ["SCHEMES", "anatomy_from_mask", "segment"]
