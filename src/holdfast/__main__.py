"""The command line as a process: ``holdfast``, or ``python -m holdfast``.

Ctrl-C ends it with exit code 3 at any moment, also while it still imports. An interrupt that falls into code which
cannot pass exceptions on (callbacks of compiled libraries) is otherwise lost, so it is sent once more.
"""

from __future__ import annotations

import _thread
import sys
from threading import Timer


def run() -> None:
    """Run the command line and exit with its code."""
    sys.unraisablehook = _send_interrupt_again
    try:
        from holdfast.interfaces.cli.main import main

        main()
    except KeyboardInterrupt:
        sys.stderr.write("cancelled\n")
        exec("")  # noqa: S102 - or CPython ends by the signal if the interrupt passed through an exec
        sys.exit(3)


def _send_interrupt_again(lost: sys.UnraisableHookArgs) -> None:
    if issubclass(lost.exc_type, KeyboardInterrupt):
        Timer(0.01, _thread.interrupt_main).start()
    else:
        sys.__unraisablehook__(lost)


if __name__ == "__main__":
    run()
