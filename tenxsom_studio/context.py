"""Shared by all endpoints of the API: the blueprint, the studio, and the parsing of requests."""

from __future__ import annotations

from flask import Blueprint, current_app, request

from tenxsom_studio import orders
from tenxsom_studio.answers import Refusal
from tenxsom_studio.records import Account
from tenxsom_studio.studio import Studio

PREFIX = "/v1/ltxstudio"

api = Blueprint("ltxstudio", __name__, url_prefix=PREFIX)


def studio() -> Studio:
    """Return the studio of the current request's app."""
    found: Studio = current_app.extensions["studio"]
    return found


def read_body() -> orders.Body:
    """Read the fields of a create call, from JSON or multipart. Raises Refusal (400)."""
    if request.mimetype == "multipart/form-data":
        return orders.from_form(request.form)
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Refusal(400, "The body must be a JSON object or multipart/form-data")
    return body


def read_number(name: str, default: int, highest: int) -> int:
    """Read an integer of at least 1 from the query. Raises Refusal (400)."""
    value = request.args.get(name, str(default))
    if not value.isdecimal() or not 1 <= int(value) <= highest:
        raise Refusal(400, f"Parameter {name} must be an integer from 1 to {highest}")
    return int(value)


def known_accounts() -> dict[str, Account]:
    """Return the linked accounts by e-mail. Raises Refusal (404) when there are none."""
    known = studio().world.accounts()
    if not known:
        raise Refusal(404, "Configuration not found. To create configuration use POST /accounts.")
    return known


def account_for(email: str | None) -> Account:
    """Return the account of a call: the named one, or the only one. Raises Refusal (400)."""
    known = known_accounts()
    if email is None and len(known) > 1:
        raise Refusal(400, "Parameter email is required when more than one account is configured")
    if email is not None and email not in known:
        raise Refusal(400, f"Parameter email: account {email} is not configured")
    return known[email] if email else next(iter(known.values()))
