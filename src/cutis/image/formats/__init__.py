"""What each format's header says beside its size: read before anything is decoded."""
