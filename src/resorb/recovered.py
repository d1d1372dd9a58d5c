"""Synthetic recovery: how much of a known change was found in a patient's own scans. Validated records."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from resorb.reading import Quantity

#: Stands beside every recovery, wherever it is shown.
RECOVERY_STATEMENT = (
    "Synthetic recovery: herniations of known volume were put into copies of these scans at levels without one, "
    "outlined again and measured again. It tells how much of a known change is found here; it decides nothing."
)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Implant(_Record):
    """One synthetic herniation, put into a copy of a scan and measured again.

    Attributes:
        date: number of the date whose scan it was put into; level: the disc.
        known_mm3: what was put behind the disc's reference surface.
        measured_mm3: by how much the level's volume rose, against the same surface; None where it was not measured.
        found: a herniation stands out there that did not before.
    """

    date: Annotated[int, Field(ge=1)]
    level: str
    morphology: str
    known_mm3: Annotated[float, Field(gt=0)]
    measured_mm3: float | None
    found: bool


class Recovery(_Record):
    """What became of all implants of a comparison.

    Attributes:
        implants: those that fitted into the canal, in the order in which they were made.
        share: measured over known volume, all implants together, with its 95 % interval; no value with too few.
        scatter_mm3: standard deviation of what a single implant is missed by, once `share` is taken off.
        segmented_by: what outlined the implants.
        refused: how many did not fit.
    """

    statement: str = RECOVERY_STATEMENT
    implants: tuple[Implant, ...]
    share: Quantity
    scatter_mm3: float | None = None
    segmented_by: str
    refused: int = 0

    @property
    def found(self) -> int:
        """In how many of them a herniation was found."""
        return sum(one.found for one in self.implants)

    @property
    def words(self) -> str:
        """What was found, in one sentence."""
        count = len(self.implants)
        if self.share.value is None:
            return f"Synthetic recovery is not known: {self.share.reason}."
        interval = ""
        if self.share.low is not None and self.share.high is not None:
            interval = f" (95 % interval {100 * self.share.low:.0f} to {100 * self.share.high:.0f})"
        measured = sum(one.measured_mm3 is not None for one in self.implants)
        of = (
            "the volume"
            if measured == count
            else f"the volume of the {measured} whose level could be measured"
        )
        return (
            f"Of {count} synthetic herniations put into these scans, {100 * self.share.value:.0f} %{interval} of {of} "
            f"was measured, and {self.found} were found as herniations."
        )


def unknown(reason: str) -> Recovery:
    """A check that could not be made, and why."""
    return Recovery(implants=(), share=Quantity(value=None, reason=reason), segmented_by="nothing")
