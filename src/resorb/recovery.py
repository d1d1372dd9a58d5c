"""The synthetic recovery check: herniations of known volume in crops of a patient's own scans, found again or not.

They are made by the evaluation generator, which the embedded model was never trained on, at levels where no herniation
was found. The crop is outlined by the embedded model with and without each, and measured against the same reference
surface: what differs between the two is what would be found of a change of that volume in these very scans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from resorb.anatomy import Anatomy, Level, Structure, anatomy_index
from resorb.errors import NotMeasurableError, UsageError
from resorb.limits import Limits
from resorb.measurement import measure
from resorb.reading import DiscReading, Quantity
from resorb.recovered import Implant, Recovery
from resorb.segmentation.model import EmbeddedModel, Segmenter
from resorb.segmentation.segment import outlined
from resorb.simulation.implant.evaluation import implant_for_evaluation
from resorb.simulation.spec import HerniationSpec, Morphology
from resorb.study import FloatArray, Study, Volume
from resorb.timepoint import Timepoint

IMPLANTS = 20
#: More requests than this, for each implant wanted, are not tried: canals that hold nothing would never end it.
MOST_TRIES = 3
FEWEST = 10  # implants from which a share is stated
#: Volumes are drawn evenly by logarithm over what follow-up is about: a small rest to a large herniation.
VOLUME_MM3 = (100.0, 800.0)
MORPHOLOGIES: tuple[Morphology, ...] = ("protrusion", "extrusion")
#: The crop reaches so far above and below the disc's middle, in front of and behind its margin, mm; of what is outlined
#: again only the innermost part counts, up to the middles of the neighbouring bodies.
HALF_HEIGHT_MM, AHEAD_MM, BEHIND_MM, INNER_MM = 55.0, 70.0, 50.0, 22.0
#: Cochran 1977, Sampling Techniques, chapter 6.
METHOD = "measured over known volume, all synthetic herniations together (ratio estimator)"
CONFIDENCE = 0.95

Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class _Site:
    """A level without a herniation, cut out of one date."""

    date: int
    point: Timepoint
    level: Level
    study: Study
    labels: Volume
    segmenter: Segmenter
    limits: Limits

    def with_image(self, image: Volume) -> Study:
        """The study of the crop alone, with another image in it."""
        series = replace(self.study.sagittal, stacks=(image,))
        return replace(self.study, series=(series,), sagittal=series, axial=None)

    def measured(self, image: Volume) -> DiscReading:
        """The level on an image of the crop, outlined by the model and measured against the date's own reference."""
        found = outlined(image, self.segmenter).structures.data
        anatomy = Anatomy(
            self.labels.with_data(self._labelled(found)),
            (self.level,),
            self.point.anatomy.naming,
            self.point.anatomy.source,
            {},
        )
        frames = {self.level: self.point.frames[self.level]}
        return measure(self.with_image(image), anatomy, self.limits, frames=frames).disc(self.level)

    def _labelled(self, found: NDArray[np.uint8]) -> NDArray[np.uint16]:
        """Disc and sac as found near the level, everything else as it was: bone has not moved."""
        labels = self.labels.data
        disc, sac = anatomy_index(Structure.DISC, self.level.upper), anatomy_index(Structure.THECAL_SAC)
        soft = np.isin(labels, (0, disc, sac)) & self._inner()
        new = np.select([found == Structure.DISC, found == Structure.THECAL_SAC], [disc, sac], 0)
        return np.where(soft, new, labels).astype(np.uint16)

    def _inner(self) -> NDArray[np.bool_]:
        index = np.moveaxis(np.indices(self.labels.shape), 0, -1)
        local = self.point.frames[self.level].to_local(self.labels.to_world(index))
        return np.asarray(np.abs(local[..., 2]) <= INNER_MM)


def recover(
    timepoints: Sequence[Timepoint],
    limits: Limits,
    *,
    implants: int = IMPLANTS,
    segmenter: Segmenter | None = None,
    progress: Progress | None = None,
) -> Recovery:
    """Put herniations of known volume into the patient's own scans, and tell how much of them is measured.

    Args:
        timepoints: the dates, measured against the joint reference, in whose frames the implants are measured too.
        implants: how many; they are spread over the dates and their levels without a herniation.
        segmenter: what outlines the crops; the embedded model if None.
        progress: called with a word and the fraction done.

    Raises:
        NotMeasurableError: no level without a herniation is there to put one in.
    """
    segmenter = segmenter or EmbeddedModel()
    tell = progress or (lambda _what, _fraction: None)
    sites = list(_sites(timepoints, segmenter, limits))
    if not sites:
        raise NotMeasurableError("no level without a herniation: there is nowhere to put a synthetic one")
    before: dict[int, DiscReading] = {}
    made: list[Implant] = []
    tries = 0
    for place, site in cycle(enumerate(sites)):
        if len(made) == implants or tries == MOST_TRIES * implants:
            break
        tell("Implanting", len(made) / implants)
        if place not in before:
            before[place] = site.measured(site.study.sagittal.volume)
        made += _implanted(site, tries, before[place])
        tries += 1
    share, scatter = _recovered(made)
    source = str(getattr(segmenter, "source", type(segmenter).__name__))
    return Recovery(
        implants=tuple(made), share=share, scatter_mm3=scatter, segmented_by=source, refused=tries - len(made)
    )


