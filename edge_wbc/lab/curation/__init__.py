"""Which photographs to keep. Nothing is imported here: worker processes hash without matplotlib."""
