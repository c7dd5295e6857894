"""The local studio as a WSGI app: authentication, scripted faults, error responses.

POST /v1/ltxstudio/images/create …      UseAPI.net's LTX Studio API (`api.py`, `assets.py`, `accounts.py`)
POST /v2/image-to-video, /v1/upload …   the official LTX API (`ltx.py`)
POST /v1beta1/projects/…                Veo, image and music models on Vertex AI (`veo.py`, `gemini_image.py`, `lyria.py`)
POST /v1/audio/speech                   a speech model, and Gemini's under Vertex AI's paths (`speech.py`)
GET  /storage/…                         the storage host its links point to (`storage.py`)
GET  /studio/charges                    every accepted create call            for operators and for tests over a socket
GET  /studio/faults, POST …             the script of faults (`faults.py`)
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from flask import Blueprint, Flask, Response, current_app, g, request
from werkzeug.exceptions import HTTPException

from tenxsom import clock
from tenxsom.errors import BadInput, TryAgainLater
from tenxsom_studio import accounts, api, assets, gemini_image, ltx, lyria, speech, veo
from tenxsom_studio.answers import Refusal, document, error, page
from tenxsom_studio.context import PREFIX, studio
from tenxsom_studio.context import api as api_blueprint
from tenxsom_studio.faults import Call, write_rules
from tenxsom_studio.records import USEAPI
from tenxsom_studio.studio import Studio

LARGEST_BODY_BYTES = 105_000_000
"""The LTX API's limit of uploads: 100 MB."""

ENDPOINTS = (api, assets, accounts)
"""The modules that register the API's endpoints when they are imported."""

OTHER_APIS = (ltx, veo, gemini_image, lyria, speech)
"""The APIs beside UseAPI.net's: modules with a NAME (the service's), a pattern of PATHS and a `blueprint`."""

desk = Blueprint("desk", __name__)


def create_app(
    world: Path, *, token: str | None = None, storage_host: str | None = None, host_names: Sequence[str] | None = None
) -> Flask:
    """Return the studio over the folder `world`, which is created if it does not exist.

    `token`: the only accepted bearer token; None accepts any, but one is required. `storage_host`: the host (or address) of
    links to media; None is the host of the request. `host_names`: the accepted Host headers, so that no web page reaches the
    studio through a name that resolves to this machine; None accepts any. `app.extensions["studio"]` is the `Studio`.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY_BYTES
    app.config["HOST_NAMES"] = host_names
    app.extensions["studio"] = Studio(world, token, storage_host)
    app.register_blueprint(api_blueprint)
    for other in OTHER_APIS:
        app.register_blueprint(other.blueprint)
    app.register_blueprint(desk)
    app.before_request(_receive)
    app.register_error_handler(Refusal, _refuse)
    app.register_error_handler(HTTPException, _refuse_by_http)
    app.register_error_handler(BadInput, _broken_script)
    app.register_error_handler(TryAgainLater, _not_now)
    return app


@desk.get("/storage/<path:name>")
def download(name: str) -> Response:  # noqa: ARG001  (the whole path is signed, not this part)
    return studio().storage.answer(g.call)


@desk.get("/studio/charges")
def charges() -> Response:
    return document(studio().charges())


@desk.get("/studio/faults")
def faults() -> Response:
    rules, counts = studio().faults.rules(), studio().faults.counts()
    return document([dict(rule.details) | {"seen": seen} for rule, seen in zip(rules, counts, strict=True)])


@desk.post("/studio/faults")
def set_faults() -> Response:
    try:
        write_rules(studio().world.root, request.get_json())
    except BadInput as trouble:
        raise Refusal(400, str(trouble)) from trouble
    return faults()


def _receive() -> Response | None:
    """Before every call: check the Host header, apply scripted faults, then check the token."""
    g.call = None
    if not _is_own_name(request.headers.get("Host", "")):
        return error(421, "This studio answers to its own host names only.")
    if not request.path.startswith("/studio/") and studio().faults.exist():
        g.call = _describe()
        if rule := studio().faults.take(g.call, "arriving"):
            clock.sleep(rule.details.get("seconds", 1))
        if rule := studio().faults.take(g.call, "answering"):
            status = rule.details.get("status", 404)
            return page(status, "This API has been retired") if rule.do == "retired" else api.scripted(rule, 500)
    return None if re.match(r"/storage/(?!v1/b/)", request.path) else _check_token()


def _is_own_name(host: str) -> bool:
    """Return whether the Host header names this studio. Werkzeug's own list of trusted hosts does not support IPv6."""
    names = current_app.config["HOST_NAMES"]
    try:
        return names is None or urlsplit(f"//{host}").hostname in names
    except ValueError:
        return False


def _check_token() -> Response | None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    wanted = studio().token
    if scheme.lower() != "bearer" or not given.strip() or (wanted and not hmac.compare_digest(given.encode(), wanted.encode())):
        return error(401, "Unauthorized")
    return None


def _describe() -> Call:
    """Return the request as fault rules see it."""
    rule = request.url_rule.rule if request.url_rule else request.path
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule).removeprefix(PREFIX)
    address = unquote(request.full_path)
    is_video = "-type:video" in address or path.startswith(("/videos/", "/v2/")) or request.path.endswith(".mp4")
    is_image = "-type:image" in address or path.startswith("/images/") or request.path.endswith((".png", ".jpg", ".webp"))
    is_image = is_image or "/upload" in request.path
    is_video = is_video or request.path.endswith(("LongRunning", "fetchPredictOperation"))
    is_image = is_image or request.path.endswith((":generateContent", ":predict"))
    kind = "video" if is_video else "image" if is_image else ""
    is_text = request.is_json or request.mimetype == "multipart/form-data"
    body = request.get_data(as_text=True) if is_text else ""
    path = "/storage" if path.startswith("/storage/") else path
    return Call(request.method, path, kind, f"{address}\n{body}", _service())


def _service() -> str:
    """Return the name of the service whose API was called; empty for the storage host."""
    other = next((other.NAME for other in OTHER_APIS if re.match(other.PATHS, request.path)), "")
    return other or (USEAPI if request.path.startswith(PREFIX) else "")


def _refuse(refusal: Refusal) -> Response:
    return error(refusal.status, str(refusal), refusal.retry_after, refusal.kind)


def _refuse_by_http(refusal: HTTPException) -> Response:
    return error(refusal.code or 500, refusal.description or refusal.name)


def _broken_script(trouble: BadInput) -> Response:
    return error(500, str(trouble))


def _not_now(trouble: TryAgainLater) -> Response:
    return error(503, str(trouble), retry_after=1)
