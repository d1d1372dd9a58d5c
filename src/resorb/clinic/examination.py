"""What the examiner finds on one date: strength, reflexes, sensation, nerve stretch tests, sphincter and bladder."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from resorb.clinic.base import ClinicRecord, Root, Side, Text, YesNo

#: Movements whose strength is graded; `tables/myotomes.toml` gives the roots of each.
Movement = Literal[
    "hip_flexion",
    "hip_adduction",
    "hip_abduction",
    "hip_extension",
    "knee_extension",
    "knee_flexion",
    "ankle_dorsiflexion",
    "ankle_inversion",
    "ankle_eversion",
    "ankle_plantarflexion",
    "great_toe_extension",
]
ReflexName = Literal["patellar", "achilles", "medial_hamstring"]
ReflexGrade = Literal["absent", "reduced", "normal", "brisk", "clonus"]
Feeling = Literal["normal", "reduced", "absent", "increased"]
TestName = Literal[
    "straight_leg_raise",
    "crossed_straight_leg_raise",
    "slump",
    "femoral_stretch",
    "crossed_femoral_stretch",
    "sit_to_stand",
    "lateral_bending",
    "hip_rotation",
    "fibular_tinel",
    "plantar_response",
]


class Strength(ClinicRecord):
    """Strength of one movement.

    Attributes:
        mrc: Medical Research Council grade: 0 no contraction, 1 flicker, 2 with gravity eliminated, 3 against
            gravity, 4 against resistance, 5 full. Shades (4+, 4-) belong in the note.
    """

    movement: Movement
    side: Side
    mrc: Annotated[int, Field(ge=0, le=5)]
    note: Text = ""


class Reflex(ClinicRecord):
    """A tendon reflex; `brisk` and `clonus` point above the lumbar roots."""

    reflex: ReflexName
    side: Side
    grade: ReflexGrade
    note: Text = ""


class Sensation(ClinicRecord):
    """Light touch and pinprick in one dermatome, against the other side or the face."""

    dermatome: Root
    side: Side
    light_touch: Feeling | None = None
    pinprick: Feeling | None = None
    note: Text = ""

    @model_validator(mode="after")
    def _tested(self) -> Self:
        if self.light_touch is None and self.pinprick is None:
            raise ValueError("give light_touch, pinprick or both")
        return self

    @property
    def impaired(self) -> bool:
        return self.light_touch not in (None, "normal") or self.pinprick not in (None, "normal")


class SignTest(ClinicRecord):
    """A test that is positive or negative.

    Attributes:
        side: of the leg that is moved. For the crossed tests too: the leg raised; the pain it provokes is in the other.
        result: positive means: reproduces the pain (stretch tests, lateral_bending, hip_rotation: pain in the
            groin or a limited rotation), cannot rise on that leg (sit_to_stand), tingling (fibular_tinel),
            extensor (plantar_response).
        angle_deg: of the leg against the couch, at which a straight leg raise becomes positive.
    """

    test: TestName
    side: Side
    result: Literal["positive", "negative"]
    angle_deg: Annotated[float, Field(ge=0, le=120)] | None = None
    note: Text = ""

    @model_validator(mode="after")
    def _angle(self) -> Self:
        if self.angle_deg is not None and "straight_leg_raise" not in self.test:
            raise ValueError("angle_deg belongs to a straight leg raise")
        return self


class Examination(ClinicRecord):
    """Everything examined on one date; what is not listed was not examined.

    Attributes:
        strength, reflexes, sensation, tests: one entry per movement, reflex, dermatome or test, and side.
        perianal_sensation: tested, light touch or pinprick, S3 to S5.
        rectal_tone: of the anal sphincter.
        post_void_residual_ml: urine left in the bladder after voiding, by ultrasound or catheter.
        spinal_tenderness: percussion of a spinous process hurts.
        pedal_pulses_absent: on the painful side.
    """

    strength: tuple[Strength, ...] = ()
    reflexes: tuple[Reflex, ...] = ()
    sensation: tuple[Sensation, ...] = ()
    tests: tuple[SignTest, ...] = ()
    perianal_sensation: Literal["normal", "reduced", "absent"] | None = None
    rectal_tone: Literal["normal", "reduced", "absent"] | None = None
    post_void_residual_ml: Annotated[float, Field(ge=0, le=3000)] | None = None
    spinal_tenderness: YesNo | None = None
    pedal_pulses_absent: YesNo | None = None
    note: Text = ""

    def mrc(self, movement: Movement, side: Side) -> int | None:
        """The lowest grade written down for a movement; None where it was not examined."""
        return min(
            (s.mrc for s in self.strength if s.movement == movement and s.side == side),
            default=None,
        )

    def result(self, test: TestName, side: Side) -> bool | None:
        """Whether a test was positive; None where it was not done."""
        found = [t.result == "positive" for t in self.tests if t.test == test and t.side == side]
        return any(found) if found else None
