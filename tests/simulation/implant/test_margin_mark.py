from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from resorb.errors import UsageError
from resorb.simulation.implant.margin import mark, write
from resorb.study import Volume
from tests.simulation.implant.scan import Scan, scan, stored


def middle_of(given: Scan) -> Volume:
    """Labels of the middle discs and bodies alone: the box spine fills its field to the corners."""
    height = given.labels.to_world(np.moveaxis(np.indices(given.labels.shape), 0, -1))[..., 2]
    return given.labels.with_data(np.where(np.abs(height) < 40, given.labels.data, 0))


@pytest.mark.parametrize("spacing", [(0.9, 0.5, 0.5), (4.0, 0.9, 0.9), (0.6, 0.6, 4.0)])
def test_every_slice_says_it_outside_the_anatomy(spacing: tuple[float, float, float]) -> None:
    given = scan(spacing, half_width=40.0)
    labels = middle_of(given)
    marked = mark(given.image, labels)
    changed = marked.data != given.image.data
    axis = 2 if spacing[2] > 2 else 0
    assert changed.any(axis=tuple(a for a in range(3) if a != axis)).all()
    assert not changed[labels.data > 0].any()
    words = np.moveaxis(marked.data == np.max(marked.data[changed]), axis, 0) & np.moveaxis(changed, axis, 0)
    assert (words == words[0]).mean() > 0.99
    assert marked.data.dtype == given.image.data.dtype


def test_the_word_stands_upright_whatever_the_storage_order() -> None:
    given = scan((2.0, 0.8, 0.8))
    turned = mark(stored(given.image, (2, 0, 1), (True, False, True)))
    assert np.array_equal(turned.sagittal().data, mark(given.image).sagittal().data)


def test_slices_without_room_are_refused() -> None:
    given = scan((2.0, 0.8, 0.8))
    full = given.labels.with_data(np.ones_like(given.labels.data))
    with pytest.raises(UsageError, match="no corner of the slices has room for SYNTHETIC"):
        mark(given.image, full)


def test_the_file_says_it_in_its_header_and_nothing_of_its_source(tmp_path: Path) -> None:
    given = scan((2.0, 0.8, 0.8))
    path = tmp_path / "implanted_T2w.nii.gz"
    write(path, given.image, "implanted", middle_of(given))
    header = nib.load(path).header
    text = header["descrip"].tobytes().decode().rstrip("\0")
    assert text.startswith("SYNTHETIC")
    assert "put into a real scan" in text
    assert header["db_name"].tobytes().strip(b"\0") == b""
    assert header["aux_file"].tobytes().strip(b"\0") == b""
