#!/usr/bin/env python3
"""Operate: look at jobs, and make the decisions that the program leaves to people.

    manage_jobs.py status [--watch] [--state STATE] [--service NAME] [--since PERIOD] [--json]
                                                        what is on its way, what waits for you, what has ended, today's money
    manage_jobs.py show CONTENT_ID [--json]             the story of one job, and what happens next
    manage_jobs.py history [--since PERIOD] [--csv] [--json]
                                                        films and failures of a period
    manage_jobs.py costs [--since PERIOD] [--by GROUP] [--tag TAG] [--rehearsals] [--csv] [--html FILE] [--json]
                                                        what was spent, on what, against the budget
    manage_jobs.py doctor [--json]                      look whether this installation is fit to run
    manage_jobs.py new [--title VALUE] [--content-id VALUE] [--archetype VALUE] [--platform VALUE] [--target-duration VALUE]
        [--tier VALUE] [--set FIELD=VALUE] [--output FILE] [--force]
                                                        write a definition; on a terminal it asks for what is missing
    manage_jobs.py new --from-csv FILE --template DEF   write a batch: a definition for every row of a table
    manage_jobs.py approve CONTENT_ID ... | --all       go on with jobs whose plans wait for you
    manage_jobs.py retry CONTENT_ID [--yes]             make what a failed job misses once more; says first what it costs
    manage_jobs.py cancel CONTENT_ID                    order nothing further; what is paid for is still kept
    manage_jobs.py resolve CONTENT_ID --adopt JOB_ID | --never-sent | --write-off | --take-as-is [--clip NUMBER]
                                                        decide about a paid call of unknown outcome, or a clip that was refused
    manage_jobs.py translate CONTENT_ID --language TAG  make a finished film in another language, over the same clips
    manage_jobs.py requeue NAME                         put a mended state back on the queue, from quarantine
    manage_jobs.py prune --older-than LENGTH [--dry-run]
                                                        remove what no job needs any more
    manage_jobs.py ledger compact                       sum up closed days of the ledger, archive their lines
    manage_jobs.py database init | upgrade | status     the tables of the database that QUEUE_URL names
    manage_jobs.py migrate --to PLACE [--dry-run]       move everything into a database, or back into files
    manage_jobs.py schema                               the JSON Schema of job definitions, for editors
    manage_jobs.py studio [--port NUMBER]               serve the local studio to other programs, until interrupted
    manage_jobs.py dashboard [--host ADDRESS] [--port NUMBER]
                                                        serve pages to look at, and an API, until interrupted

Exit codes: docs/reference/commands.md.
"""

import sys

import tenxsom.bytecode  # noqa: F401  (first: it mends the imports that follow)
from tenxsom import loading

if __name__ == "__main__":
    loading.end_on_ctrl_c()

from tenxsom.cli.manage import main
from tenxsom.pipeline.operations import JobManager

__all__ = ["JobManager", "main"]

if __name__ == "__main__":
    sys.exit(main())
