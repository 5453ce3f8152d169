"""``python -m holdfast`` is ``holdfast``."""

from holdfast.interfaces.cli.main import main

main()
