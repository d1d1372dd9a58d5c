"""DICOM: MR images in. The one place where DICOM's LPS becomes RAS+."""

from resorb.dicom.read import DicomStudy, looks_like_dicom, read_dicom

__all__ = ["DicomStudy", "looks_like_dicom", "read_dicom"]
