"""Scripted faults, which a test or an operator writes into `faults.json`.

The file holds a list of rules. A rule is looked at when a call matches `on`; it lets `skip` matching calls pass, then strikes
`times` times (`null`: for ever). Rules are tried in order, and the first that strikes wins. Counting is durable and race-free
across processes; writing a new file starts all counts anew.

    {"on": "POST /videos/ltx-create", "skip": 0, "times": 1, "do": "status", "status": 503}

`on` is a method and a path below /v1/ltxstudio with its variable parts named as in the vendor's documentation
("GET /assets/{jobId}"), or "GET /storage"; `*` matches anything. The paths of other APIs stand there whole:
"POST /v2/image-to-video", "GET /v2/image-to-video/{id}", "POST /v1/upload"; and uploads to a link are "PUT /storage".
Vertex AI's are long, so write "POST *:predictLongRunning", "POST *:fetchPredictOperation", "POST *:generateContent".
`"service": "ltx_api"` narrows a rule to one API (`useapi_ltx`, …), `"kind": "video"` to clips, `"kind": "image"` to stills,
`"contains": "text"` to calls with that text in the address or the body. Where an API has types of errors, a rule's `type` names the
type of an error or a failure.

    do                      details (defaults)                             what happens
    status                  status (500) body headers html retry_after     answered instead of the real answer; 522 is an HTML page
    slow                    seconds (1)                                    the answer is late; other rules still apply
    retired                 status (404)                                   an HTML page, as a service answers that was switched off
    accept_then_status      as for status (502)                            the work is accepted and charged, then that answer
    accept_then_drop        –                                              accepted and charged, then the connection breaks
    no_job_id               –                                              accepted and charged, then 200 with an empty object
    fail                    message                                        on a create or a status call: the job ends failed
    unknown_status          type ("under_review")                          a status outside the documented set
    completed_without_url   –                                              a complete job answers `completed` without its file
    serve_generation        –                                              GET /generations/{id} works, as in our specification
    expired                 –                                              403 until a status call has given a new link
    truncate                bytes (1000)                                   the connection breaks after that many bytes
    html                    –                                              200 with a web page instead of the file
    endless                 –                                              a body that never ends
    wrong_content           seconds (none)                                 200 with a whole clip of that length; or with noise

`retired` and `serve_generation` apply to every path of the API and for ever, unless their rule says otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tenxsom import atomic
from tenxsom.disk import make_folder
from tenxsom.errors import BadInput
from tenxsom_studio.world import World

MOMENTS: dict[str, frozenset[str]] = {
    "slow": frozenset({"arriving"}),
    "status": frozenset({"answering"}),
    "retired": frozenset({"answering"}),
    "fail": frozenset({"accepting", "checking"}),
    "accept_then_status": frozenset({"accepted"}),
    "accept_then_drop": frozenset({"accepted"}),
    "no_job_id": frozenset({"accepted"}),
    "unknown_status": frozenset({"checking"}),
    "completed_without_url": frozenset({"complete"}),
    "serve_generation": frozenset({"generation"}),
    "expired": frozenset({"download"}),
    "truncate": frozenset({"download"}),
    "html": frozenset({"download"}),
    "endless": frozenset({"download"}),
    "wrong_content": frozenset({"download"}),
}
"""The moment of a call at which each kind of fault applies. A rule counts only calls at its own moment."""

_FOR_EVER = frozenset({"retired", "serve_generation"})
_KNOWN_FIELDS = frozenset(
    {"on", "skip", "times", "do", "kind", "contains", "status", "body", "headers", "html", "retry_after"}
    | {"seconds", "message", "type", "bytes", "note", "service"}
)


@dataclass(frozen=True)
class Call:
    """A request as rules see it: `path` in the documentation's form, `kind` of its work, `text` to search in, and the
    `service` whose API was called (empty for the storage host).
    """

    method: str
    path: str
    kind: str
    text: str
    service: str = ""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path.rstrip('/') or '/'}"


@dataclass(frozen=True)
class Rule:
    """One rule of the script; `details` has the fields of its kind."""

    number: int
    do: str
    on: str
    skip: int
    times: int | None
    kind: str
    contains: str
    service: str
    details: Mapping[str, Any]

    def matches(self, call: Call) -> bool:
        # Braces and slashes mean nothing to fnmatch, so the documentation's own spelling works as a pattern.
        named = fnmatchcase(call.name, self.on) and not (self.do == "retired" and call.path == "/storage")
        narrow = self.kind in {"", call.kind} and self.service in {"", call.service}
        return named and narrow and self.contains in call.text

    def is_used_up(self, seen: int) -> bool:
        return self.times is not None and seen >= self.skip + self.times


class Faults:
    """The script of faults of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._path = world.root / "faults.json"
        self._used_path = world.root / "faults-used.json"
        self._cache: tuple[str, list[Rule]] = ("", [])

    def exist(self) -> bool:
        """Return whether there is a script, with one system call, so that calls without faults are cheap."""
        return self._path.exists()

    def take(self, call: Call | None, moment: str) -> Rule | None:
        """Return the rule that applies now and count it; None for a normal response. Raises BadInput for a broken script."""
        if call is None or not self._due(call, moment):
            return None
        with self._world.locks.hold("faults"):
            generation, used = self._counts()
            return self._strike(self._due(call, moment), generation, used)

    def counts(self) -> list[int]:
        """Return the number of matching calls of each rule, including skipped ones."""
        with self._world.locks.hold("faults"):
            _, used = self._counts()
        return [used.get(rule.number, 0) for rule in self.rules()]

    def rules(self) -> list[Rule]:
        """Return the current rules. Raises BadInput for a broken script."""
        return self._rules()[1]

    def _due(self, call: Call, moment: str) -> list[Rule]:
        return [rule for rule in self._rules()[1] if moment in MOMENTS[rule.do] and rule.matches(call)]

    def _strike(self, rules: Sequence[Rule], generation: str, used: dict[int, int]) -> Rule | None:
        before, struck = dict(used), None
        for rule in rules:
            seen = used.get(rule.number, 0)
            if rule.is_used_up(seen):
                continue
            if rule.times is not None or seen < rule.skip:  # a permanent rule need not be counted any more
                used[rule.number] = seen + 1
            if seen >= rule.skip:
                struck = rule
                break
        if used != before:
            atomic.write(self._used_path, json.dumps({"generation": generation, "used": used}).encode())
        return struck

    def _rules(self) -> tuple[str, list[Rule]]:
        try:
            facts = self._path.stat()
        except FileNotFoundError:
            return "", []
        generation = f"{facts.st_ino}-{facts.st_mtime_ns}-{facts.st_size}"
        if self._cache[0] != generation:
            self._cache = (generation, parse_rules(self._path.read_bytes()))
        return self._cache

    def _counts(self) -> tuple[str, dict[int, int]]:
        generation = self._rules()[0]
        try:
            stored = json.loads(self._used_path.read_bytes())
        except FileNotFoundError:
            return generation, {}
        if stored["generation"] != generation:
            return generation, {}
        return generation, {int(number): count for number, count in stored["used"].items()}


