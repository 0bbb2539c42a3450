"""DICOM: pixels and headers in, photographs, segmentations and reports out. One idea a file."""
