"""Tells every open page what has changed, as server-sent events: one message, written once, for all of them.

The last messages are kept, so that a page whose stream was lost catches up from the id it saw last.
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any

KEPT_MESSAGES = 500
MOST_WAITING = 100
"""A page that is so many messages behind is told to load itself anew."""
MOST_STREAMS = 1000
QUIET_SECONDS = 15.0
"""A stream says something at least so often, or proxies close it."""
RETRY_MILLISECONDS = 2000


class Feed:
    """The streams of all open pages. Every method is called in the server's event loop."""

    def __init__(self) -> None:
        self._era = secrets.token_hex(4)  # the ids of an earlier process mean nothing here
        self._number = 0
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=KEPT_MESSAGES)
        self._streams: set[asyncio.Queue[bytes | None]] = set()
        self._is_over = False

    @property
    def streams(self) -> int:
        """Return how many streams are open."""
        return len(self._streams)

    @property
    def is_full(self) -> bool:
        return len(self._streams) >= MOST_STREAMS

    def publish(self, event: str, document: dict[str, Any]) -> None:
        """Send a message to every open page."""
        self._number += 1
        message = self._message(event, document)
        self._kept.append((self._number, message))
        for stream in self._streams:
            if stream.full():
                _empty(stream)
                message = self._message("reload", {})
            stream.put_nowait(message)

    def close(self) -> None:
        """End every stream, because the server stops."""
        self._is_over = True
        for stream in self._streams:
            _empty(stream)
            stream.put_nowait(None)

    async def stream(self, last_id: str | None) -> AsyncGenerator[bytes]:
        """Yield the messages of one page: those after `last_id` first, then each as it is published."""
        mine: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_WAITING)
        missed = self._since(last_id)
        self._streams.add(mine)
        try:
            yield f"retry: {RETRY_MILLISECONDS}\n".encode() + self._message("hello", {})
            for message in missed:
                yield message
            while not self._is_over:
                try:
                    heard = await asyncio.wait_for(mine.get(), QUIET_SECONDS)
                except TimeoutError:
                    heard = b": still here\n\n"
                if heard is not None:
                    yield heard
        finally:
            self._streams.discard(mine)

    def _since(self, last_id: str | None) -> list[bytes]:
        """Return the messages after an id; one that says to load the page anew where some of them are not kept any more."""
        if not last_id:
            return []
        era, _, number = last_id.partition("-")
        seen = int(number) if number.isdecimal() and len(number) < 16 else -1
        first = self._kept[0][0] if self._kept else self._number + 1
        if era != self._era or seen < first - 1 or seen > self._number:
            return [self._message("reload", {})]
        return [message for kept, message in self._kept if kept > seen]

    def _message(self, event: str, document: dict[str, Any]) -> bytes:
        data = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        return f"id: {self._era}-{self._number}\nevent: {event}\ndata: {data}\n\n".encode("utf-8", "replace")


def _empty(stream: asyncio.Queue[bytes | None]) -> None:
    while not stream.empty():
        stream.get_nowait()
