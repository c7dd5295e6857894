"""Who may come in: the token, sessions in signed cookies, tokens against forged requests, and pauses after wrong attempts."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict

from itsdangerous import BadSignature, TimestampSigner

from tenxsom import clock
from tenxsom.setting_values import Secret

SESSION_SECONDS = 30 * 24 * 3600
"""How long a login lasts."""
FREE_ATTEMPTS = 3
"""So many wrong tokens in a row cost no pause."""
LONGEST_PAUSE_SECONDS = 300.0
MOST_ADDRESSES = 10_000
"""How many addresses are remembered; the oldest is forgotten first."""


class Doorkeeper:
    """Checks tokens and sessions. A session is a signed cookie, so that it survives a restart as long as the token is the same."""

    def __init__(self, token: Secret | None) -> None:
        """`token` is what a person types to log in; None: everybody who reaches this server may do everything."""
        self._token = token.reveal().encode() if token else None
        self._key = hashlib.sha256(b"tenxsom dashboard " + (self._token or secrets.token_bytes(32))).digest()
        self._signer = TimestampSigner(self._key, salt="session", digest_method=hashlib.sha256)
        self._ended: OrderedDict[str, None] = OrderedDict()

    @property
    def asks(self) -> bool:
        """Return whether a token is needed."""
        return self._token is not None

    def knows(self, token: str) -> bool:
        """Return whether this is the token, in a time that says nothing about how much of it is right."""
        return self._token is not None and hmac.compare_digest(token.encode("utf-8", "replace"), self._token)

    def new_session(self) -> tuple[str, str]:
        """Return the id of a new session, and its cookie."""
        session = secrets.token_urlsafe(18)
        return session, self._signer.sign(session).decode()

    def session_of(self, cookie: str | None) -> str | None:
        """Return the session of a cookie; None for one that is forged, too old, or ended."""
        try:
            session = self._signer.unsign(cookie or "", max_age=SESSION_SECONDS).decode()
        except (BadSignature, UnicodeDecodeError):
            return None
        return None if session in self._ended else session

    def end(self, session: str) -> None:
        """End a session: its cookie is worth nothing from now on."""
        self._ended[session] = None
        while len(self._ended) > MOST_ADDRESSES:
            self._ended.popitem(last=False)

    def form_token(self, session: str) -> str:
        """Return what a session's forms carry, so that no other site can send them."""
        return hmac.new(self._key, b"form " + session.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, session: str, text: str) -> bool:
        return hmac.compare_digest(self.form_token(session).encode(), text.encode("utf-8", "replace"))


class Attempts:
    """Wrong tokens, by the address they came from: after some of them each next one waits twice as long."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def pause_seconds(self, address: str) -> float:
        """Return how long this address must still wait before its next attempt; 0.0 for not at all."""
        _, until = self._failures.get(address, (0, 0.0))
        return max(0.0, until - clock.monotonic())

    def failed(self, address: str) -> None:
        """Count a wrong token."""
        count = self._failures.pop(address, (0, 0.0))[0] + 1
        pause = min(LONGEST_PAUSE_SECONDS, 2.0 ** (count - FREE_ATTEMPTS)) if count > FREE_ATTEMPTS else 0.0
        self._failures[address] = (count, clock.monotonic() + pause)
        while len(self._failures) > MOST_ADDRESSES:
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget the wrong tokens of an address."""
        self._failures.pop(address, None)
