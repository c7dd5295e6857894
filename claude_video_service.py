#!/usr/bin/env python3
"""Plan: turn a job definition into a blueprint, with Claude on Vertex AI or from the local archetype templates.

    claude_video_service.py [--local] [--json] JOB     print the blueprint of a job definition; JOB is a file, or - for stdin
    claude_video_service.py --check [--json]           look whether Claude on Vertex AI is set up; free of charge

Claude plans when VERTEX_AI_PROJECT_ID is set. When it cannot, for whatever reason, the local templates do, and the blueprint
says why. Exit codes: 0 done; 1 there is no plan for this definition; 2 bad input or configuration; 75 interrupted.
"""

import sys

import tenxsom.bytecode  # noqa: F401  (first: it mends the imports that follow)
from tenxsom import loading

if __name__ == "__main__":
    loading.end_on_ctrl_c()

from tenxsom.cli.plan import main
from tenxsom.pipeline.planner import ClaudeVideoService

__all__ = ["ClaudeVideoService", "main"]

if __name__ == "__main__":
    sys.exit(main())
