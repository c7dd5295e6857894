"""Talking to one service's API: free calls that are tried again, and paid calls that are sent at most once.

The bearer token goes to the origin of the base URL and nowhere else. Redirects are never followed, cookies never kept, the
environment never asked. `requests` (about 100 ms) is imported with the first call that needs it: a tick whose questions get
plain answers needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tenxsom import __version__, clock
from tenxsom.errors import NotSent, ServiceBusy, ServiceDown, TenxsomError
from tenxsom.net import call as calls
from tenxsom.net.answer import Answer, is_final, raise_for_answer, unclear
from tenxsom.net.call import Call
from tenxsom.net.circuit import Circuit
from tenxsom.net.line import Line
from tenxsom.net.origin import Origin
from tenxsom.net.reply import Reply
from tenxsom.net.tls import tls_context

if TYPE_CHECKING:
    from requests import PreparedRequest
    from requests.adapters import HTTPAdapter

    from tenxsom.net.question import Question

__all__ = ["USER_AGENT", "Answer", "Circuit", "HttpClient", "raise_for_answer"]

USER_AGENT = f"tenxsom-ai/{__version__}"


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
        own_line: bool = False,
    ) -> None:
        """`headers`, the token among them, go to the base URL's origin only; `name` is what messages call the service; at most
        `pool_size` plain questions are under way at once, and as many that the libraries ask; the authorities in `ca_file` are
        trusted beside the usual ones. With `own_line` plain GETs go over a `Line`, for services asked a thousand times a tick.

        Raises ValueError for a base URL or a header that cannot work; the message never holds the header's value.
        """
        self._name = name
        self._origin = Origin(base_url, headers or {}, name=name, user_agent=user_agent)
        self._proxies = dict(proxies or {})
        self._circuit = circuit or Circuit()
        self._tls = partial(tls_context, ca_file)
        self._adapter_factory = adapter_factory
        self._pool_size = pool_size
        self._places = calls.Places(pool_size)
        straight = own_line and not adapter_factory and not self._proxies
        self._line = Line(self._origin.door, self._tls, pool_size) if straight and self._origin.door else None

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
        deadline = None if deadline_seconds is None else clock.Deadline(deadline_seconds)
        plain = self._origin.plain_get(path) if self._line and not params else None
        prepare = partial(self._origin.request, "GET", path, params=params)
        prefetched = self._line.prefetched(plain) if self._line and plain else None
        attempt = partial(self._get_once, plain, prepare, timeout, deadline)
        return self._persist(attempt, retries, deadline, prefetched)

    def prefetch(self, path: str, answered: Callable[[], None], *, timeout: float, deadline_seconds: float) -> bool:
        """Send off what `get` is going to ask for `path`, and return at once.

        `answered` is called by another thread, which it must not keep, when the next `get` has the answer, or the trouble,
        without waiting. False, and no call, where that cannot be (no line of our own, a service in trouble): `get` asks as ever.
        """
        if self._line is None or not self._circuit.lets_all_through():
            return False
        plain = self._origin.plain_get(path)
        call = calls.call_of(timeout, clock.Deadline(deadline_seconds))
        return plain is not None and self._line.prefetch(plain, call, answered)

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
        return self._persist(lambda _: self._post_once(request, timeout, paid=False), retries, None)

    def close(self) -> None:
        """Close the kept connections."""
        if self._line:
            self._line.close()
        if "_kept" in vars(self):
            self._kept.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<HttpClient {self._name} at {self._origin.base_url}>"

    @cached_property
    def _kept(self) -> HTTPAdapter:
        """The connections that are kept for GETs in the libraries' way."""
        from tenxsom.net import exchange

        factory = self._adapter_factory or partial(exchange.WireAdapter, self._pool_size, self._tls)
        return exchange.without_retries(factory())

    def _get_once(
        self,
        plain: bytes | None,
        prepare: Callable[[], PreparedRequest],
        timeout: float,
        deadline: clock.Deadline | None,
        prefetched: Question | None,
    ) -> Answer:
        """One attempt of a GET, which may have been prefetched: a final answer, or ServiceDown."""
        if prefetched is None:
            self._wait_while_held_back(deadline)
        budget = timeout if deadline is None else min(timeout, deadline.left())
        if budget <= 0:
            raise ServiceDown(f"{self._name} was not asked, because the time for it ran out; it will be asked again.")
        call = calls.call_of(budget, deadline)
        reply = self._asked_plainly(plain, call, prefetched) or self._asked_by_library(prepare(), call, budget)
        answer = self._answer(reply, paid=False)
        self._take_note(answer)
        if not is_final(answer.status):
            told = f"HTTP {answer.status}: {answer.error_text()}".removesuffix(": ")
            raise ServiceDown(f"{self._name} could not answer now ({told}); it will be asked again.", answer.retry_after())
        return answer

    def _asked_plainly(self, plain: bytes | None, call: Call, prefetched: Question | None) -> Reply | None:
        """The answer over our own line; None where there is none, or where it is for the libraries to read."""
        if plain is None or self._line is None:
            return None
        try:
            return prefetched.outcome() if prefetched else self._line.ask(plain, call)
        except calls.NoTurn:
            raise self._out_of_turn() from None
        except OSError as error:
            raise self._unasked(error) from None

    def _asked_by_library(self, request: PreparedRequest, call: Call, timeout: float) -> Reply:
        from tenxsom.net import exchange

        try:
            with self._places.one(call):
                return exchange.exchange(self._kept, request, call, timeout, self._proxies)
        except calls.NoTurn:
            raise self._out_of_turn() from None
        except exchange.WIRE_ERRORS as error:
            raise self._unasked(error) from None

    def _out_of_turn(self) -> ServiceDown:
        return ServiceDown(f"{self._name} was not asked, because it had not answered those before in time; it will be asked again.")

    def _unasked(self, error: BaseException) -> ServiceDown:
        from tenxsom.net import exchange

        self._circuit.failed()
        return ServiceDown(f"{self._name} could not be asked ({exchange.phrase(error)}); it will be asked again.")

    def _post_once(self, request: PreparedRequest, timeout: float, *, paid: bool) -> Answer:
        from tenxsom.net import exchange

        call, factory = calls.call_of(timeout, None), self._adapter_factory or partial(exchange.WireAdapter, tls=self._tls)
        try:
            with closing(exchange.without_retries(factory())) as fresh:
                answer = self._answer(exchange.exchange(fresh, request, call, timeout, self._proxies), paid=paid)
        except exchange.WIRE_ERRORS as error:
            self._circuit.failed()
            raise self._post_trouble(error, call, paid=paid) from None
        self._take_note(answer)
        raise_for_answer(answer, self._name, paid=paid)
        return answer

    def _post_trouble(self, error: BaseException, call: Call, *, paid: bool) -> TenxsomError:
        from tenxsom.net import exchange

        words = exchange.phrase(error)
        if exchange.certainly_not_sent(error, call):
            return NotSent(f"{self._name} could not be reached ({words}); nothing was sent, it will be tried again.")
        if paid:
            return unclear(self._name, words)
        return ServiceDown(f"{self._name} gave no usable answer ({words}); it will be tried again.")

    def _answer(self, reply: Reply, *, paid: bool) -> Answer:
        return Answer(reply.status, reply.headers, reply.body, self._name, paid=paid, secrets=self._origin.secrets)

    def _take_note(self, answer: Answer) -> None:
        if answer.status >= 500 and answer.status != 596:
            self._circuit.failed()
        else:
            self._circuit.succeeded()
        if answer.status == 429:
            self._circuit.hold_back(min(answer.retry_after() or 0.0, calls.RETRY_AFTER_CAP_SECONDS))

    def _wait_while_held_back(self, deadline: clock.Deadline | None) -> None:
        wait = self._circuit.held_seconds()
        if wait and deadline is not None and wait >= deadline.left():
            raise ServiceDown(f"{self._name} asked for a pause of {wait:.0f} more seconds; it will be asked again after it.", wait)
        if wait:
            pause = wait + clock.chance(0, 1)  # so that the threads that waited do not all come at once
            clock.sleep(pause if deadline is None else min(pause, deadline.left()))

    def _persist(
        self,
        attempt: Callable[[Question | None], Answer],
        retries: int,
        deadline: clock.Deadline | None,
        prefetched: Question | None = None,
    ) -> Answer:
        """Try, and try again after passing troubles, within the retries, the deadline and the cap of the pauses.

        What was prefetched is the first attempt: whatever befell the service since, its answer is there.
        """
        number = 0
        while True:
            if prefetched is None:
                self._circuit.check(self._name)
            try:
                return attempt(prefetched)
            except (NotSent, ServiceBusy, ServiceDown) as trouble:
                pause = calls.pause_after(trouble, number)
                if (
                    number >= retries
                    or pause > calls.RETRY_AFTER_CAP_SECONDS
                    or (deadline is not None and pause >= deadline.left())
                ):
                    raise
            clock.sleep(pause)
            number, prefetched = number + 1, None
