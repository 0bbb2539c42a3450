"""Layouts a dataset can be written in, one file each: `write(dataset, folder, progress)` returns what it can't hold."""