def write_rules(world: Path, rules: Sequence[Mapping[str, Any]]) -> None:
    """Replace the script of a world. Raises BadInput for an invalid rule, so that a typing error is not silently ignored."""
    data = json.dumps(rules, ensure_ascii=False, indent=1).encode()
    parse_rules(data)
    make_folder(world)
    atomic.write(world / "faults.json", data)


def parse_rules(data: bytes) -> list[Rule]:
    """Parse the rules in a `faults.json`. Raises BadInput, which names the rule."""
    try:
        entries = json.loads(data)
    except ValueError as error:
        raise BadInput(f"faults.json is not valid JSON: {error}.") from error
    if not isinstance(entries, list):
        raise BadInput("faults.json must hold a list of rules.")
    return [_parse(number, entry) for number, entry in enumerate(entries)]


def _parse(number: int, entry: Any) -> Rule:
    where = f"faults.json, rule {number}"
    if not isinstance(entry, dict):
        raise BadInput(f"{where}: a rule is an object.")
    if unknown := sorted(entry.keys() - _KNOWN_FIELDS):
        raise BadInput(f"{where}: unknown field {unknown[0]!r}; known are {', '.join(sorted(_KNOWN_FIELDS))}.")
    do = entry.get("do")
    if do not in MOMENTS:
        raise BadInput(f"{where}: unknown `do` {do!r}; known are {', '.join(sorted(MOMENTS))}.")
    on = entry.get("on", "* *" if do in _FOR_EVER else None)
    if not isinstance(on, str) or " " not in on:
        raise BadInput(f'{where}: `on` must be a method and a path, such as "GET /assets/{{jobId}}".')
    skip, times = entry.get("skip", 0), entry.get("times", None if do in _FOR_EVER else 1)
    if not isinstance(skip, int) or skip < 0 or not (times is None or (isinstance(times, int) and times >= 0)):
        raise BadInput(f"{where}: `skip` and `times` are whole numbers from 0 (or null for a `times` without end).")
    narrow = (entry.get("kind", ""), entry.get("contains", ""), entry.get("service", ""))
    return Rule(number, do, on.rstrip("/"), skip, times, *narrow, entry)
