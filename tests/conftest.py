"""Numerical libraries use one thread, as they do in an audit: more only wait for each other beside other tests."""

from __future__ import annotations

import os

from holdfast.auditing.executors.local import THREAD_VARIABLES

os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
