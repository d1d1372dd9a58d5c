"""Which model segments which subject."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.blind import chosen_model, models_by_subject
from benchmarks.labelled import cases
from resorb import InputError, UsageError
from tests.benchmarks.sets import write_spider


def test_one_model_or_folds_but_not_both(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="leave --model out"):
        chosen_model(tmp_path, tmp_path / "folds.json")


def test_a_subject_that_no_fold_names_is_refused(tmp_path: Path) -> None:
    (case,) = cases(write_spider(tmp_path / "set"), "test")
    path = tmp_path / "folds.json"
    path.write_text(json.dumps({}))
    with pytest.raises(InputError, match=f"no model is named for subject {case.subject}"):
        models_by_subject(path)(case)


def test_the_folds_of_training_name_their_models(tmp_path: Path) -> None:
    path = tmp_path / "folds.json"
    path.write_text(json.dumps([["045", "057"], ["146"]]))
    with pytest.raises(InputError, match="fold-0"):  # looked for, and not there
        models_by_subject(path)


@pytest.mark.parametrize("text", ["[1, 2]", "{", '{"01": 3}'])
def test_a_file_that_maps_nothing_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "folds.json"
    path.write_text(text)
    with pytest.raises(InputError, match="not a table"):
        models_by_subject(path)
