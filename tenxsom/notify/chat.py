"""Notifications by Apprise: mail, Discord, Slack, Telegram, ntfy and others. https://github.com/caronc/apprise"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tenxsom.errors import BadSettings, ServiceDown
from tenxsom.log import mask
from tenxsom.notify.message import Message
from tenxsom.setting_values import Secret, secret_parts

SEVERITIES = {
    "completed": "success",
    "published": "success",
    "failed": "failure",
    "needs_decision": "warning",
    "budget_reached": "warning",
    "result_expiring": "warning",
    "queue_stuck": "failure",
}
"""The severity of each event, which some services show as a colour."""

LONGEST_REASON = 160


class Chat:
    """One address of Apprise."""

    def __init__(self, number: int, address: str, picture_of: Callable[[str], Path | None]) -> None:
        """`number` counts the addresses of the setting from 1; `picture_of` returns the path of a thumbnail, if it is there."""
        self.name = f"notify-{number}"
        self.place = f"The notification address {number} ({scheme_of(address)}://…)"
        self._address, self._picture_of = address, picture_of

    def send(self, message: Message, seconds: float) -> None:  # noqa: ARG002  (Apprise has limits of its own, and the caller waits no longer)
        """Send a message, with a picture where the service takes one. Raises ServiceDown."""
        target = opened(self._address)
        if target is None:
            raise ServiceDown("Apprise cannot use it any more")
        picture = self._picture_of(message.thumbnail) if message.thumbnail else None
        with _complaints(self._address) as complaints:
            shown = str(picture) if picture and getattr(target, "attachment_support", False) else None
            if self._sent(target, message, shown) or (shown and self._sent(target, message, None)):
                return
        raise ServiceDown(
            f"it did not take the message ({complaints[-1][:LONGEST_REASON] if complaints else 'no reason was given'})"
        )

    @staticmethod
    def _sent(target: Any, message: Message, picture: str | None) -> bool:
        from apprise import AppriseAttachment, NotifyType

        attached = AppriseAttachment(picture) if picture else None
        severity = getattr(NotifyType, SEVERITIES.get(message.event, "info").upper())
        return bool(target.notify(body=message.body, title=message.subject, notify_type=severity, attach=attached))


def addresses(setting: Secret) -> list[str]:
    """Return the addresses of NOTIFY_URLS."""
    return setting.reveal().splitlines()


def check(setting: Secret) -> None:
    """Raise BadSettings, without the address, for one that Apprise cannot use."""
    for number, address in enumerate(addresses(setting), 1):
        if opened(address) is None:
            raise BadSettings(
                f"NOTIFY_URLS: Apprise cannot use address {number} ({scheme_of(address)}://…); "
                "compare it with https://github.com/caronc/apprise/wiki, or remove it."
            )


def opened(address: str) -> Any:
    """Return Apprise's object for an address; None for one that it cannot use."""
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    asset = apprise.AppriseAsset(app_id="TenxSOM AI", app_desc="TenxSOM AI", app_url="", async_mode=False, secure_logging=True)
    try:
        found = apprise.Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
        return None if scheme_of(address).startswith("ntfy") and not getattr(found, "topics", True) else found
    except Exception:  # noqa: BLE001  (a plugin may raise anything for an address; our message names it by its number)
        return None


def scheme_of(address: str) -> str:
    """Return the part of an address that is no secret: `discord` of `discord://…`."""
    return address.partition("://")[0].lower()


class _Collector(logging.Handler):
    """Collects what a library complains about, with the secrets of an address masked."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__(logging.WARNING)
        self._secrets = secrets
        self.sentences: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        for secret in self._secrets:
            text = text.replace(secret, "***")
        self.sentences.append(" ".join(mask(text).split()))


@contextmanager
def _complaints(address: str) -> Iterator[list[str]]:
    """Collect Apprise's own messages during a block, which otherwise go nowhere: they quote addresses."""
    logger = logging.getLogger("apprise")
    collector = _Collector([address, *secret_parts(address)])
    level, propagates = logger.level, logger.propagate
    logger.addHandler(collector)
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    try:
        yield collector.sentences
    finally:
        logger.removeHandler(collector)
        logger.setLevel(level)
        logger.propagate = propagates
