"""What a record is: identity, vocabularies, licences, the typed tables, and `Estimate`."""
