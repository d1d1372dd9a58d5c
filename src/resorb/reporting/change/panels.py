"""The pictures of one herniation through time: the same sagittal and the same axial plane on every date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from skimage.measure import find_contours
from skimage.morphology import disk, opening

from resorb.anatomy import Level
from resorb.change import Change, LevelChange, Track
from resorb.frame import Frame
from resorb.reading import Herniation
from resorb.reporting.change.grey import GreyScale, grey_scale
from resorb.reporting.change.planes import Cut, View, view
from resorb.reporting.change.words import subject
from resorb.reporting.scene import Arrow, Kind, Name, Outline, Scene
from resorb.reporting.words import slice_place
from resorb.study import FloatArray, Plane
from resorb.timepoint import Timepoint
from resorb.voxels import index_of

SIZE_MM = 70.0
PIXEL_MM = 0.2
#: The middle of a cut against the level's origin: a sagittal cut shows disc and canal (this far in front of the
#: rim), an axial one the canal and the back of the disc.
AHEAD_MM, AXIAL_AHEAD_MM = 6.0, 4.0
#: Planes go where most displaced material lies, counted in steps of this.
STEP_MM = 1.0
ARROW_GAP_MM, ARROW_LENGTH_MM, ARROW_TILT_DEG = 1.2, 13.0, 38.0
#: An axial arrow comes from behind, from the herniation's own side.
AXIAL_TILT_DEG = 30.0
#: The trace of the reference is drawn this far to either side in an axial picture.
TRACE_MM = 16.0
#: A difference of outlines thinner than this is not drawn.
THIN_DIFFERENCE_MM = 1.0
#: The name of a vertebra stands here, from its corner at the disc: anterior, and away from the disc, mm.
NAME_MM = (16.0, 13.0)
#: Specks smaller than this are not drawn, mm2.
MIN_AREA_MM2 = 0.5
PLANES = (Plane.SAGITTAL, Plane.AXIAL)

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture.

    Attributes:
        date: number of the date it shows, from 1.
        difference: it shows the difference of the first and the last date, on the image of the last.
        source: which slice it is, in words.
    """

    date: int
    plane: Plane
    difference: bool
    scene: Scene
    source: str


