"""What an audit found, chosen and put into sentences; the dossier's pages and the checklists read it."""
