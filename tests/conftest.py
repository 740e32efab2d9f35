"""Hypothesis draws the same examples in every run, so that a change alone can turn a test red.

`pytest --hypothesis-profile=default` draws new ones, to hunt for faults.
"""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")
