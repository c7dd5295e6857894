"""Talking to one service's API: free calls that are tried again, and paid calls that are sent at most once.

The bearer token goes to the origin of the base URL and nowhere else. Redirects are never followed, cookies never kept, the
environment never asked. Importing this costs what `requests` costs (about 100 ms): do it on first use.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter

from tenxsom import __version__, clock
from tenxsom.errors import NotSent, ServiceBusy, ServiceDown, TenxsomError, TryAgainLater
from tenxsom.net import wire
from tenxsom.net.answer import MAX_BODY_BYTES, Answer, raise_for_answer, unclear
from tenxsom.net.circuit import Circuit
from tenxsom.net.origin import Origin
from tenxsom.net.reply import Reply
from tenxsom.net.trouble import WIRE_ERRORS, AnswerTooLong, certainly_not_sent, phrase

__all__ = ["USER_AGENT", "Answer", "Circuit", "HttpClient", "raise_for_answer"]

USER_AGENT = f"tenxsom-ai/{__version__}"
RETRY_AFTER_CAP_SECONDS = 30.0
"""A call waits this long at most because a service asked it to; a longer wait is the caller's to plan."""
_FIRST_PAUSE_SECONDS = 0.5


class HttpClient:
    """One service's API. One object serves all threads of a process; connections are kept for free GETs."""

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        name: str,
        adapter_factory: Callable[[], HTTPAdapter] | None = None,
        proxies: Mapping[str, str] | None = None,
        pool_size: int = 64,
        user_agent: str = USER_AGENT,
        circuit: Circuit | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """`headers`, the token among them, go to the base URL's origin only; `name` is what messages call the service;
        the certificate authorities in `ca_file` are trusted beside the usual ones.

        Raises ValueError for a base URL or a header that cannot work; the message never holds the header's value.
        """
        self._name = name
        self._origin = Origin(base_url, headers or {}, name=name, user_agent=user_agent)
        self._proxies = dict(proxies or {})
        self._circuit = circuit or Circuit()
        tls = partial(wire.tls_context, ca_file)
        self._adapter_factory = adapter_factory or partial(wire.WireAdapter, tls=tls)
        self._kept = _without_retries(adapter_factory() if adapter_factory else wire.WireAdapter(pool_size, tls))

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        timeout: float = 15,
        deadline_seconds: float | None = None,
        retries: int = 2,
    ) -> Answer:
        """Ask for something, which is free: connection trouble, 408, 429 and 5xx are tried again `retries` times, with jitter.

        `path` is joined to the base URL; a whole http(s) address is taken as it is, and gets our headers only at the base
        URL's origin. One attempt hears nothing for `timeout` seconds at most; everything together, pauses too, takes
        `deadline_seconds` at most. Returns the answer for every final status, a 404 too: the caller, or `raise_for_answer`,
        decides. Raises ServiceDown (with `retry_after` where the service named one) when it gives up, or at once while the
        circuit is open; Interrupted when a stop is requested during a pause.
        """
        request = self._origin.request("GET", path, params=params)
        deadline = None if deadline_seconds is None else clock.Deadline(deadline_seconds)
        return self._persist(lambda: self._get_once(request, timeout, deadline), retries, deadline)

    def post_paid(
        self,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> Answer:
        """Make a call that costs money: sent at most once, over a fresh connection, no retry in any layer, no redirect.

        A kept connection may have gone stale, and then nobody could say whether the order arrived; hence the fresh one.
        `timeout` is for sending and waiting together, once the connection stands.

        Returns the answer for a 2xx (its `json` raises SubmitUnclear if it is none). Raises
        NotSent: the request certainly never reached the service (no connection, no TLS, no proxy; or the circuit is open);
        ServiceBusy: 429, 503, 529; AccountTrouble: 401, 402, 403, 412, 596; NotFound: 404, 410; ServiceRefused: every other
        3xx and 4xx but 408; SubmitUnclear: everything else, because it may have been accepted and billed.
        """
        request = self._origin.request("POST", path, headers, json=json, data=data)
        try:
            self._circuit.check(self._name)
        except ServiceDown as shut:
            raise NotSent(f"{shut} Nothing was sent.", shut.retry_after) from None
        return self._post_once(request, timeout, paid=True)

    def post(
        self,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60,
        params: Mapping[str, str | int] | None = None,
        retries: int = 0,
    ) -> Answer:
        """Make a call that costs nothing but changes something (an upload). The caller may try it again freely.

        Raises what `post_paid` raises, with ServiceDown in place of SubmitUnclear.
        """
        request = self._origin.request("POST", path, headers, json=json, data=data, params=params)
        return self._persist(lambda: self._post_once(request, timeout, paid=False), retries, None)

    def close(self) -> None:
        """Close the kept connections."""
        self._kept.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<HttpClient {self._name} at {self._origin.base_url}>"

    def _get_once(self, request: requests.PreparedRequest, timeout: float, deadline: clock.Deadline | None) -> Answer:
        """One attempt of a GET: a final answer, or ServiceDown."""
        self._wait_while_held_back(deadline)
        budget = timeout if deadline is None else min(timeout, deadline.left())
        if budget <= 0:
            raise ServiceDown(f"{self._name} was not asked, because the time for it ran out; it will be asked again.")
        try:
            answer = self._exchange(self._kept, request, _call_of(budget, deadline), budget, paid=False)
        except WIRE_ERRORS as error:
            self._circuit.failed()
            raise ServiceDown(f"{self._name} could not be asked ({phrase(error)}); it will be asked again.") from None
        self._take_note(answer)
        if not _is_final(answer.status):
            told = f"HTTP {answer.status}: {answer.error_text()}".removesuffix(": ")
            raise ServiceDown(f"{self._name} could not answer now ({told}); it will be asked again.", answer.retry_after())
        return answer

    def _post_once(self, request: requests.PreparedRequest, timeout: float, *, paid: bool) -> Answer:
        call = _call_of(timeout, None)
        try:
            with closing(_without_retries(self._adapter_factory())) as fresh:
                answer = self._exchange(fresh, request, call, timeout, paid=paid)
        except WIRE_ERRORS as error:
            self._circuit.failed()
            raise self._post_trouble(error, call, paid=paid) from None
        self._take_note(answer)
        raise_for_answer(answer, self._name, paid=paid)
        return answer

    def _post_trouble(self, error: BaseException, call: wire.Call, *, paid: bool) -> TenxsomError:
        if certainly_not_sent(error, call):
            return NotSent(f"{self._name} could not be reached ({phrase(error)}); nothing was sent, it will be tried again.")
        if paid:
            return unclear(self._name, phrase(error))
        return ServiceDown(f"{self._name} gave no usable answer ({phrase(error)}); it will be tried again.")

    def _exchange(
        self, adapter: HTTPAdapter, request: requests.PreparedRequest, call: wire.Call, timeout: float, *, paid: bool
    ) -> Answer:
        connect = min(wire.CONNECT_SECONDS, timeout)
        with wire.running(call):
            response = wire.exchange(adapter, request, connect_seconds=connect, read_seconds=timeout, proxies=self._proxies)
            reply = response if isinstance(response, Reply) else _read_whole(response)
        return Answer(reply.status, reply.headers, reply.body, self._name, paid, self._origin.secrets)

    def _take_note(self, answer: Answer) -> None:
        if answer.status >= 500 and answer.status != 596:
            self._circuit.failed()
        else:
            self._circuit.succeeded()
        if answer.status == 429:
            self._circuit.hold_back(min(answer.retry_after() or 0.0, RETRY_AFTER_CAP_SECONDS))

    def _wait_while_held_back(self, deadline: clock.Deadline | None) -> None:
        wait = self._circuit.held_seconds()
        if wait and deadline is not None and wait >= deadline.left():
            raise ServiceDown(f"{self._name} asked for a pause of {wait:.0f} more seconds; it will be asked again after it.", wait)
        if wait:
            pause = wait + random.uniform(0, 1)  # so that the threads that waited do not all come at once
            clock.sleep(pause if deadline is None else min(pause, deadline.left()))

    def _persist(self, attempt: Callable[[], Answer], retries: int, deadline: clock.Deadline | None) -> Answer:
        """Try, and try again after passing troubles, within the retries, the deadline and the cap of the pauses."""
        number = 0
        while True:
            self._circuit.check(self._name)
            try:
                return attempt()
            except (NotSent, ServiceBusy, ServiceDown) as trouble:
                pause = _pause_after(trouble, number)
                if number >= retries or pause > RETRY_AFTER_CAP_SECONDS or (deadline is not None and pause >= deadline.left()):
                    raise
            clock.sleep(pause)
            number += 1


def _pause_after(trouble: TryAgainLater, number: int) -> float:
    """What the service asked for, or full jitter over a span that doubles (https://aws.amazon.com/builders-library/, "Timeouts,
    retries, and backoff with jitter"): many clients that fail together must not come back together."""
    if trouble.retry_after is not None:
        return trouble.retry_after
    return random.uniform(0, min(RETRY_AFTER_CAP_SECONDS, _FIRST_PAUSE_SECONDS * 2**number))


def _is_final(status: int) -> bool:
    """Whether asking again at once could not bring anything else."""
    return status == 596 or (200 <= status < 500 and status not in (408, 429))


def _call_of(timeout: float, deadline: clock.Deadline | None) -> wire.Call:
    seconds = min(wire.CONNECT_SECONDS, timeout) + timeout
    return wire.Call(timeout, clock.Deadline(seconds if deadline is None else min(seconds, deadline.left())))


def _without_retries(adapter: HTTPAdapter) -> HTTPAdapter:
    adapter.max_retries = wire.NO_RETRIES
    return adapter


def _read_whole(response: requests.Response) -> Reply:
    """Read the body. A 2xx without its whole body is no answer; a refusal is certain without the text that explains it."""
    pieces, size = [], 0
    with closing(response):
        try:
            while piece := response.raw.read(65_536, decode_content=True):
                size += len(piece)
                if size > MAX_BODY_BYTES:
                    raise AnswerTooLong
                pieces.append(piece)
        except WIRE_ERRORS:
            if 200 <= response.status_code <= 299:
                raise
    return Reply(response.status_code, response.headers, b"".join(pieces))
