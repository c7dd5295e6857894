#!/usr/bin/env python3
"""Collect: one tick checks every due job, downloads what is finished, verifies it, reports it and empties the queue.

    poll_video_status.py [--watch SECONDS] [--time-limit SECONDS] [--patience MINUTES] [--json] [CONTENT_ID ...]

Made for cron: ticks that overlap share the work, a tick over an empty queue costs next to nothing, and nothing that goes wrong
here ever fails a paid clip or makes it again. Exit codes: docs/reference/commands.md.
"""

import os
import sys

import tenxsom.bytecode  # noqa: F401  (first: it mends the imports that follow)
from tenxsom import empty_tick

if __name__ == "__main__" and empty_tick.ran_empty_tick(sys.argv[1:], os.path.dirname(os.path.abspath(__file__))):
    sys.exit(0)

from tenxsom import loading

if __name__ == "__main__":
    loading.end_on_ctrl_c()

from tenxsom.cli.collect import main
from tenxsom.pipeline.poller import VideoStatusPoller

__all__ = ["VideoStatusPoller", "main"]

if __name__ == "__main__":
    sys.exit(main())
