"""The letter: red flags first, urgent and unsoftened; research use said; nothing left out."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from resorb.clinic.files import read_course
from resorb.clinic.record import Course
from resorb.clinic.review import review
from resorb.clinic.story.flags import NO_FLAG
from resorb.clinic.story.letter import letter
from resorb.clinic.story.story import tell
from resorb.reading import RESEARCH_USE
from tests.clinic.courses import course, visit

MODEL = Path(__file__).parents[3] / "examples" / "model_case.yaml"
DAY = date(2024, 3, 20)


def written(one: Course) -> str:
    return letter(one, review(one), tell(one, {}))


def test_a_cauda_equina_sign_opens_the_letter_as_a_same_day_emergency() -> None:
    text = written(course(visit({"bladder": "retention"})))
    assert text.startswith("RED FLAG. Same-day emergency: ")
    assert f"bladder: retention, {DAY}" in text.split("\n\n")[0]


def test_without_a_flag_it_says_that_none_is_recorded_and_what_that_does_not_mean() -> None:
    first, second, *_ = written(course(visit())).split("\n\n")
    assert first == NO_FLAG and "does not mean" in second


def test_the_model_case_is_whole() -> None:
    record = read_course(MODEL)
    text = letter(record.course, review(record), tell(record.course, {}))
    for part in ("57-year-old man", "left leg pain is gone", "weakness of grade 4 remains", "20 sessions"):
        assert part in text
    assert text.startswith("RED FLAG. Urgent: ") and "great toe extension MRC 3, left, 2024-01-10" in text
    assert text.rstrip().endswith(RESEARCH_USE)
    assert text.index("does not tell who has recovered") > text.index(
        "describes a left paracentral extrusion"
    )
    assert "invented for illustration" in text


def test_contradictions_mimics_and_open_questions_are_in_the_letter() -> None:
    swapped = written(_vignette("16_side_swapped"))
    assert "Contradiction" in swapped.split("\n\n")[2] and "may be swapped" in swapped
    palsy = written(_vignette("28_fibular_palsy"))
    assert "Think of common fibular (peroneal) neuropathy" in palsy and "To settle: nerve conduction" in palsy
    assert "point on the right to L5, which is no diagnosis" in palsy
    assert "Not asked or examined at the last visit (2024-03-20): perianal sensation." in palsy
    assert "nothing was asked or examined" in written(course())
    assert "  " not in palsy


def _vignette(name: str) -> Course:
    return read_course(Path(__file__).parents[1] / "vignettes" / f"{name}.yaml").course
