"""A case as others take it: one page to print, FHIR, and DICOM beside the DICOM it came from."""
