"""Answers of a few kilobytes that unpack to gigabytes are refused, and take no memory that anybody would notice."""

from __future__ import annotations

import gzip

import pytest

from tests.net_server import ScriptedServer, answer
from tests.processes import running, said

MEGABYTE = 1 << 20
ASKED = """
import resource, sys
from tenxsom.errors import TenxsomError
from tenxsom.http.client import HttpClient

def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

with HttpClient(sys.argv[1], headers={}, name="the vendor") as client:
    client.get("/small")
    before = memory()
    try:
        getattr(client, sys.argv[2])("/bomb")
    except TenxsomError as error:
        print(type(error).__name__, memory() - before)
"""


def bomb(layers: int) -> bytes:
    """So many layers of gzip around 1 GB of nothing."""
    member = gzip.compress(bytes(16 * MEGABYTE))
    packed = member * 64  # a gzip file may have any number of members, one after the other
    for _ in range(layers - 1):
        packed = gzip.compress(packed)
    return packed


@pytest.mark.parametrize(("call", "refusal"), [("get", "ServiceDown"), ("post_paid", "SubmitUnclear")])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_an_answer_that_unpacks_to_gigabytes_is_refused_and_takes_no_memory(layers: int, call: str, refusal: str) -> None:
    packed = bomb(layers)
    assert len(packed) < 2 * MEGABYTE
    behaviour = answer(200, packed, Content_Encoding=", ".join(["gzip"] * layers))
    with ScriptedServer(answer(200, {}, Connection="close"), behaviour) as server:
        with running(ASKED, server.url, call) as (process,):
            name, taken = said(process).split()
    assert name == refusal
    assert int(taken) < 100 * MEGABYTE
