"""Webhooks, signed by the Standard Webhooks scheme.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence

from tenxsom import clock
from tenxsom.http.notices import Poster, host_of
from tenxsom.notify.message import Message


class Webhook:
    """A receiver of signed events."""

    name = "webhook"

    def __init__(self, url: str, keys: Sequence[bytes], poster: Poster) -> None:
        self.place = f"The webhook at {host_of(url)}"
        self._url, self._keys, self._poster = url, keys, poster

    def send(self, message: Message, seconds: float) -> None:
        """Deliver a message. Raises ServiceDown, also when the receiver's answer is no 2xx."""
        body = json.dumps(message.payload(), ensure_ascii=False).encode()
        self._poster.post(self._url, body, self._headers(message.id, body), timeout=seconds)

    def _headers(self, message_id: str, body: bytes) -> dict[str, str]:
        moment = str(int(clock.now().timestamp()))
        return {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": moment,
            "webhook-signature": " ".join(signature(key, message_id, moment, body) for key in self._keys),
        }


def signature(key: bytes, message_id: str, moment: str, body: bytes) -> str:
    """Return the signature of a message at a moment in seconds since 1970: version 1, HMAC-SHA256 in base64."""
    signed = b".".join((message_id.encode(), moment.encode(), body))
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"
