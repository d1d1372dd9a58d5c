"""Synthetic volumes to NIfTI files that say so."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from resorb.study import FloatArray, Volume

MARK = "SYNTHETIC, research use only"
#: Bytes of the header's free text (NIfTI-1 `descrip`), less the closing zero.
DESCRIPTION_BYTES = 79
COMPRESSION = 3  # three times as fast as 6, files a tenth larger


def write_nifti(path: Path, volume: Volume, description: str = "") -> None:
    """Write a .nii.gz file whose header says SYNTHETIC; the same volume and description give the same bytes.

    The affine goes into both sform and qform, as scanner coordinates in RAS+ mm.

    Args:
        description: stands behind the mark, as far as the header's 79 bytes reach; plain ASCII.

    Raises:
        OSError: the file cannot be written.
    """
    path.write_bytes(_packed(np.ascontiguousarray(volume.data), volume.affine, description))


def write_field(path: Path, parts: tuple[Volume, ...], description: str = "") -> None:
    """Write a vector field, NIfTI's way: (x, y, z, 1, 3), intent VECTOR, RAS+ mm.

    Args:
        parts: its three components, along right, anterior and superior, on one grid.

    Raises:
        OSError: the file cannot be written.
    """
    data = np.stack([part.data for part in parts], -1)[:, :, :, None, :]
    path.write_bytes(_packed(data, parts[0].affine, description, intent="vector"))


def _packed(data: NDArray[Any], affine: FloatArray, description: str, intent: str = "none") -> bytes:
    image = nib.Nifti1Image(data, affine)
    image.set_sform(affine, code="scanner")
    image.set_qform(affine, code="scanner")
    image.header.set_xyzt_units("mm")
    image.header.set_intent(intent)
    text = f"{MARK}: {description}" if description else MARK
    image.header["descrip"] = text.encode("ascii")[:DESCRIPTION_BYTES]
    # The file's time and name are left out of the gzip header: they are all that would differ.
    return gzip.compress(image.to_bytes(), compresslevel=COMPRESSION, mtime=0)
