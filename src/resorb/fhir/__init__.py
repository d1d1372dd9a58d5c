"""FHIR R4B and R5: a clinical course as a bundle, and a bundle as a course."""

from resorb.fhir.followed import FollowedChange, FollowedHerniation, followed_herniations
from resorb.fhir.leftovers import Leftover
from resorb.fhir.reading import Imported, from_bundle
from resorb.fhir.writing import Exported, to_bundle

__all__ = [
    "Exported",
    "FollowedChange",
    "FollowedHerniation",
    "Imported",
    "Leftover",
    "followed_herniations",
    "from_bundle",
    "to_bundle",
]
