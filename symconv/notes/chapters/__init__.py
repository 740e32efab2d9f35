"""The chapters of the notes, in order."""
