"""What all files of tests share: a cache of their own, where they ask for it, and the examples.

Hypothesis draws the same examples in every run, so that a change alone can turn a test red.

`pytest --hypothesis-profile=default` draws new ones, to hunt for faults.
"""

import pytest
from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


@pytest.fixture(scope="module")
def separate_cache(tmp_path_factory):
    """What a file of tests compiles is compiled anew, and kept from the cache of the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
