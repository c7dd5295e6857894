"""Reads the forms that pages send."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from tenxsom.errors import BadInput

MOST_FIELDS = 1000


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form. Raises BadInput."""
    body = await request.body()
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise BadInput("This form has more fields than any of ours.") from None
