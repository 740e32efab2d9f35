"""Emitters: passes become source text, through the skeletons in `templates/`."""
