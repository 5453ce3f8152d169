"""Numerical libraries use one thread, as they do in an audit: more only wait for each other beside other tests.

Property tests draw the same examples in every run, so that a failure speaks of the change; `make test-search` draws
new ones.
"""

from __future__ import annotations

import os

from hypothesis import settings

from holdfast.auditing.executors.local import THREAD_VARIABLES

os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.register_profile("search", max_examples=1000, deadline=None)
settings.load_profile("repeatable")
