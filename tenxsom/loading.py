"""Ctrl-C while a program loads its modules: it ends the program at once, and without a traceback.

Nothing has begun by then. `clock.stop_on_signals` takes over before the work does.
"""

from __future__ import annotations

import signal


def end_on_ctrl_c() -> None:
    """Let INT end the process as TERM does, unless it is ignored, as for a shell's job in the background."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
