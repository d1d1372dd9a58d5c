from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.spatial.transform import Rotation

import resorb
from resorb.simulation.nifti import write_nifti
from resorb.study import Volume


def oblique() -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", (4, -6, 3), degrees=True).as_matrix() * (4.4, 0.7, 0.7)
    affine[:3, 3] = (-20.0, -71.5, 33.25)
    return Volume(np.arange(5 * 30 * 40, dtype=np.uint16).reshape(5, 30, 40), affine)


def test_it_is_read_back_as_it_was_and_known_to_be_synthetic(tmp_path: Path) -> None:
    path = tmp_path / "made_T2w.nii.gz"
    write_nifti(path, oblique(), "case model")
    study = resorb.load(path)
    assert study.synthetic
    assert np.array_equal(study.sagittal.volume.data, oblique().data)
    assert np.allclose(study.sagittal.volume.affine, oblique().affine, atol=1e-4)


def test_the_header_holds_both_forms_units_and_the_mark(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii.gz", oblique(), "x" * 200)
    header = nib.load(tmp_path / "a.nii.gz").header
    assert header.get_xyzt_units()[0] == "mm"
    assert int(header["qform_code"]) == int(header["sform_code"]) == 1
    assert np.allclose(header.get_qform(), header.get_sform(), atol=1e-3)
    assert bytes(header["descrip"].tobytes()).startswith(b"SYNTHETIC, research use only: xxx")


def test_the_same_volume_gives_the_same_bytes_whatever_the_file_is_called(tmp_path: Path) -> None:
    for name in ("a.nii.gz", "b.nii.gz"):
        write_nifti(tmp_path / name, oblique())
    first, second = ((tmp_path / name).read_bytes() for name in ("a.nii.gz", "b.nii.gz"))
    assert first == second
    assert first[4:8] == bytes(4)  # the time of a gzip header
    assert len(gzip.decompress(first)) == 352 + oblique().data.nbytes
