"""The thresholds: each says where it comes from, and a user's file overrides any by name."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import pytest

from resorb.errors import InputError, ResorbError, UsageError
from resorb.limits import load_limits

BUILT_IN = tomllib.loads(resources.files("resorb").joinpath("limits.toml").read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_limit_says_what_it_is_and_where_it_comes_from(name: str) -> None:
    entry = BUILT_IN[name]
    assert set(entry) == {"value", "unit", "source", "verified", "meaning"}
    assert isinstance(entry["value"], float) and entry["value"] >= 0
    assert entry["unit"] in {"mm", "mm2", "mm3", "1/mm", "ratio"}
    assert entry["unit"] != "ratio" or entry["value"] <= 1
    assert isinstance(entry["verified"], bool)
    assert len(entry["meaning"]) > 20
    assert entry["source"].strip()
    # A convention of our own is confirmed by nothing published.
    assert not (entry["verified"] and "convention of resorb" in entry["source"])


def test_the_built_in_values_are_those_of_the_file() -> None:
    limits = load_limits()
    assert {name: limits[name] for name in limits.entries} == {n: e["value"] for n, e in BUILT_IN.items()}
    assert limits.overrides == ()


def given(folder: Path, text: str | bytes) -> Path:
    path = folder / "mine.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_file_overrides_by_name_and_leaves_the_rest(tmp_path: Path) -> None:
    limits = load_limits(given(tmp_path, "displaced_depth = 4\nfocal_share = 0.0\n"))
    assert limits["displaced_depth"] == 4.0
    assert limits["focal_share"] == 0.0
    assert limits["extent_floor"] == BUILT_IN["extent_floor"]["value"]
    assert limits.overrides == ("displaced_depth", "focal_share")
    changed = limits.entries["focal_share"]
    assert BUILT_IN["focal_share"]["verified"] and not changed.verified
    assert changed.source.startswith("user file")
    assert (changed.unit, changed.meaning) == (
        BUILT_IN["focal_share"]["unit"],
        BUILT_IN["focal_share"]["meaning"],
    )


def test_the_hash_follows_the_values_and_nothing_else(tmp_path: Path) -> None:
    same = f"displaced_depth = {BUILT_IN['displaced_depth']['value']}  # as it was\n"
    assert load_limits(given(tmp_path, same)).sha256 == load_limits().sha256
    assert load_limits(given(tmp_path, "displaced_depth = 3.5")).sha256 != load_limits().sha256


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        pytest.param(
            "herniated_depth = 3",
            UsageError,
            "unknown limit 'herniated_depth'.*displaced_depth",
            id="unknown",
        ),
        pytest.param("displaced_depth = -1", UsageError, "a number of mm, 0 or more", id="negative"),
        pytest.param("displaced_depth = true", UsageError, "a number of mm", id="bool"),
        pytest.param('displaced_depth = "3 mm"', UsageError, "a number of mm", id="text"),
        pytest.param("displaced_depth = inf", UsageError, "a number of mm", id="infinite"),
        pytest.param("displaced_depth = nan", UsageError, "a number of mm", id="NaN"),
        pytest.param("[displaced_depth]\nvalue = 3", UsageError, "a number of mm", id="table"),
        pytest.param("displaced_depth 3", InputError, "not valid TOML", id="not TOML"),
        pytest.param(b"displaced_depth = 3 # \xff", InputError, "not valid TOML", id="not UTF-8"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(
    text: str | bytes, error: type[ResorbError], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said) as caught:
        load_limits(given(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.toml cannot be read"):
        load_limits(tmp_path / "nowhere.toml")
    with pytest.raises(InputError, match="cannot be read"):
        load_limits(tmp_path)