class Panels:
    """The pictures of one level, and of the herniation there that is followed.

    Args:
        change: what was compared.
        timepoints: the dates, measured against the joint reference.
        level: a level that has a frame on every date.
        track: the herniation; None shows where most displaced material lies.
    """

    def __init__(
        self, change: Change, timepoints: Sequence[Timepoint], level: LevelChange, track: Track | None
    ) -> None:
        self.change, self.timepoints, self.level, self.track = change, timepoints, level, track
        self._level = Level.parse(level.level)
        self._frames = [one.frames[self._level] for one in timepoints]

    @property
    def name(self) -> str:
        """Of what is followed, e.g. `L4/L5, on the patient's left`."""
        return subject(self.track or self.level)

    @cached_property
    def panels(self) -> tuple[Panel, ...]:
        """Every picture: the sagittal ones in order of time and their difference, then the axial ones."""
        return tuple(panel for plane in PLANES for panel in self._row(plane))

    @cached_property
    def matched(self) -> bool:
        """The same tissue has the same grey in every picture."""
        return all(scale.matched for scale in self._scales.values())

    @cached_property
    def _scales(self) -> dict[tuple[Plane, int], GreyScale]:
        return {
            (plane, n): grey_scale(shown.volume, shown.labels)
            for plane in PLANES
            for n, shown in enumerate(self._views[plane])
        }

    @cached_property
    def _views(self) -> dict[Plane, list[View]]:
        return {
            plane: [
                view(one, frame, self.cut(plane), PIXEL_MM)
                for one, frame in zip(self.timepoints, self._frames, strict=True)
            ]
            for plane in PLANES
        }

    def cut(self, plane: Plane) -> Cut:
        """The plane through the largest extent, on the date on which there is most of it."""
        left, _, cranial = self._target
        if plane is Plane.SAGITTAL:
            return Cut(plane, left, (-AHEAD_MM, 0.0), SIZE_MM)
        return Cut(plane, cranial, (0.0, -AXIAL_AHEAD_MM), SIZE_MM)

    @cached_property
    def largest(self) -> int:
        """The date (from 0) on which there is most of it."""
        source = self.track.quantities if self.track else self.level.quantities
        volumes = [one.at_least or 0.0 for one in source.get("volume_mm3", ())]
        return int(np.argmax(volumes)) if volumes else 0

    @cached_property
    def _target(self) -> FloatArray:
        """Local point (3,) at which the planes are laid: the fullest sagittal and the fullest axial section."""
        n = self.largest
        point, frame = self.timepoints[n], self._frames[n]
        voxels = index_of(point.displaced_at(self._level))
        if not len(voxels):
            return np.zeros(3)
        local = frame.to_local(point.displaced.to_world(voxels))
        if own := self._own(n):
            near = _near(local, frame, own)
            if not near.any():
                return frame.to_local(np.array(own[0].centre))
            local = local[near]
        return np.array([_fullest(local[:, 0]), 0.0, _fullest(local[:, 2])])

    def _own(self, date: int) -> list[Herniation]:
        """The herniations of a date that belong to the track, the deepest first."""
        if self.track is None:
            return []
        numbers = self.track.herniations[date]
        found = self.timepoints[date].disc(self._level).herniations
        own = [one for one in found if one.number in numbers]
        return sorted(own, key=lambda one: -(one.depth_mm.at_least or 0.0))

    def _apex(self, date: int) -> FloatArray | None:
        """Local point (3,) of the deepest displaced point on a date; None where nothing is displaced."""
        frame, disc = self._frames[date], self.timepoints[date].disc(self._level)
        if self.track is not None:
            own = self._own(date)
            return frame.to_local(np.array(own[0].apex)) if own else None
        return frame.to_local(np.array(disc.apex)) if disc.displaced and disc.apex is not None else None

    def _row(self, plane: Plane) -> list[Panel]:
        views, last = self._views[plane], len(self.timepoints) - 1
        shown = [self._panel(plane, n, one) for n, one in enumerate(views)]
        first_mask, last_mask = (views[n].displaced > 0.5 for n in (0, last))
        # What one of the dates did not image is neither lost nor gained.
        imaged = ~np.isnan(views[0].values) & ~np.isnan(views[last].values)
        outlines = [
            _outline(kind, mask.astype(float))
            for kind, mask in (
                (Kind.KEPT, first_mask & last_mask),
                (Kind.LOST, _thick(first_mask & ~last_mask & imaged)),
                (Kind.GAINED, _thick(~first_mask & last_mask & imaged)),
            )
        ]
        base = shown[last].scene
        alt = f"{self.level.level}, {plane}, difference of the outlines of the first and the last date."
        scene = replace(base, outlines=tuple(o for o in outlines if o.loops), arrow=None, alt=alt)
        return [*shown, Panel(last + 1, plane, True, scene, shown[last].source)]

    def _panel(self, plane: Plane, date: int, shown: View) -> Panel:
        cut = self.cut(plane)
        name = self.change.dates[date].name
        kinds = [
            (Kind.BODY, shown.masks["body"]),
            (Kind.SAC, shown.masks["sac"]),
            (Kind.DISC, shown.masks["disc"]),
        ]
        kinds.append((Kind.DISPLACED if self._is_there(date) else Kind.BEHIND, shown.displaced))
        if date != self.largest and self._is_there(self.largest):
            kinds.append((Kind.BEFORE, self._views[plane][self.largest].displaced))
        outlines = [_outline(kind, mask) for kind, mask in kinds]
        grey = np.where(np.isnan(shown.values), -np.inf, shown.values)
        place = slice_place(cut.place_mm) if plane is Plane.SAGITTAL else _height(cut.place_mm)
        marked = (
            "marked by an arrow" if self._is_there(date) else "its former place is marked by a hollow arrow"
        )
        scene = Scene(
            width_mm=cut.size_mm,
            height_mm=cut.size_mm,
            pixels=self._scales[plane, date](grey),
            outlines=tuple(o for o in outlines if o.loops),
            reference=_trace(self._frames[date], cut, shown),
            arrow=self._arrow(cut, date),
            names=self._names(cut, date) if plane is Plane.SAGITTAL else (),
            box=None,
            letters=("A", "P", "S", "I") if plane is Plane.SAGITTAL else ("R", "L", "A", "P"),
            alt=f"{self.level.level}, {plane} T2, {name}: displaced material is {marked}.",
            place=place,
        )
        return Panel(date + 1, plane, False, scene, shown.source)

    def _names(self, cut: Cut, date: int) -> tuple[Name, ...]:
        """The two vertebrae, in front of their corners."""
        frame, level = self._frames[date], self._level
        anterior, away = NAME_MM
        places = ((level.upper, frame.upper_corner, 1.0), (level.lower, frame.lower_corner, -1.0))
        points = (
            (name, cut.picture(frame.to_local(corner) + np.array([0.0, -anterior, sign * away])))
            for name, corner, sign in places
        )
        return tuple(Name(name, *point.tolist()) for name, point in points)

    def _is_there(self, date: int) -> bool:
        return self._apex(date) is not None

    def _arrow(self, cut: Cut, date: int) -> Arrow | None:
        """At the herniation; hollow at the place where it was, or came to be."""
        apex, hollow = self._apex(date), False
        if apex is None:
            apex, hollow = self._apex(self.largest), True
        if apex is None:
            return None
        tip = cut.picture(apex)
        if cut.plane is Plane.SAGITTAL:
            angle = -np.deg2rad(ARROW_TILT_DEG)
            away = np.array([np.cos(angle), -np.sin(angle)])
        else:
            angle = np.deg2rad(AXIAL_TILT_DEG) * (1.0 if apex[0] >= 0 else -1.0)
            away = np.array([np.sin(angle), np.cos(angle)])
        return Arrow(tip + (ARROW_GAP_MM + ARROW_LENGTH_MM) * away, tip + ARROW_GAP_MM * away, hollow)


