from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from resorb.clinic.files import parse_course, read_course, write_course
from resorb.clinic.record import Course, Onset
from resorb.errors import InputError, UsageError
from tests.clinic.courses import courses

MODEL = Path(__file__).parents[2] / "examples" / "model_case.yaml"
TEXT = MODEL.read_text("utf-8")


def _line(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


@given(one=courses(), suffix=st.sampled_from([".yaml", ".json"]))
# A course is a large tree: shrinking a failure would take minutes.
@settings(max_examples=20, phases=[Phase.reuse, Phase.generate], suppress_health_check=[HealthCheck.too_slow])
def test_every_course_survives_a_file(
    tmp_path_factory: pytest.TempPathFactory, one: Course, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("course") / f"course{suffix}"
    write_course(one, path)
    assert read_course(path).course == one


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("mrc: 3", "mrc: 6", "`mrc`: should be less than or equal to 5 (given: 6)"),
        ("mrc: 3", "mrc: yes", "`mrc`: should be a valid integer"),
        ("mrc: 3", "mrc: -1", "`mrc`: should be greater than or equal to 0"),
        ("nrs: 9", "nrs: 11", "`nrs`: should be less than or equal to 10"),
        ("nrs: 9", "nrs: .nan", "`nrs`: should be a valid number"),
        ("angle_deg: 35", "angle_deg: 350", "`angle_deg`"),
        ("side: left, mrc: 3", "side: both, mrc: 3", "`side`: should be 'left' or 'right'"),
        ("date: 2024-04-08", "date: 2024-02-31", "there is no 2024-02-31 in the calendar"),
        ("date: 2024-04-08", "date: 08/04/2024", "a date reads YYYY-MM-DD"),
        ("drug: oxycodone", "drug: oxicodone", "`drug`: should be 'codeine'"),
        ("kind: opioid", "kind: opiate", "tag 'opiate' found using 'kind'"),
        ("daily_mg: 30", "daily_dose: 30", "unknown key `daily_dose`"),
        ("level: L4/L5", "level: L4/L7", "L4/L7 is not a disc level"),
        ("fever: no", "fever: 0", "the answer is yes or no"),
        ("post_void_residual_ml: 20", "post_void_residual_ml: -20", "`post_void_residual_ml`"),
        ("mode: sudden", "mode: sudden\n  mode: gradual", "`mode` is given twice"),
        ("note: the herniation has", "\tnote: the herniation has", "not valid YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(before: str, after: str, said: str) -> None:
    text = TEXT.replace(before, after, 1)
    line = _line(text, after) + after.count("\n")
    with pytest.raises(InputError) as caught:
        parse_course(text, "record.yaml")
    message = str(caught.value)
    assert said in message
    assert f"line {line}:" in message
    assert "\n" not in message


def test_a_missing_key_is_named_with_the_line_of_what_lacks_it() -> None:
    text = TEXT.replace("  date: 2023-12-18  # invented\n", "", 1)
    with pytest.raises(InputError, match=rf"line {_line(text, 'onset:')}: `date` is missing"):
        parse_course(text, "record.yaml")


def test_json_faults_carry_their_line_too() -> None:
    text = '{\n\t"kind": "course",\n\t"note": "\\ud83d\\ude00 a\\/b \\\\u0041 é",\n\t"onset": {\n\t\t"date": 5\n\t}\n}'
    with pytest.raises(InputError, match="line 5: `date`: a date reads"):
        parse_course(text, "record.json", is_json=True)
    fine = parse_course(text.replace("5\n", '"2024-01-15"\n'), "record.json", is_json=True)
    assert fine.course.note == "\U0001f600 a/b \\u0041 é"
    assert fine.lines.of(("onset", "date")) == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("- 1\n- 2\n", "not the record of a course"),
        ("just words", "not the record of a course"),
        ("kind: reading\n", "not the record of a course"),
        ("kind: course\nschema_version: 2\nonset: {date: 2024-01-15}\n", "newer than this resorb knows"),
        ("onset: &a {date: 2024-01-15}\nnote: *a\n", "anchors are not read"),
        ("a: [" * 3000, "not valid YAML"),
        ("onset: !!python/object/apply:os.system ['true']\n", "onset"),
    ],
)
def test_what_is_no_record_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        parse_course(text, "record.yaml")
    assert "\n" not in str(caught.value)


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: no such file"):
        read_course(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("note: é".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        read_course(tmp_path / "latin.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * 5_000_001)
    with pytest.raises(InputError, match="larger than 5 MB"):
        read_course(tmp_path / "large.yaml")
    (tmp_path / "broken.json").write_text('{\n"kind": }')
    with pytest.raises(InputError, match="line 2: not valid JSON"):
        read_course(tmp_path / "broken.json")


def test_many_faults_are_cut_short() -> None:
    with pytest.raises(InputError, match=r"and \d+ more"):
        parse_course(TEXT.replace("mrc: ", "mrk: "), "record.yaml")


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither"):
        write_course(parse_course(TEXT, "x").course, tmp_path / "course.txt")


@pytest.mark.parametrize("end", ["\x85", "\u2028", "\u2029"])
def test_a_line_end_of_unicode_survives_a_file(end: str, tmp_path: Path) -> None:
    one = Course(onset=Onset(date=date(2024, 3, 1)), note=f"{end}one{end} two")
    write_course(one, tmp_path / "course.yaml")
    assert read_course(tmp_path / "course.yaml").course == one
