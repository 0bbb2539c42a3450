"""Uploads: decoded, cleaned and measured in processes that may die; a folder whose files become cases.

examine.py, dicom.py      what one upload becomes: pure functions, no server in them
frames.py, worker.py      the process that runs them, and how it is talked to (never by pickle)
workers.py                as many of these as asked for, bounded, watched, replaced
intake.py                 what the rest of the server calls
watch.py                  a folder whose new files become cases
"""
