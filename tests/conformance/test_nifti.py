"""What we write is opened by other people's software with the geometry that we meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from resorb.output import write_volume
from resorb.study import Volume

pytestmark = pytest.mark.conformance

LPS = np.diag([-1.0, -1.0, 1.0])


@given(
    turn=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing=st.tuples(*[st.floats(0.2, 6.0)] * 3),
    origin=st.tuples(*[st.floats(-500, 500)] * 3),
)
def test_itk_puts_every_voxel_where_we_do(
    tmp_path_factory: pytest.TempPathFactory,
    turn: tuple[float, float, float],
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
) -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() * spacing
    affine[:3, 3] = origin
    volume = Volume(np.arange(60, dtype=np.uint16).reshape(3, 4, 5), affine)
    path = tmp_path_factory.mktemp("itk") / "volume.nii.gz"
    write_volume(path, volume)

    image = sitk.ReadImage(str(path))
    assert image.GetPixelIDValue() == sitk.sitkUInt16
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), volume.data.transpose(2, 1, 0))
    for index in ((0, 0, 0), (2, 0, 0), (0, 3, 0), (0, 0, 4), (2, 3, 4)):
        theirs = LPS @ image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(theirs, volume.to_world(index), atol=5e-3)


def test_a_written_file_is_found_by_its_name(tmp_path: Path) -> None:
    write_volume(tmp_path / "volume.nii.gz", Volume(np.ones((3, 3, 3), np.uint16), np.eye(4)))
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(tmp_path / "volume.nii.gz"))
    reader.ReadImageInformation()
    assert reader.GetSize() == (3, 3, 3)
