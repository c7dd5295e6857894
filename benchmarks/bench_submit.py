"""What a submission costs by itself: orchestrating one definition against a vendor that answers at once, compared with a bare
script that imports requests and makes the same five calls. The answers and the planning are in neither side's favour: the
vendor's pause is 0 and the plan is handed in. No limit is set; the ratio says how much the pipeline adds.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_tick import vendor
from harness import ROOT, alternate, environment, median, ratios, seconds_of

from tenxsom.cli.run import table

ROUNDS = 11
BARE = """
import json, sys, requests
base = sys.argv[1]
session = requests.Session()
session.headers["Authorization"] = "Bearer user:bench"
image = session.post(base + "/ltxstudio/images/flux-create", json={"prompt": "p", "aspectRatio": "16:9"}).json()["jobId"]
link = session.get(base + "/ltxstudio/assets/" + requests.utils.quote(image, safe="")).json()["status"]["artifact"]["assetUrl"]
still = requests.get(link).content
asset = session.post(base + "/ltxstudio/assets/?type=image", data=still, headers={"Content-Type": "image/png"}).json()\
    ["asset"]["fileId"]
session.post(base + "/ltxstudio/videos/ltx-create", json={"prompt": "p", "duration": "5", "startAssetId": asset}).json()["jobId"]
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as name, vendor(pause=0) as port:
        base = f"http://127.0.0.1:{port}/v1"
        mine, other = alternate(ROUNDS, Submission(Path(name), base).seconds, lambda: bare(base))
    rows = [("ours", f"{median(mine):.3f}", f"{median(ratios(mine, other)):.2f}"), ("bare calls", f"{median(other):.3f}", "1.00")]
    print("\nOne submission, start of the process to its end\n\n" + table(("WHAT", "SECONDS", "RATIO"), rows, right=(1, 2)))
    return 0


class Submission:
    """Submits one definition after the other, each with an id of its own, from a home folder of its own."""

    def __init__(self, home: Path, base_url: str) -> None:
        self._definition, self._blueprint = home / "job.json", home / "blueprint.json"
        segment = {"segment_type": "hook", "content": "Words.", "visual_cue": "A lake at dawn.", "duration": 5}
        self._blueprint.write_text(json.dumps({"video_plan": {"title": "A lake", "script_segments": [segment]}}))
        self._environment = environment(TENXSOM_HOME=str(home), USEAPI_BEARER_TOKEN="user:bench", USEAPI_BASE_URL=base_url)
        self._numbers = itertools.count()

    def seconds(self) -> float:
        page = {"content_id": f"b-{next(self._numbers)}", "title": "A lake", "archetype": "explainer", "tier": "volume"}
        self._definition.write_text(json.dumps({**page, "target_duration": 5, "platform": "youtube"}))
        script = str(ROOT / "production_video_generator.py")
        command = [sys.executable, script, str(self._definition), "--blueprint", str(self._blueprint)]
        return seconds_of(lambda: subprocess.run(command, env=self._environment, check=True, capture_output=True))


def bare(base_url: str) -> float:
    command = [sys.executable, "-c", BARE, base_url]
    return seconds_of(lambda: subprocess.run(command, env=environment(), check=True))


if __name__ == "__main__":
    sys.exit(main())
