"""From a timepoint to scenes: which slice, which window, which outlines, where the arrow and the names go."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from skimage.measure import find_contours

from resorb.anatomy import STRUCTURE_STEP, VERTEBRAE, Anatomy, Level, Structure
from resorb.reading import DiscReading
from resorb.reporting.scene import Arrow, Kind, Name, Outline, Scene
from resorb.reporting.view import Rect, SagittalView
from resorb.reporting.words import slice_place
from resorb.study import FloatArray, Volume
from resorb.timepoint import Timepoint
from resorb.voxels import index_of

#: The picture's centre lies this far in front of the posterior rim: the whole disc and the canal are seen.
AHEAD_MM = 9.0
ARROW_GAP_MM, ARROW_LENGTH_MM, ARROW_TILT_DEG = 1.2, 13.0, 38.0
#: Outlines follow the voxels; this much smoothing (in pixels) takes only their staircase away. What is
#: displaced may be small, and a single pixel of it must still be seen.
SMOOTHING_PIXELS, SMOOTHING_DISPLACED_PIXELS = 0.9, 0.5
OVERVIEW_ASPECT = 0.62
#: The name of a vertebra that is not outlined stands here, from the lower corner (anterior, caudal), mm.
UNSEEN_BODY_MM = (15.0, 13.0)

Image = NDArray[np.bool_]


class Pictures:
    """The pictures of one timepoint, in one grey scale.

    Args:
        timepoint: `anatomy` and `displaced` lie on the grid of the study's sagittal series.
    """

    def __init__(self, timepoint: Timepoint) -> None:
        self.timepoint = timepoint
        self.view = SagittalView(timepoint.study.sagittal.volume)
        self._flagged = {disc.level for disc in timepoint.reading.discs if disc.displaced}

    @cached_property
    def window(self) -> tuple[float, float]:
        """Grey values shown as black and white.

        Taken from tissue, not from the image, so that a bright coil or a large background does not matter:
        black from the dark of discs and bodies, white from the sac (CSF with roots) or the fat in the bodies.
        """
        volume, anatomy = self.timepoint.study.sagittal.volume, self.timepoint.anatomy
        found = anatomy.labels.data > 0
        structure, grey = anatomy.labels.data[found] // STRUCTURE_STEP, volume.data[found]
        finite = np.isfinite(grey)
        spine = grey[
            np.isin(structure, [Structure.DISC, Structure.VERTEBRAL_BODY, Structure.SACRUM]) & finite
        ]
        sac = grey[(structure == Structure.THECAL_SAC) & finite]
        if not spine.size and not sac.size:
            whole = volume.data[np.isfinite(volume.data)]
            spine = whole if whole.size else np.zeros(1)
        low = min(float(np.percentile(part, 1)) for part in (spine, sac) if part.size)
        high = max(
            float(np.percentile(part, percent)) for part, percent in ((spine, 97.0), (sac, 80.0)) if part.size
        )
        return low, max(high, low + 1e-6)

    @property
    def focus(self) -> DiscReading | None:
        """The level that is shown large: the worst, or the lowest one where none could be measured."""
        reading = self.timepoint.reading
        return reading.worst or (reading.discs[-1] if reading.discs else None)

    def large(self, focus: DiscReading | None, size_mm: float, pixel_mm: float) -> Scene:
        """The level that is shown large; the middle of the volume where there is no level at all."""
        if focus is not None:
            return self.level(focus, size_mm, pixel_mm)
        number, view = self.slice_of(None), self.view
        scene = self._scene(number, self._crop((view.width_mm / 2, view.height_mm / 2), size_mm), pixel_mm)
        return replace(scene, alt="Sagittal T2 slice, anterior on the left.", place="middle of the stack")

    def level(self, disc: DiscReading, size_mm: float, pixel_mm: float) -> Scene:
        """One level: the slice through its deepest displaced point, else through its midline.

        Args:
            disc: a level of the timepoint's reading.
            size_mm: the side of the square.
            pixel_mm: the side of an output pixel.
        """
        level, number, rect = Level.parse(disc.level), self.slice_of(disc), self.crop(disc, size_mm)
        frame = self.timepoint.frames.get(level)
        reference, left_mm = None, None
        if frame is not None:
            left_mm = float(frame.to_local(self.view.on_slice(frame.origin, number))[0])
            reference = self.view.to_picture(frame.reference_line(left_mm)) - rect.origin
        where = slice_place(left_mm)
        scene = self._scene(number, rect, pixel_mm)
        seen = (
            "the displaced material is hatched and marked by an arrow"
            if disc.displaced
            else "no material is marked"
        )
        return replace(
            scene,
            reference=reference,
            arrow=self._arrow(disc, rect) if disc.displaced else None,
            names=self._bodies(number, rect, level),
            alt=f"{disc.level}, sagittal T2 slice, {where}, anterior on the left: {seen}.",
            place=where,
        )

    def overview(self, focus: DiscReading | None, focus_mm: float, pixel_mm: float) -> Scene:
        """The full height of the slice that shows `focus`, every level named, its crop of `focus_mm` marked."""
        number = self.slice_of(focus)
        view = self.view
        width = min(view.width_mm, OVERVIEW_ASPECT * view.height_mm)
        columns = np.flatnonzero(self._anatomy(number).labels.data.any(axis=(0, 1)))
        middle = (
            (columns.min() + columns.max() + 1) / 2 * view.column_mm if columns.size else view.width_mm / 2
        )
        rect = Rect(middle - width / 2, 0.0, width, view.height_mm).inside(view.width_mm, view.height_mm)
        box = None
        if focus is not None:
            crop = self.crop(focus, focus_mm)
            box = Rect(crop.x - rect.x, crop.y - rect.y, crop.width, crop.height)
        scene = self._scene(number, rect, pixel_mm)
        return replace(
            scene,
            outlines=tuple(o for o in scene.outlines if o.kind in {Kind.DISC, Kind.DISPLACED, Kind.BEHIND}),
            names=self._discs(number, rect),
            box=box,
            alt="The full sagittal slice with the levels named"
            + ("; a frame marks the part shown large." if box else "."),
        )

    def slice_of(self, disc: DiscReading | None) -> int:
        """The slice that shows a level: through the apex of displaced material, else through the midline."""
        if disc is None:
            return self.view.n_slices // 2
        if disc.displaced and disc.apex is not None:
            return self.view.slice_at(disc.apex)
        return self.view.slice_at(self._centre(disc))

    def crop(self, disc: DiscReading, size_mm: float) -> Rect:
        """The square around a level, mm of its slice."""
        frame = self.timepoint.frames.get(Level.parse(disc.level))
        centre = self.view.to_picture(self._centre(disc))
        if frame is not None:
            centre = centre - AHEAD_MM * self.view.direction(frame.axes[1])
        return self._crop(centre, size_mm)

    def _crop(self, centre: ArrayLike, size_mm: float) -> Rect:
        return Rect.square(centre, size_mm).inside(self.view.width_mm, self.view.height_mm)

    def _centre(self, disc: DiscReading) -> FloatArray:
        """World point (3,) of a level: its frame's origin, else the middle of its disc, else of the volume."""
        level = Level.parse(disc.level)
        if (frame := self.timepoint.frames.get(level)) is not None:
            return np.asarray(frame.origin)
        labels = self.timepoint.anatomy.labels
        voxels = index_of(self.timepoint.anatomy.disc(level))
        return labels.to_world(voxels.mean(axis=0) if len(voxels) else (np.array(labels.shape) - 1) / 2)

    @lru_cache(maxsize=32)  # noqa: B019 - the pictures live no longer than one report
    def _anatomy(self, number: int) -> Anatomy:
        """The anatomy of one slice, (1, rows, columns)."""
        labels = np.ascontiguousarray(self.view.image(self.timepoint.anatomy.labels, number))[None]
        return replace(self.timepoint.anatomy, labels=Volume(labels, self.view.volume.affine))

    def _scene(self, number: int, rect: Rect, pixel_mm: float) -> Scene:
        """Pixels and outlines of a rectangle of a slice, nothing else."""
        low, high = self.window
        grey = self.view.resampled(self.view.volume.data[number], rect, pixel_mm, low)
        pixels = np.rint(np.clip((grey - low) / (high - low), 0, 1) * 255).astype(np.uint8)
        return Scene(
            width_mm=rect.width,
            height_mm=rect.height,
            pixels=pixels,
            outlines=self._outlines(number, rect),
            reference=None,
            arrow=None,
            names=(),
            box=None,
            letters=("A", "P", "S", "I"),
            alt="",
            place="",
        )

    def _outlines(self, number: int, rect: Rect) -> tuple[Outline, ...]:
        anatomy = self._anatomy(number)
        displaced = np.ascontiguousarray(self.view.image(self.timepoint.displaced, number))
        masks: list[tuple[Kind, Image]] = [
            *((Kind.BODY, anatomy.body(vertebra)[0]) for vertebra in VERTEBRAE),
            (Kind.SAC, anatomy.structure(Structure.THECAL_SAC)[0]),
        ]
        for level in anatomy.levels:
            flagged = str(level) in self._flagged
            masks.append((Kind.DISC, anatomy.disc(level)[0]))
            masks.append((Kind.DISPLACED if flagged else Kind.BEHIND, displaced == level.ordinal))
        outlines = [Outline(kind, self._loops(mask, rect, _smoothing(kind))) for kind, mask in masks]
        order = list(Kind)
        return tuple(sorted((o for o in outlines if o.loops), key=lambda o: order.index(o.kind)))

    def _loops(self, mask: Image, rect: Rect, smoothing: float) -> tuple[FloatArray, ...]:
        """Contours of a mask near a rectangle, (n, 2) mm from its top left corner."""
        view, margin = self.view, 4
        first_row = max(int(rect.y / view.row_mm) - margin, 0)
        first_column = max(int(rect.x / view.column_mm) - margin, 0)
        window = mask[
            first_row : int((rect.y + rect.height) / view.row_mm) + margin,
            first_column : int((rect.x + rect.width) / view.column_mm) + margin,
        ]
        if not window.any():
            return ()
        smooth = ndimage.gaussian_filter(np.pad(window, 2).astype(np.float32), smoothing)
        offset = np.array([first_row - 2, first_column - 2]) + 0.5
        spacing = np.array([view.row_mm, view.column_mm])
        return tuple(
            ((contour + offset) * spacing)[:, ::-1] - rect.origin for contour in find_contours(smooth, 0.5)
        )

    def _arrow(self, disc: DiscReading, rect: Rect) -> Arrow | None:
        """From the canal side, slanting down, its tip a little behind the apex."""
        if disc.apex is None:
            return None
        frame = self.timepoint.frames.get(Level.parse(disc.level))
        posterior = np.array([1.0, 0.0]) if frame is None else self.view.direction(frame.axes[1])
        angle = -np.deg2rad(ARROW_TILT_DEG)
        away = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ posterior
        apex = self.view.to_picture(disc.apex) - rect.origin
        return Arrow(apex + (ARROW_GAP_MM + ARROW_LENGTH_MM) * away, apex + ARROW_GAP_MM * away)

    def _bodies(self, number: int, rect: Rect, focus: Level) -> tuple[Name, ...]:
        """Names at the middle of what is seen of each vertebral body."""
        anatomy, names = self._anatomy(number), []
        for vertebra in VERTEBRAE:
            point = self._middle(anatomy.body(vertebra)[0], rect)
            if vertebra == "S1" or (point is None and vertebra == focus.lower):
                # The sacrum's label may hold more than S1, or a scheme may not label it at all.
                point = (
                    self._beside_corner(vertebra) if point is not None or vertebra == focus.lower else None
                )
            if point is not None and rect.contains(point, 3.5):
                names.append(Name(vertebra, *(point - rect.origin).tolist()))
        return tuple(names)

    def _beside_corner(self, vertebra: str) -> FloatArray | None:
        """Picture point (2,) inside a body, from the frame of the disc above it."""
        frame = next((f for level, f in self.timepoint.frames.items() if level.lower == vertebra), None)
        if frame is None:
            return None
        anterior, caudal = UNSEEN_BODY_MM
        return self.view.to_picture(frame.lower_corner - anterior * frame.axes[1] - caudal * frame.axes[2])

    def _middle(self, mask: Image, rect: Rect) -> FloatArray | None:
        """Centroid (2,) of the part of a mask inside a rectangle; None where less than 1 cm2 of it is seen."""
        if not mask.any():
            return None
        rows, columns = np.nonzero(mask)
        points = np.stack([(columns + 0.5) * self.view.column_mm, (rows + 0.5) * self.view.row_mm], axis=-1)
        inside = points[((points >= rect.origin) & (points <= rect.corner)).all(axis=1)]
        if len(inside) * self.view.column_mm * self.view.row_mm < 100.0:
            return None
        return np.asarray(inside.mean(axis=0))

    def _discs(self, number: int, rect: Rect) -> tuple[Name, ...]:
        """Names in front of each disc."""
        anatomy, names = self._anatomy(number), []
        for level in anatomy.levels:
            rows, columns = np.nonzero(anatomy.disc(level)[0])
            if rows.size:
                front = np.percentile(columns, 1)
                row = rows[columns <= front + 5].mean()
                x, y = front * self.view.column_mm - 3.0 - rect.x, (row + 0.5) * self.view.row_mm - rect.y
                names.append(Name(str(level), float(x), float(y), end=True))
        return tuple(names)


def _smoothing(kind: Kind) -> float:
    return SMOOTHING_DISPLACED_PIXELS if kind in {Kind.DISPLACED, Kind.BEHIND} else SMOOTHING_PIXELS
