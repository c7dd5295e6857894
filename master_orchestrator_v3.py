#!/usr/bin/env python3
"""Orchestrate: job definitions go in, video jobs on their way come out.

    master_orchestrator_v3.py [--dry-run] [--wait] [--service NAME | --route] [--max-cost USD] [--again] [--json] JOB [JOB ...]

JOB is a definition's file, a folder of them, a batch of many in one file (.jsonl with one a line, .csv with one a row), or - for
standard input. All of them are validated before anything starts.
Then each is planned (Claude on Vertex AI, or local archetype templates), its still and its clips are ordered, and its state
lies in pending_video_jobs/ for poll_video_status.py to collect. Exit codes: docs/reference/commands.md.
"""

import sys

import tenxsom.bytecode  # noqa: F401  (first: it mends the imports that follow)
from tenxsom import loading

if __name__ == "__main__":
    loading.end_on_ctrl_c()

from tenxsom.cli.submit import main
from tenxsom.pipeline.orchestrator import MasterOrchestrator

__all__ = ["MasterOrchestrator", "main"]

if __name__ == "__main__":
    sys.exit(main())