def _sites(timepoints: Sequence[Timepoint], segmenter: Segmenter, limits: Limits) -> Iterator[_Site]:
    """Lumbar levels without a herniation, date by date."""
    for number, point in enumerate(timepoints, start=1):
        for disc in point.reading.discs:
            level = Level.parse(disc.level)
            if level in point.frames and not disc.herniations and "thoracic" not in disc.flags:
                yield _cut(number, point, level, segmenter, limits)


def _cut(number: int, point: Timepoint, level: Level, segmenter: Segmenter, limits: Limits) -> _Site:
    image, labels = point.study.sagittal.volume.sagittal(), point.anatomy.labels.sagittal()
    frame = point.frames[level]
    corners = np.stack(
        np.meshgrid([0.0], [-AHEAD_MM, BEHIND_MM], [-HALF_HEIGHT_MM, HALF_HEIGHT_MM], indexing="ij"), axis=-1
    ).reshape(-1, 3)
    index = image.to_index(frame.to_world(corners))[:, 1:]
    low = np.clip(np.floor(index.min(axis=0)), 0, np.array(image.shape[1:]) - 1).astype(int)
    high = np.clip(np.ceil(index.max(axis=0)) + 1, low + 1, image.shape[1:]).astype(int)
    crop, outlined = (_cropped(volume, low, high) for volume in (image, labels))
    series = replace(point.study.sagittal, stacks=(crop,))
    study = replace(point.study, series=(series,), sagittal=series, axial=None)
    return _Site(number, point, level, study, outlined, segmenter, limits)


def _cropped(volume: Volume, low: NDArray[np.int_], high: NDArray[np.int_]) -> Volume:
    """Rows and columns from `low` to `high` of a volume in sagittal order, all its slices."""
    affine: FloatArray = volume.affine.copy()
    affine[:3, 3] = volume.to_world(np.array([0, *low]))
    data = volume.data[:, low[0] : high[0], low[1] : high[1]]
    return Volume(np.ascontiguousarray(data), affine)


def _implanted(site: _Site, number: int, before: DiscReading) -> list[Implant]:
    """One implant, measured again; none where the canal does not hold it."""
    rng = np.random.default_rng([number, site.date, site.level.ordinal])
    low, high = np.log(VOLUME_MM3)
    side = str(rng.choice(["left", "right", ""])) or None
    spec = HerniationSpec.model_validate(
        {
            "level": site.level,
            "type": str(rng.choice(MORPHOLOGIES)),
            "zone": "paracentral" if side else "central",
            "side": side,
            "volume_mm3": float(np.exp(rng.uniform(low, high))),
        }
    )
    try:
        made = implant_for_evaluation(site.study.sagittal.volume, site.labels, spec, number)
    except UsageError:
        return []
    after = site.measured(made.image)
    volumes = [one.volume_mm3.value for one in (before, after)]
    rise = None if volumes[0] is None or volumes[1] is None else round(volumes[1] - volumes[0], 1)
    return [
        Implant(
            date=site.date,
            level=str(site.level),
            morphology=spec.type,
            known_mm3=round(made.truth["volume_mm3"], 1),
            measured_mm3=rise,
            found=len(after.herniations) > len(before.herniations),
        )
    ]


def _recovered(made: Sequence[Implant]) -> tuple[Quantity, float | None]:
    """Share of the known volume that was measured, with its interval, and the scatter about it."""
    pairs = [(one.measured_mm3, one.known_mm3) for one in made if one.measured_mm3 is not None]
    if len(pairs) < FEWEST:
        why = f"only {len(pairs)} synthetic herniations could be placed and measured"
        return Quantity(value=None, method=METHOD, reason=why), None
    measured, known = np.array(pairs).T
    share = float(measured.sum() / known.sum())
    missed = measured - share * known
    count = len(pairs)
    sd = float(np.sqrt(np.sum(missed**2) / (count * (count - 1)))) / float(known.mean())
    reach = float(stats.t.ppf(0.5 + CONFIDENCE / 2, count - 1)) * sd
    quantity = Quantity(
        value=round(share, 4), low=round(share - reach, 4), high=round(share + reach, 4), method=METHOD
    )
    return quantity, round(float(np.std(missed, ddof=1)), 1)