def _near(local: FloatArray, frame: Frame, own: Sequence[Herniation]) -> Mask:
    """Which local points (n, 3) are as near to the centre of one of the herniations as it is large."""
    near = np.zeros(len(local), bool)
    for one in own:
        size = max(one.width_mm.at_least or 0.0, one.height_mm.at_least or 0.0, one.depth_mm.at_least or 0.0)
        distance = np.linalg.norm(local - frame.to_local(np.array(one.centre)), axis=1)
        near |= distance <= size / 2 + STEP_MM
    return near


def _fullest(places: FloatArray) -> float:
    """Where along an axis most points lie, mm; the middle of the fullest stretch."""
    steps = np.arange(places.min() - STEP_MM, places.max() + 2 * STEP_MM, STEP_MM)
    counts, edges = np.histogram(places, steps)
    # Slices leave gaps between their points: a stretch counts with its neighbours.
    smooth = np.convolve(counts, np.ones(3), mode="same")
    best = np.flatnonzero(smooth == smooth.max())
    return float(edges[best].mean() + STEP_MM / 2)


def _thick(mask: Mask) -> Mask:
    """Without what is thinner than outlines can be trusted to differ."""
    return np.asarray(opening(mask, disk(round(THIN_DIFFERENCE_MM / PIXEL_MM / 2))))


def _outline(kind: Kind, mask: FloatArray) -> Outline:
    """Contours of a picture's mask at one half, mm; small specks left out."""
    loops = (
        (np.asarray(contour) - 0.5)[:, ::-1] * PIXEL_MM for contour in find_contours(np.pad(mask, 1), 0.5)
    )
    return Outline(kind, tuple(loop for loop in loops if _area(loop) >= MIN_AREA_MM2))


def _area(loop: FloatArray) -> float:
    x, y = loop.T
    return float(abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2)


def _trace(frame: Frame, cut: Cut, shown: View) -> FloatArray | None:
    """The trace of the reference surface in the picture, (n, 2) mm."""
    if cut.plane is Plane.SAGITTAL:
        return cut.picture(frame.to_local(frame.reference_line(cut.place_mm)))
    seen = np.isfinite(shown.behind) & ~np.isnan(shown.values)
    contours = find_contours(np.where(seen, shown.behind, np.nan), 0.0)
    if not contours:
        return None
    trace = (np.asarray(max(contours, key=len)) + 0.5)[:, ::-1] * PIXEL_MM
    middle = cut.picture(np.zeros(3))[0]
    kept = trace[np.abs(trace[:, 0] - middle) <= TRACE_MM]
    return kept if len(kept) > 1 else None


def _height(cranial_mm: float) -> str:
    """Where an axial plane lies, from its distance above the middle of the disc."""
    if abs(cranial_mm) < 0.5:
        return "at mid-disc"
    return f"{abs(cranial_mm):.1f} mm {'above' if cranial_mm > 0 else 'below'} mid-disc"
