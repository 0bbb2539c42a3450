"""De-identification: pictures, DICOM files and tables without what they say about people.

key.py, folder.py                                 the key; the whole folder, and the log
picture.py, jpeg_parts.py, png_parts.py           one image file, losslessly where that is possible
held.py, colour_profile.py                        what is removed, by kind; a colour profile's bare numbers
dicom.py, profile.py, ps3_15_e1_1.csv             PS3.15's basic profile; codestream.py: its compressed frames
tables.py, columns.py, words.py                   CSV tables: what a column is, which words its cells may hold
burned_text.py                                    text in the pixels, found and flagged
"""

from cutis.data.deidentify.folder import Outcome, Report, TableOutcome, deidentify
from cutis.data.deidentify.key import new_key, read_key

__all__ = ["Outcome", "Report", "TableOutcome", "deidentify", "new_key", "read_key"]
