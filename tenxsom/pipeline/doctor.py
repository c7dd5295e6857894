"""Looks whether an installation is fit to run: free of charge, without changing anything, and without showing a secret."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from tenxsom import __version__, atomic, clock
from tenxsom.disk import check_link, disk_errors, is_there
from tenxsom.errors import BadInput, BadSettings, TenxsomError
from tenxsom.locks import hold_file, lock_table
from tenxsom.pipeline import last_tick
from tenxsom.planning import registry as planners
from tenxsom.program import crontab_line
from tenxsom.services import registry as services
from tenxsom.services.base import Variant
from tenxsom.services.images import registry as stills
from tenxsom.services.music import registry as music
from tenxsom.settings import ROOT, Settings, warnings
from tenxsom.store.base import Artifacts, JobStore
from tenxsom.voices import registry as voices

ROOM_BYTES = 64 * 1024 * 1024
LITTLE_ROOM_BYTES = 2 * 1024**3
"""Less free space than this is soon full: a film and its clips take tens of megabytes."""
LATE_TICK_SECONDS = 900.0
"""Cron ticks every two minutes; after this time something is wrong."""
WRONG_CLOCK_SECONDS = 120.0
LOOK_SECONDS = 5.0
"""How long an endpoint may take to answer."""

NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone"})
CRON_PLACES = ("/etc/crontab", "/etc/cron.d", "/var/spool/cron/crontabs", "/var/spool/cron")
TIMER_PLACES = ("/etc/systemd/system", "/usr/lib/systemd/system", "~/.config/systemd/user")


class Finding(NamedTuple):
    """The result of one check."""

    check: str
    ok: bool
    message: str
    """What was found."""
    remedy: str = ""
    """What to do; for a finding that is ok, what could be better."""


class Doctor:
    """The checks of an installation."""

    def __init__(self, settings: Settings, store: JobStore, artifacts: Artifacts) -> None:
        self._settings = settings
        self._store = store
        self._artifacts = artifacts
        self._server_time: tuple[str, float] | None = None

    def findings(self) -> list[Finding]:
        """Return the results of every check. Raises nothing: a check that fails unexpectedly is a finding."""
        checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
            ("folders", self._folders),
            ("disk", self._disk),
            ("media", self._media),
            ("permissions", self._permissions),
            ("locks", self._locks),
            ("database", self._database),
            ("video service", self._video_service),
            ("start frames", self._start_frames),
            ("planner", self._planner),
            ("endpoints", self._endpoints),
            ("clock", self._clock),
            ("fonts", self._fonts),
            ("voices", self._voices),
            ("music", self._music),
            ("scheduling", self._scheduling),
            ("dead-man's switch", self._dead_mans_switch),
            ("quarantine", self._quarantine),
            ("versions", self._versions),
        )
        found = [finding for name, check in checks for finding in _tried(name, check)]
        return [self._without_secrets(finding) for finding in found]

    def _without_secrets(self, finding: Finding) -> Finding:
        message, remedy = finding.message, finding.remedy
        for secret in filter(None, self._settings.secrets()):
            message, remedy = message.replace(secret, "***"), remedy.replace(secret, "***")
        return finding._replace(message=message, remedy=remedy)

    # this machine

    def _folders(self) -> Iterator[Finding]:
        for folder in (self._settings.pending_folder, self._settings.completed_folder):
            if not os.path.lexists(folder):
                yield Finding("folders", True, f"{folder} is made with the first job.")
                continue
            try:
                atomic.check_writable(folder, ROOM_BYTES)
                yield Finding("folders", True, f"{folder} can be written to.")
            except TenxsomError as error:
                yield _of_error("folders", error)

    def _disk(self) -> Iterator[Finding]:
        free = shutil.disk_usage(self._settings.home).free
        words = f"{free / 1024**3:.1f} GB are free in {self._settings.home}."
        remedy = "Make room: manage_jobs.py prune --older-than 30d --dry-run shows what can go."
        yield Finding("disk", free >= LITTLE_ROOM_BYTES, words, "" if free >= LITTLE_ROOM_BYTES else remedy)

    def _media(self) -> Iterator[Finding]:
        """Look whether the object store can be used; without one there is nothing to say."""
        url = self._settings.media_url
        if not url:
            return
        try:
            self._artifacts.check_room()
        except TenxsomError as error:
            yield Finding("media", False, str(error), "See docs/how-to/run-on-many-machines.md.")
            return
        is_remote = not url.startswith("file:")
        rule = "Let it end unfinished uploads after a day, which are paid for else (docs/how-to/run-on-many-machines.md)."
        yield Finding("media", True, f"{url} can be written to, listed and deleted from.", rule if is_remote else "")

    def _permissions(self) -> Iterator[Finding]:
        told = warnings(self._settings)
        for sentence in told:
            yield Finding("permissions", False, sentence, f"chmod 600 {self._settings.home / 'production.env'}")
        keys = self._settings.key_files
        for path in (*keys, self._settings.ledger_file, self._settings.pending_folder, self._settings.completed_folder):
            if found := _open_to_others(path, stat.S_IRWXG | stat.S_IRWXO if path in keys else stat.S_IWOTH):
                told.append(str(path))
                yield found
        if not told:
            yield Finding("permissions", True, "No file of ours is open to other users who should not have it.")

    def _locks(self) -> Iterator[Finding]:
        folder, ledger = self._settings.pending_folder, self._settings.ledger_file
        with disk_errors(folder, "look into"):
            is_made = is_there(folder, stat.S_ISDIR)
        if is_made:
            with lock_table(folder / ".locks").hold(" doctor"):
                pass
        if os.path.lexists(ledger):
            with disk_errors(ledger, "open"):
                check_link(ledger)
            with hold_file(ledger):
                pass
        kind = _file_system(self._settings.home)
        if kind in NETWORK_FILE_SYSTEMS:
            words = f"{self._settings.home} is on a network file system ({kind}), whose locks do not hold between machines."
            yield Finding("locks", False, words, "Move TENXSOM_HOME to a disk of this machine, or run on one machine only.")
        else:
            yield Finding("locks", True, f"Locks work here{f' ({kind})' if kind else ''}.")

    def _database(self) -> Iterator[Finding]:
        """Look at the database of QUEUE_URL: whether it can be used, and whether its days add up."""
        if self._settings.queue_url is None:
            return
        from tenxsom.store.postgres.check_up import wrong_days

        url, spool = self._settings.queue_url.reveal(), self._settings.spool_file
        try:
            place, days = wrong_days(url)
        except TenxsomError as error:
            yield Finding("database", False, str(error), "Mend the database or QUEUE_URL; until then programs wait or stop.")
            return
        if days:
            words = f"The used budget of {', '.join(days[:5])} is not the sum of the movements of money at {place}."
            yield Finding("database", False, words, "Somebody has changed the tables by hand; set budget_day.used to the sum.")
        else:
            yield Finding("database", True, f"{place} can be used, and its days add up.")
        if spool.exists():
            words = f"What became of paid calls while the database was away is still in {spool}."
            yield Finding("database", False, words, "The next tick or worker on this machine books it.")

    def _quarantine(self) -> Iterator[Finding]:
        names = self._store.set_aside()
        if names:
            remedy = f"Repair it, then: manage_jobs.py requeue {names[0]}. The file beside it says why it is there."
            yield Finding("quarantine", False, f"States that cannot be read were set aside: {', '.join(names)}.", remedy)
        else:
            yield Finding("quarantine", True, "No state was set aside.")

    # services

    def _video_service(self) -> Iterator[Finding]:
        for name in self._makers():
            yield self._maker(name)

    def _makers(self) -> list[str]:
        """Return the video services of the settings: the chosen one, then the fallbacks."""
        chosen = self._settings.video_service
        if chosen == "auto":
            usable = [name for name in services.AUTOMATIC if services.missing_credentials(name, self._settings) is None]
            chosen = usable[0] if usable else services.PREVIEW
        return list(dict.fromkeys((chosen, *self._settings.video_service_fallback)))

    def _maker(self, name: str) -> Finding:
        if missing := services.missing_credentials(name, self._settings):
            return Finding(
                "video service", False, missing, "Put them into production.env (mode 600), or set another VIDEO_SERVICE."
            )
        try:
            variant = services.default_variant(name, self._settings)
            services.capabilities(name, variant)
        except BadSettings as error:
            return Finding("video service", False, str(error), "Change the model in production.env.")
        if name == services.PREVIEW:
            words = "The local studio makes previews, because no service has credentials."
            return Finding("video service", True, words, "Set a vendor's key for real videos (docs/how-to/choose-a-service.md).")
        retirement = services.retirement(name)
        if retirement and not services.is_rehearsal(name, self._settings):
            return Finding(
                "video service", False, f"{name}: {retirement}", "Set another VIDEO_SERVICE (docs/how-to/choose-a-service.md)."
            )
        return Finding("video service", True, f"{name} has credentials{_model_words(variant)}.")

    def _start_frames(self) -> Iterator[Finding]:
        """Look at the source of start frames that the settings name, with its model; without one there is nothing to say."""
        name = self._settings.start_frames
        if name not in stills.SOURCES:
            return
        missing = stills.missing_credentials(name, self._makers()[0], self._settings)
        remedy = "See docs/how-to/choose-a-service.md." if missing else ""
        model = stills.model_of(name, self._settings)
        words = missing or f"{name} has credentials{f'; its model is {model}' if model else ''}."
        yield Finding("start frames", missing is None, words, remedy)

    def _planner(self) -> Iterator[Finding]:
        name = planners.chosen(self._settings)
        words = (
            "Plans are made on this machine, from templates/archetypes/." if name == planners.LOCAL else f"Plans come from {name}."
        )
        yield Finding("planner", True, words)
        for result in planners.checks(name, self._settings, LOOK_SECONDS):
            yield Finding("planner", result.ok, f"{result.name}: {result.message}", result.remedy)

    def _addresses(self) -> dict[str, str]:
        """Return the base addresses of the services in use, by name."""
        found = {name: services.address(name, self._settings) for name in self._makers()}
        planner = planners.chosen(self._settings)
        found[planner] = planners.address(planner, self._settings)
        return {name: address for name, address in found.items() if address}

    def _endpoints(self) -> Iterator[Finding]:
        from tenxsom.http.client import HttpClient

        addresses = self._addresses()
        for name, address in addresses.items():
            with HttpClient(
                address, name=name, proxies=self._settings.proxies, pool_size=1, ca_file=self._settings.tls_ca_file
            ) as client:
                try:
                    answer = client.get("", timeout=LOOK_SECONDS, deadline_seconds=2 * LOOK_SECONDS, retries=0)
                except TenxsomError as error:
                    yield Finding("endpoints", False, str(error), f"Look at the network, the proxies and the address of {name}.")
                    continue
                self._server_time = self._server_time or _server_time(name, answer.headers.get("Date"))
            yield Finding("endpoints", True, f"{name} answers.")
        if not addresses:
            yield Finding("endpoints", True, "Everything is made on this machine; no endpoint is needed.")

    def _clock(self) -> Iterator[Finding]:
        if clock.now().year < 2026:
            yield Finding(
                "clock", False, f"The clock shows {clock.stamp()}.", "Set it, and keep it with NTP (timedatectl set-ntp true)."
            )
        elif self._server_time is None:
            yield Finding("clock", True, f"It shows {clock.stamp()}; no service was there to compare it with.")
        else:
            name, off = self._server_time
            is_right = abs(off) < WRONG_CLOCK_SECONDS
            words = (
                f"It is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} {name}'s."
                if abs(off) >= 1
                else f"It agrees with {name}'s."
            )
            yield Finding("clock", is_right, words, "" if is_right else "Keep it with NTP (timedatectl set-ntp true).")

    # films

    def _fonts(self) -> Iterator[Finding]:
        from tenxsom.media import fonts

        found = fonts.faces()
        if not found:
            yield Finding("fonts", False, "No font for captions is installed.", "pip install -r requirements.txt")
            return
        has_all = fonts.has_glyph("水") and fonts.has_glyph("ش")
        remedy = "" if has_all else "pip install manimgx-fonts manimgx-fonts-cjk"
        yield Finding("fonts", True, f"{len(found)} fonts{'' if has_all else ', but none for every script'}.", remedy)
        if not fonts.can_join():
            words = "Letters of Arabic, Hebrew, the Indic scripts and others like them cannot be joined and ordered in captions."
            yield Finding("fonts", True, words, "Install FriBiDi for films in these scripts (Debian: apt install libfribidi0).")

    def _voices(self) -> Iterator[Finding]:
        service = self._settings.voice_service
        if service in voices.VOICES and (missing := voices.missing(service, self._settings, self._settings.voice_name)):
            yield Finding("voices", False, f"VOICE_SERVICE is {service}: {missing}.", "See docs/how-to/choose-a-voice.md.")
            return
        usable = voices.candidates(voices.wish_for(None, self._settings), "en", self._settings)
        words = f"Films are spoken by {usable[0]}." if usable else "No voice is installed, so films have captions only."
        yield Finding("voices", True, words, "" if usable else "pip install -r requirements-voice.txt")

    def _music(self) -> Iterator[Finding]:
        service = self._settings.music_service
        if service not in music.MUSIC:
            yield Finding("music", True, "Films get music of this machine." if service != "none" else "Films get no music.")
            return
        missing = music.missing(service, self._settings)
        words = (
            f"{missing}." if missing else f"Films get music by {service}; its model is {music.model_of(service, self._settings)}."
        )
        yield Finding("music", missing is None, words, "Change production.env, or set MUSIC_SERVICE=auto." if missing else "")

    # operation

    def _scheduling(self) -> Iterator[Finding]:
        last = last_tick.when(self._settings.pending_folder)
        place, waiting = _scheduled_in(), len(self._store.ids())
        ago = clock.age_seconds(last) if last else None
        said = "No tick has run here yet" if ago is None else f"The last tick ran {_ago(ago)} ago"
        by = f"{place} calls it" if place else "no crontab or timer that we may read calls it"
        is_late = ago is None or ago > LATE_TICK_SECONDS
        ok = not is_late or not waiting
        jobs = f"; {waiting} job{'s' * (waiting != 1)} wait{'s' * (waiting == 1)}" if waiting else ""
        remedy = f"Put this line into crontab -e:\n{crontab_line(self._settings.home)}" if is_late or not place else ""
        yield Finding("scheduling", ok, f"{said}; {by}{jobs}.", remedy)

    def _dead_mans_switch(self) -> Iterator[Finding]:
        if getattr(self._settings, "healthcheck_url", None):
            yield Finding("dead-man's switch", True, "HEALTHCHECK_URL is told of every tick.")
        else:
            words = "HEALTHCHECK_URL is not set, so nobody is told when ticks stop."
            yield Finding(
                "dead-man's switch", True, words, "Make a check at healthchecks.io, or one of your own, and set HEALTHCHECK_URL."
            )

    def _versions(self) -> Iterator[Finding]:
        wrong, found = [], []
        for name, least in _requirements():
            try:
                version = metadata.version(name)
            except metadata.PackageNotFoundError:
                wrong.append(f"{name} is not installed")
                continue
            found.append(f"{name} {version}")
            if _numbers(version) < _numbers(least):
                wrong.append(f"{name} {version} is older than {least}")
        python = f"Python {sys.version.split()[0]}"
        if wrong:
            yield Finding("versions", False, f"{python}; {', '.join(wrong)}.", "pip install -r requirements.txt")
        yield Finding("versions", True, f"tenxsom-ai {__version__}, {python}, {', '.join(found)}.")


def _tried(name: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """Return the findings of a check. Whatever it raises is a finding: the other checks must be told all the same."""
    try:
        return list(check())
    except BadInput as error:
        return [Finding(name, False, str(error), "Change production.env.")]
    except TenxsomError as error:
        return [_of_error(name, error)]
    except Exception as error:  # noqa: BLE001  (a check of a broken installation may meet anything)
        return [
            Finding(name, False, f"This could not be checked: {type(error).__name__}.", "Look at the log with LOG_LEVEL=DEBUG.")
        ]


def _of_error(name: str, error: TenxsomError) -> Finding:
    """Return the finding of an error, whose text says what is wrong and then what to do."""
    what, _, remedy = str(error).partition(". ")
    return Finding(name, False, f"{what.rstrip('.')}.", remedy or "Run this again, and look at the log with LOG_LEVEL=DEBUG.")


def _open_to_others(path: Path, rights: int) -> Finding | None:
    """Return the finding that others have these rights to a file or a folder; None if they have not, or there is none."""
    try:
        facts = path.stat()
    except OSError:
        return None
    if not facts.st_mode & rights or (path.is_dir() and facts.st_mode & stat.S_ISVTX):
        return None
    what, less = ("read", "go-rwx") if rights & stat.S_IROTH else ("changed", "o-w")
    return Finding("permissions", False, f"{path} can be {what} by other users of this machine.", f"chmod {less} {path}")


def _requirements() -> list[tuple[str, str]]:
    """Return the packages that the program needs, with their lowest versions."""
    path = ROOT / "requirements.txt"
    lines = path.read_text().splitlines() if path.exists() else metadata.requires("tenxsom-ai") or []
    needed = (line for line in lines if "extra ==" not in line)
    found = (re.match(r"([A-Za-z0-9._-]+)[^;]*?>=([0-9.]+)", line) for line in needed)
    return [(match[1], match[2]) for match in found if match]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _file_system(folder: Path) -> str:
    """Return the type of the file system of a folder; empty where this system does not tell."""
    best, kind = "", ""
    try:
        lines = Path("/proc/mounts").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    real = os.path.realpath(folder)
    for line in lines:
        _, place, found, *_ = line.split(" ")
        is_over = real == place or real.startswith(place.rstrip("/") + "/")
        if is_over and len(place) >= len(best):
            best, kind = place, found
    return kind


def _scheduled_in() -> str | None:
    """Return the crontab or the timer that calls our tick, if this user may read it."""
    files = [path for place in CRON_PLACES for path in _files(Path(place))]
    timers = [path for place in TIMER_PLACES for path in _files(Path(place).expanduser()) if path.name.startswith("tenxsom")]
    return next((str(path) for path in (*files, *timers) if _calls_us(path)), None)


def _files(place: Path) -> list[Path]:
    try:
        return [place] if place.is_file() else sorted(path for path in place.iterdir() if path.is_file())
    except OSError:
        return []


def _calls_us(path: Path) -> bool:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return False
    if path.suffix == ".timer":
        return True
    return any(("poll_video_status" in line or "tenxsom collect" in line) and not line.lstrip().startswith("#") for line in lines)


def _server_time(name: str, date: str | None) -> tuple[str, float] | None:
    """Return by how many seconds our clock is ahead of a server's."""
    try:
        moment = parsedate_to_datetime(date or "")
    except (TypeError, ValueError):
        return None
    return name, (clock.now() - moment.astimezone(UTC)).total_seconds()


def _model_words(variant: Variant) -> str:
    return f"; its model is {variant.model}" if variant.model else ""


def _ago(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
