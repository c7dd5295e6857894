"""Any server with OpenAI's `POST /v1/audio/speech`: a gateway, or a server on this machine (Kokoro-FastAPI, LocalAI, vLLM).

A server on this machine is free; every other is paid. Kokoro-FastAPI also tells the times of the words
(https://github.com/remsky/Kokoro-FastAPI, `POST /dev/captioned_speech`). OpenAI itself ends its speech models on
6 January 2027, as its library says; the shape of the request lives on in the servers.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from tenxsom.errors import BadSettings, NotFound, ServiceDown, ServiceRefused, TenxsomError
from tenxsom.http.answer import Answer
from tenxsom.http.client import HttpClient
from tenxsom.setting_groups import NetworkSettings, SecretText, WebAddress, setting
from tenxsom.setting_values import is_this_machine
from tenxsom.voices.base import SERVER, Line, PriceEntry, Speech, WordTime


class SpeechApiSettings(NetworkSettings):
    """The server that speaks."""

    section: ClassVar[str] = ""

    speech_api_base_url: WebAddress | None = setting(
        None,
        "A server with OpenAI's `/v1/audio/speech`, with `VOICE_SERVICE=speech_api`",
        allowed="as `USEAPI_BASE_URL`; such as `http://localhost:8880/v1`",
        comment="A server with OpenAI's /v1/audio/speech, for example http://localhost:8880/v1 (free on this machine).",
    )
    speech_api_key: SecretText | None = setting(
        None,
        "Your key of that server, if it wants one",
        allowed="one line of printable characters",
        comment="Your key of that server, if it wants one. Or put it into a file: SPEECH_API_KEY_FILE.",
    )
    speech_api_model: str = setting(
        "kokoro",
        "The speech model of that server",
        allowed="a model of that server",
        comment="The speech model of that server, for example kokoro.",
    )


NAME = "speech_api"
_SPEECH, _CAPTIONED = "/audio/speech", "/dev/captioned_speech"
PRICES: PriceEntry = {
    "models": {},
    "note": "A server on this machine is free. For any other write the price of your model here: million_characters_usd, or"
    " input_usd and output_usd per million tokens.",
}
TOKENS_A_SECOND = 21
"""For models that charge tokens of sound: OpenAI's own estimate of $0.015 a minute at $12 a million
(https://platform.openai.com/docs/pricing)."""

_SECONDS = 180.0
_DEFAULTS = {"kokoro": "af_heart"}
_OTHER_DEFAULT = "alloy"


class SpeechApi:
    """One speaker of a server. `is_free`: its sentences cost nothing, so a failed one may be asked for again."""

    service = NAME

    def __init__(self, client: HttpClient, model: str, name: str, *, root: str, is_free: bool) -> None:
        """`root` is the server's address without the version, where it offers times of words."""
        self._client, self._model, self.name = client, model, name
        self._root, self._is_free = root, is_free
        self._has_times: bool | None = None
        self._lock = threading.Lock()

    def say(self, line: Line) -> Speech:
        """Let the server speak a line. Its directions are left out: most servers refuse the field, or read it aloud."""
        body = {"model": self._model, "input": line.text, "voice": self.name, "response_format": "wav", "speed": line.speed}
        if self._tells_times():
            return _with_times(self._posted(f"{self._root}{_CAPTIONED}", body | {"stream": False}))
        answer = self._posted(_SPEECH, body)
        if answer.body[:1] == b"{":  # an error message with a status of success
            return Speech(b"", complaint=f"{NAME} sent no sound ({answer.error_text() or 'it is JSON'})")
        return Speech(answer.file(), answer.header("Content-Type"))

    def close(self) -> None:
        self._client.close()

    def _posted(self, path: str, body: Mapping[str, Any]) -> Answer:
        try:
            if self._is_free:
                return self._client.post(path, json=body, timeout=_SECONDS, retries=1)
            return self._client.post_paid(path, json=body, timeout=_SECONDS)
        except NotFound as error:
            raise ServiceRefused(
                f"{NAME} does not know the address or the model ({error}) Check SPEECH_API_BASE_URL, which ends with /v1, and"
                " SPEECH_API_MODEL.",
                error.status,
                answer=error.answer,
            ) from None

    def _tells_times(self) -> bool:
        """Return whether the server offers times of words. Free: a GET to that address is refused where it exists (405)."""
        with self._lock:
            if self._has_times is None:
                try:
                    answer = self._client.get(f"{self._root}{_CAPTIONED}", timeout=5, retries=0)
                except ServiceDown:
                    return False  # the next line asks again
                except TenxsomError:
                    self._has_times = False
                else:
                    self._has_times = answer.status == 405
            return bool(self._has_times)


def is_paid(settings: SpeechApiSettings) -> bool:
    """Return whether the server is another machine, which may charge."""
    return not is_this_machine(urlsplit(settings.speech_api_base_url or "").hostname or "")


def model_of(settings: SpeechApiSettings) -> str:
    """Return the model, by which it is charged."""
    return settings.speech_api_model


def is_rehearsal(settings: SpeechApiSettings) -> bool:  # noqa: ARG001  (the protocol of every voice)
    """Return False: on this machine it is free, and no rehearsal."""
    return False


def speakers(settings: SpeechApiSettings) -> tuple[str, ...]:  # noqa: ARG001
    """Return nothing: the server alone knows its speakers."""
    return ()


def language_problem(settings: SpeechApiSettings, language: str) -> str | None:  # noqa: ARG001
    """Return None: the server alone knows its languages."""
    return None


def missing(settings: SpeechApiSettings, name: str | None = None) -> str | None:  # noqa: ARG001
    """Return what it needs before it can be used; None if nothing."""
    if not settings.speech_api_base_url:
        return f"{NAME} needs SPEECH_API_BASE_URL, such as http://localhost:8880/v1; put it into production.env"
    return None


def open_voice(settings: SpeechApiSettings, name: str | None = None) -> SpeechApi:
    """Return the voice. Raises BadSettings without an address."""
    if complaint := missing(settings, name):
        raise BadSettings(f"{complaint}.")
    address, key = str(settings.speech_api_base_url), settings.speech_api_key
    client = HttpClient(
        address,
        headers={"Authorization": f"Bearer {key.reveal()}"} if key else {},
        name=NAME,
        proxies=settings.proxies,
        pool_size=2,
        ca_file=settings.tls_ca_file,
    )
    speaker = name or _DEFAULTS.get(settings.speech_api_model, _OTHER_DEFAULT)
    root = address.rstrip("/").removesuffix("/v1")
    return SpeechApi(client, settings.speech_api_model, speaker, root=root, is_free=not is_paid(settings))


def _with_times(answer: Answer) -> Speech:
    """Return the sound and the times of a captioned response: `{audio: base64, timestamps: [{word, start_time, end_time}]}`."""
    document = answer.json()
    try:
        audio = base64.b64decode(document["audio"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        return Speech(b"", complaint=f"{NAME} sent no sound ({answer.error_text() or 'its answer holds none'})")
    words = tuple(_times(document.get("timestamps")))
    return Speech(audio, words=words, timing=SERVER if words else "")


def _times(timestamps: Any) -> Iterator[WordTime]:
    """Yield the usable times of a response."""
    for each in timestamps if isinstance(timestamps, list) else ():
        if not isinstance(each, dict):
            continue
        word, start, end = each.get("word"), each.get("start_time"), each.get("end_time")
        is_timed = all(isinstance(moment, int | float) and not isinstance(moment, bool) for moment in (start, end))
        if isinstance(word, str) and is_timed and any(letter.isalnum() for letter in word):
            with contextlib.suppress(OverflowError):
                yield WordTime(word, float(start), float(end))  # type: ignore[arg-type]  # numbers, as was just checked
