"""One file, one question. The identity of a check is its path: ``privacy/membership.py`` is ``privacy.membership``."""
