"""A vendor that exists only as canned answers, for what a service makes of them. What sockets do is tested at `tenxsom.http`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from unittest import mock

import requests
import responses

from tenxsom.http.connections import Adapter
from tenxsom.http.errors import NotConnected
from tenxsom.http.paid import Reply


@contextlib.contextmanager
def mocked_vendor() -> Iterator[responses.RequestsMock]:
    """Answers for every request within the block, those that are sent once among them."""
    with contextlib.ExitStack() as stack:
        for user in ("client", "uploads"):
            stack.enter_context(mock.patch(f"tenxsom.http.{user}.send_once", _send_through_requests))
        yield stack.enter_context(responses.RequestsMock(assert_all_requests_are_fired=True))


def _send_through_requests(adapter: Adapter, request: requests.PreparedRequest, *args: object, **kwargs: object) -> Reply:
    """`send_once`, by the way that canned answers are given."""
    try:
        response = adapter.send(request)
    except requests.exceptions.ConnectTimeout as error:
        raise NotConnected from error
    return Reply(response.status_code, response.headers, response.content)
