"""Studies whose truth is known, because they were made here."""
