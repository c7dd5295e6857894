#!/usr/bin/env python3
"""Operate: look at jobs, and make the decisions that the program leaves to people.

    manage_jobs.py status [--json]                      every job on the queue
    manage_jobs.py show CONTENT_ID [--json]             everything about one job
    manage_jobs.py retry CONTENT_ID [--yes]             make what a failed job misses once more; says first what it costs
    manage_jobs.py cancel CONTENT_ID                    order nothing further; what is paid for is still kept
    manage_jobs.py resolve CONTENT_ID --adopt JOB_ID | --never-sent | --write-off | --take-as-is [--clip NUMBER]
                                                        decide about a paid call of unknown outcome, or a clip that was refused
    manage_jobs.py translate CONTENT_ID --language TAG  make a finished film in another language, over the same clips
    manage_jobs.py schema                               the JSON Schema of job definitions, for editors
    manage_jobs.py studio [--port NUMBER]               serve the local studio to other programs, until interrupted

Exit codes: README.md.
"""

import sys

import tenxsom.bytecode  # noqa: F401  (first: it mends the imports that follow)
from tenxsom.cli.manage import main
from tenxsom.pipeline.operations import JobManager

__all__ = ["JobManager", "main"]

if __name__ == "__main__":
    sys.exit(main())
