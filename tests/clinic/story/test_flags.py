"""Red flags in words: nothing left out, nothing softened, the gravest first."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import HealthCheck, Phase, given, settings

from resorb.clinic.record import Course
from resorb.clinic.red_flags import red_flags
from resorb.clinic.story.flags import MOST_ENTRIES, URGENCIES, alarms
from tests.clinic.courses import course, courses, strength, visit

DAY = date(2024, 3, 20)


@given(one=courses())
@settings(max_examples=25, phases=[Phase.reuse, Phase.generate], suppress_health_check=[HealthCheck.too_slow])
def test_every_flag_is_there_with_its_action_and_the_gravest_first(one: Course) -> None:
    flags = red_flags(one)
    said = alarms(flags)
    signs = [sign for alarm in said for sign in alarm.signs]
    assert sum(len(sign.entries) + sign.hidden for sign in signs) == len(flags)
    for flag in flags:
        (alarm,) = [alarm for alarm in said if alarm.action.endswith(flag.action)]
        assert flag.words in {sign.words for sign in alarm.signs}
    order = [
        next(n for n, words in enumerate(URGENCIES.values()) if a.action.startswith(words)) for a in said
    ]
    assert order == sorted(order)


def test_of_many_entries_the_newest_are_written_out_and_the_others_counted() -> None:
    days = [DAY + timedelta(days=n) for n in range(MOST_ENTRIES + 3)]
    visits = [visit(day=day, strength=(strength("great_toe_extension", 2),)) for day in days]
    (alarm,) = alarms(red_flags(course(*visits)))
    (sign,) = alarm.signs
    assert sign.hidden == 3
    assert sign.entries[0] == f"great toe extension MRC 2, left, {days[-1]}"
    assert "in force until somebody has acted on it" in sign.entries[1]
    assert alarm.text.endswith("; and 3 more).")
