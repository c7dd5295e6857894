"""Calls one service's API: free calls are retried, paid calls are sent at most once.

The bearer token goes only to the origin of the base URL. Redirects are not followed, cookies are not kept, and no setting is
taken from the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from tenxsom import clock
from tenxsom.errors import FreeLimit, NotSent, ServiceBusy, ServiceDown, TenxsomError
from tenxsom.http import calls
from tenxsom.http.answer import Answer, is_final, raise_for_answer, unclear
from tenxsom.http.circuit import Circuit, CircuitOpen
from tenxsom.http.connections import Adapter, send
from tenxsom.http.errors import CONNECTION_ERRORS, NotConnected, describe_error
from tenxsom.http.origin import Origin
from tenxsom.http.paid import Reply, Unfinished, read_reply, send_once
from tenxsom.http.retries import retry

RETRY_AFTER_CAP_SECONDS = 30.0
"""The longest Retry-After that a call waits for itself; for a longer one it raises, and the caller plans the retry."""


class HttpClient:
    """A client of one service's API. Thread-safe; free GETs reuse connections."""

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        name: str,
        proxies: Mapping[str, str] | None = None,
        pool_size: int = 64,
        circuit: Circuit | None = None,
        ca_file: Path | None = None,
        is_ours: Callable[[str], bool] | None = None,
    ) -> None:
        """`headers`, including the token, go to the base URL's origin only; `name` is the service's name in messages; at most
        `pool_size` connections are kept; the authorities in `ca_file` are trusted beside the usual ones. `is_ours` tells
        whether an id belongs to one of our jobs; without it any id may.

        Raises ValueError for a base URL or a header that cannot work; the message never holds the header's value.
        """
        self._name = name
        self._origin = Origin(base_url, headers or {}, name=name)
        self._circuit = circuit or Circuit()
        calls.register(name, self._circuit)
        self._is_ours = is_ours or (lambda _: True)
        self._adapter = Adapter(pool_size, proxies=proxies, ca_file=ca_file)

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        timeout: float = 15,
        deadline_seconds: float | None = None,
        retries: int = 2,
        about: Collection[str] = (),
    ) -> Answer:
        """Send a GET. Connection errors, 408, 429 and 5xx are retried up to `retries` times, with jitter.

        `path` is joined to the base URL; an absolute http(s) URL is used as it is, with our headers only at the base URL's
        origin. One attempt takes at most `timeout` seconds after connecting; all attempts and pauses together take at most
        `deadline_seconds`. A response that names a job is accepted only if that job is in `about`.
        Returns the response for every final status, a 404 too (see `raise_for_answer`). Raises ServiceDown (with
        `retry_after` where the service named one) after the last attempt, or at once while the circuit is open; Interrupted
        when a stop is requested during a pause.
        """
        deadline = None if deadline_seconds is None else clock.Deadline(deadline_seconds)
        request = self._origin.request("GET", path, params=params)
        return self._persist(partial(self._get_once, request, timeout, deadline, about), retries, deadline)

    def post_paid(self, path: str, *, json: Mapping[str, Any] | None = None, timeout: float = 60) -> Answer:
        """Send a paid POST at most once: over a fresh connection, without a retry in any layer, without redirects.

        `timeout` covers sending and waiting together, after connecting.

        Returns the response for a 2xx (its `json` raises SubmitUnclear if it is not JSON). Raises
        NotSent: the request did not reach the service (no connection, no TLS, no proxy, or the circuit is open);
        ServiceBusy: 429, 503, 529; AccountError: 401, 402, 403, 412, 596; NotFound: 404, 410; ServiceRefused: every other
        3xx and 4xx except 302, 303 and 408; SubmitUnclear: everything else, because the call may have been accepted and billed.
        """
        request = self._origin.request("POST", path, json=json)
        try:
            self._circuit.check(self._name)
        except CircuitOpen as shut:
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
        """Send a free POST that changes something (an upload). The caller may retry it.

        Raises what `post_paid` raises, with ServiceDown in place of SubmitUnclear.
        """
        request = self._origin.request("POST", path, headers, json=json, data=data, params=params)

        def attempt() -> Answer:
            self._circuit.check(self._name)
            return self._post_once(request, timeout, paid=False)

        return self._persist(attempt, retries, None)

    def close(self) -> None:
        """Close the kept connections."""
        self._adapter.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<HttpClient {self._name} at {self._origin.base_url}>"

    @staticmethod
    def _persist(attempt: Callable[[], Answer], retries: int, deadline: clock.Deadline | None) -> Answer:
        longest = RETRY_AFTER_CAP_SECONDS
        return retry(attempt, tries=retries + 1, longest_pause=longest, deadline=deadline, is_transient=_is_transient)

    def _get_once(
        self, request: requests.PreparedRequest, timeout: float, deadline: clock.Deadline | None, about: Collection[str]
    ) -> Answer:
        """Make one attempt of a GET. Returns a final response, or raises ServiceDown."""
        self._circuit.check(self._name)
        self._wait_while_held_back(deadline)
        budget = timeout if deadline is None else min(timeout, deadline.left())
        if budget <= 0:
            raise ServiceDown(f"{self._name} was not asked, because the time for it ran out; it will be asked again.")
        with calls.counted(self._name, calls.GET, str(request.url)) as call:
            answer = self._exchange(request, budget, reuse=True)
            if not answer.is_about(about):
                answer = self._asked_afresh(request, budget, about, answer.subject())
            if not is_final(answer.status):
                details = f"HTTP {answer.status}: {answer.error_text()}".removesuffix(": ")
                kind = FreeLimit if answer.status == 429 else ServiceDown
                raise kind(f"{self._name} could not answer now ({details}); it will be asked again.", answer.retry_after())
            call.status = answer.status
        return answer

    def _asked_afresh(self, request: requests.PreparedRequest, timeout: float, about: Collection[str], seen: str | None) -> Answer:
        """Send the GET again over a fresh connection: a reused one may deliver an earlier response, about another job.

        Where both connections name the same other job, that is the service's own name for this job, unless it is one of ours.
        """
        self._adapter.forget_connections()
        answer = self._exchange(request, timeout)
        subject = answer.subject()
        if not answer.is_about(about) and (subject != seen or self._is_ours(str(subject))):
            raise ServiceDown(f"{self._name} answered about another job than the one that was asked for; it will be asked again.")
        return answer

    def _post_once(self, request: requests.PreparedRequest, timeout: float, *, paid: bool) -> Answer:
        with calls.counted(self._name, calls.PAID if paid else calls.POST, str(request.url)) as call:
            answer = self._exchange(request, timeout, paid=paid)
            raise_for_answer(answer)
            call.status = answer.status
        return answer

    def _exchange(self, request: requests.PreparedRequest, timeout: float, *, paid: bool = False, reuse: bool = False) -> Answer:
        """Send a request once and return the response, of any status. `reuse` takes a kept connection, where there is one."""
        try:
            reply = (_send_over_kept if reuse else send_once)(self._adapter, request, timeout)
        except CONNECTION_ERRORS as error:
            self._circuit.failed()
            raise self._no_answer(error, request, paid=paid) from None
        answer = self._answer(reply, paid=paid)
        if answer.status >= 500 and answer.status != 596:
            self._circuit.failed()
        else:
            self._circuit.succeeded()
        if answer.status == 429:
            self._circuit.hold_back(min(answer.retry_after() or 0.0, RETRY_AFTER_CAP_SECONDS))
        return answer

    def _no_answer(self, error: BaseException, request: requests.PreparedRequest, *, paid: bool) -> TenxsomError:
        words = describe_error(error, self._adapter.proxy_for(request.url))
        if request.method == "GET":
            return ServiceDown(f"{self._name} could not be asked ({words}); it will be asked again.")
        if isinstance(error, NotConnected):
            return NotSent(f"{self._name} could not be reached ({words}); nothing was sent, it will be tried again.")
        if paid and isinstance(error, Unfinished):
            return self._answer(error.reply, paid=True).unclear(words)
        if paid:
            return unclear(self._name, words)
        return ServiceDown(f"{self._name} gave no usable answer ({words}); it will be tried again.")

    def _answer(self, reply: Reply, *, paid: bool) -> Answer:
        return Answer(*reply, self._name, paid=paid, secrets=self._origin.secrets)

    def _wait_while_held_back(self, deadline: clock.Deadline | None) -> None:
        wait = self._circuit.held_seconds()
        if wait and deadline is not None and wait >= deadline.left():
            raise ServiceDown(f"{self._name} asked for a pause of {wait:.0f} more seconds; it will be asked again after it.", wait)
        if wait:
            pause = wait + clock.chance(0, 1)  # jitter: waiting threads do not all continue at once
            clock.sleep(pause if deadline is None else min(pause, deadline.left()))


def _send_over_kept(adapter: Adapter, request: requests.PreparedRequest, timeout: float) -> Reply:
    with closing(send(adapter, request, timeout)) as response:
        return read_reply(response.raw, clock.Deadline(timeout))


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, NotSent | ServiceBusy | ServiceDown) and not isinstance(error, CircuitOpen)
