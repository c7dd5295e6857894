"""A look at the queue that costs nothing: is there any work at all? Imported before everything else, so it imports almost nothing.

Most ticks of a quiet night find an empty folder. Starting the whole machinery for them would cost ten times as much.
"""

from __future__ import annotations

import os


def queue_is_empty() -> bool:
    """Whether the folder of pending jobs exists and holds none. False whenever anything is unusual: the full program says what."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    home = os.environ.get("TENXSOM_HOME", "").strip() or root
    if not os.path.isabs(home):
        return False
    try:
        names = os.listdir(os.path.join(home, "pending_video_jobs"))
    except OSError:
        return False
    return not any(name.endswith(".json") for name in names)
