"""Google's generative media on Vertex AI. The only file that uses google-genai and its errors.

Google now calls Vertex AI the Gemini Enterprise Agent Platform; hosts, paths and roles are unchanged. The import takes half a
second, so it happens on first use. Calls: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/veo-video-generation
"""

from __future__ import annotations

import base64
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpx

from tenxsom.errors import AccountError, BadSettings, NotSent, ServiceDown, ServiceRefused, TenxsomError
from tenxsom.google.credentials import Account, GenAiSettings, quoted, token_session, vertex_address
from tenxsom.google.storage import Bucket
from tenxsom.http import calls
from tenxsom.http.answer import Answer, raise_for_answer, unclear
from tenxsom.http.circuit import Circuit
from tenxsom.http.connections import Adapter
from tenxsom.http.errors import CONNECTION_ERRORS, NotConnected, describe_error
from tenxsom.http.origin import prepared
from tenxsom.http.paid import Reply, Unfinished, send_once
from tenxsom.http.proxies import proxy_for
from tenxsom.setting_values import is_this_machine

Found = TypeVar("Found")

_ORDER_SECONDS = 120.0
"""Timeout for sending an order, which may contain a picture of megabytes, and receiving its response."""
_PICTURE_SECONDS = 300.0
"""Timeout for an image model, whose response is the picture itself."""
_SPEECH_SECONDS = 240.0
"""Timeout for a speech model, which was seen to take two and a half minutes."""
_MUSIC_SECONDS = 180.0
"""Timeout for a music model, which takes some 20 seconds."""
_INLINE_SECONDS = 60.0
"""Timeout for a response that contains a clip; the caller sets the longest time without data."""

_MAX_ANSWER_BYTES = 200_000_000
"""The largest JSON response: it may contain a clip as base64, and 8 seconds in 4K are some tens of megabytes."""

_LARGEST_KEPT_BYTES = 1_000_000
"""The longest response whose text is kept for messages; a longer one contains a clip or a picture."""

_OF_THE_BODY_AS_SENT = {"content-encoding", "transfer-encoding", "content-length", "connection"}
"""Headers that no longer apply to a body that was read and decoded."""


class Operation(NamedTuple):
    """The state of an ordered clip."""

    done: bool
    error: str = ""
    """The reason of a failure; empty without one."""
    filtered: str = ""
    """The reason why Google's filters withheld the clip; empty without one."""
    uri: str | None = None
    content: bytes | None = None


class Picture(NamedTuple):
    """The result of an image model: a picture, or the reason why there is none; and the tokens of pictures that Google counted."""

    content: bytes | None
    reason: str = ""
    image_tokens: int = 0


class Recording(NamedTuple):
    """The result of a speech model: a sound, or the reason why there is none; both with what Google counted."""

    content: bytes | None
    mime_type: str = ""
    reason: str = ""
    input_tokens: int = 0
    audio_tokens: int = 0


class Written(NamedTuple):
    """The text of a language model, why it ended, and what was counted, by the names in Claude's API."""

    text: str | None
    reason: str
    usage: dict[str, int]


class Music(NamedTuple):
    """The result of a music model: a sound file, or the reason why there is none."""

    content: bytes | None
    mime_type: str = ""
    reason: str = ""


class _RefusedError(Exception):
    """A response of an API that google-genai does not call for us has another status than 200."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"HTTP {response.status_code}")
        self.response = response


class GenAi:
    """A client of the generative models of one project in one location. Thread-safe.

    `base_url` is another address of the service. A local one is a rehearsal: its token is the word `local`, never real
    credentials. Raises BadSettings for an address that would receive real credentials without encryption.
    """

    def __init__(
        self,
        name: str,
        project: str,
        location: str,
        *,
        base_url: str | None = None,
        credentials_file: Path | None = None,
        proxies: Mapping[str, str] | None = None,
        ca_file: Path | None = None,
    ) -> None:
        rehearses = base_url is not None and is_this_machine(urlsplit(base_url).hostname or "")
        if base_url and not rehearses and not base_url.startswith("https://"):
            raise BadSettings("VERTEX_GENAI_BASE_URL would send Google credentials unencrypted; use https.")
        self.name = name
        self._project, self._location, self._base_url = project, location, base_url
        self._proxies = dict(proxies or {})
        session = partial(token_session, self._proxies, ca_file)
        self._account = Account(credentials_file, rehearses=rehearses, session=session)
        self._transport = _Transport(self._proxies, ca_file, self._account.secrets)
        self._circuit, self._lock = Circuit(), threading.Lock()
        calls.register(name, self._circuit)
        self._client: Any = None
        self.bucket = Bucket(self._account, self._proxies, base_url if rehearses else None, ca_file)

    def order_video(self, model: str, prompt: str, picture: tuple[bytes, str] | None, **parameters: Any) -> str:
        """Order a clip, from a picture (bytes and MIME type) or from the prompt alone; return the operation's name. Paid.

        `parameters` are those of types.GenerateVideosConfig. Raises what `HttpClient.post_paid` raises.
        """
        from google.genai import types

        image = types.Image(image_bytes=picture[0], mime_type=picture[1]) if picture else None
        source, config = types.GenerateVideosSource(prompt=prompt, image=image), types.GenerateVideosConfig(**parameters)
        operation = self._ask(
            lambda client: client.models.generate_videos(model=model, source=source, config=config), _ORDER_SECONDS, paid=True
        )
        if not operation.name:
            raise self._no_answer("its answer names no operation", paid=True)
        return self._account.masked(str(operation.name))

    def operation(self, name: str, silence_seconds: float) -> Operation:
        """Return the state of an order. Free. `silence_seconds` is the longest time without data.

        Raises NotFound for an operation that does not exist (any more), AccountError, ServiceRefused, or TryAgainLater.
        """
        from google.genai import types

        asked = types.GenerateVideosOperation(name=name)  # type: ignore[call-arg]  # the base class has no mypy plugin
        options = types.HttpOptions(base_url=self._address_of(name))
        return self._ask(
            lambda client: self._read_operation(client.operations.get(asked, config={"http_options": options}), name),
            max(_INLINE_SECONDS, silence_seconds),
            silence_seconds,
        )

    def operation_name(self, model: str, operation: str) -> str:
        """Return the full name of an operation of this project."""
        return f"projects/{self._project}/locations/{self._location}/publishers/google/models/{model}/operations/{operation}"

    def paint(self, model: str, prompt: str, aspect_ratio: str, seed: int | None) -> Picture:
        """Order a picture of about one megapixel from a Gemini image model. Paid. Raises what `HttpClient.post_paid` raises.

        https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/gemini/3-1-flash-image
        """
        from google.genai import types

        shape = types.ImageConfig(aspect_ratio=aspect_ratio, image_size="1K")
        config = types.GenerateContentConfig(response_modalities=["IMAGE"], image_config=shape, candidate_count=1, seed=seed)
        return self._ask(
            lambda client: _read_picture(client.models.generate_content(model=model, contents=prompt, config=config)),
            _PICTURE_SECONDS,
            paid=True,
        )

    def speak(self, model: str, text: str, speaker: str, style: str) -> Recording:
        """Let a Gemini speech model say a text, word for word. Paid. Raises what `HttpClient.post_paid` raises.

        A direction in the text would be read aloud, so it is sent beside it. The response is not streamed, because streams were
        cut off after a minute. Temperature and system instructions are refused by the model.
        https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/text-to-speech/overview
        """
        from google.genai import types

        direction = types.SpeechMetadata(style=style) if style else None
        contents = types.Content(role="user", parts=[types.Part(text=text, speech_metadata=direction)])
        voice = types.VoiceConfig(voice=speaker)
        config = types.GenerateContentConfig(response_modalities=["AUDIO"], speech_config=types.SpeechConfig(voice_config=voice))
        return self._ask(
            lambda client: _read_recording(client.models.generate_content(model=model, contents=contents, config=config)),
            _SPEECH_SECONDS,
            paid=True,
        )

    def write(
        self,
        model: str,
        system: str,
        talk: Sequence[Mapping[str, str]],
        schema: Mapping[str, Any],
        *,
        max_tokens: int,
        seconds: float,
    ) -> Written:
        """Let a Gemini model continue a conversation with JSON by `schema`, within `seconds`. Asked again where it fails.

        `talk` has turns with a `role` (user or assistant) and `content`. Raises what free calls raise: NotFound, AccountError,
        ServiceRefused, or TryAgainLater.
        https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/control-generated-output
        """
        from google.genai import types

        roles = {"assistant": "model"}
        contents = [types.Content(role=roles.get(turn["role"], "user"), parts=[types.Part(text=turn["content"])]) for turn in talk]
        config = types.GenerateContentConfig(
            system_instruction=system,
            response_mime_type="application/json",
            response_json_schema=dict(schema),
            max_output_tokens=max_tokens,
            candidate_count=1,
        )
        return self._ask(
            lambda client: _read_text(client.models.generate_content(model=model, contents=contents, config=config)), seconds
        )

    def predict_music(self, model: str, prompt: str, avoided: str, seed: int | None) -> Music:
        """Let Lyria 2, which only `predict` serves, compose 33 seconds. Paid. Raises what `HttpClient.post_paid` raises.

        https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/lyria-music-generation
        """
        instance: dict[str, Any] = {"prompt": prompt, "negative_prompt": avoided} | ({} if seed is None else {"seed": seed})
        body = {"instances": [instance], "parameters": {}}
        path = f"/v1/{self._place}/publishers/google/models/{model}:predict"
        return self._ask(lambda _: _read_prediction(self._post(path, body)), _MUSIC_SECONDS, paid=True)

    def interact_for_music(self, model: str, prompt: str) -> Music:
        """Let a Lyria 3 model compose; `generateContent` refuses it. Paid. Raises what `HttpClient.post_paid` raises.

        Google keeps interactions unless told otherwise. https://ai.google.dev/gemini-api/docs/music-generation
        """
        body = {"model": model, "input": prompt, "store": False}
        return self._ask(
            lambda _: _read_interaction(self._post(f"/v1beta1/{self._place}/interactions", body)), _MUSIC_SECONDS, paid=True
        )

    @property
    def _place(self) -> str:
        return f"projects/{self._project}/locations/{self._location}"

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request that the library has no stable call for, over the same connection, and return the response's JSON."""
        headers = {"authorization": f"Bearer {self._account.token()}"}
        request = httpx.Request("POST", f"{self._address(self._location).rstrip('/')}{path}", headers=headers, json=body)
        response = self._transport.handle_request(request)
        if response.status_code != 200:
            raise _RefusedError(response)
        answer = response.json()
        if not isinstance(answer, dict):
            raise TypeError("it is no JSON object")
        return answer

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()
        self.bucket.close()

    def _ask(self, question: Callable[[Any], Found], seconds: float, silence: float | None = None, *, paid: bool = False) -> Found:
        """Send one request once, read its response within `seconds`, and translate the library's errors."""
        try:
            self._circuit.check(self.name)
        except ServiceDown as shut:
            raise (NotSent(f"{shut} Nothing was sent.", shut.retry_after) if paid else shut) from None
        client = self._opened()
        with calls.counted(self.name, calls.PAID if paid else calls.GET, self._address(self._location)):
            try:
                with self._transport.within(seconds, silence):
                    found = question(client)
            except Exception as error:  # noqa: BLE001 - whichever error the library raises for a response, the order may have been accepted
                raise self._translated(error, paid=paid) from None
        self._circuit.succeeded()
        return found

    def _translated(self, error: Exception, *, paid: bool) -> TenxsomError:
        """Return our error for an error of the library."""
        from google.genai import errors

        proxy = proxy_for(self._address(self._location), self._proxies)
        if isinstance(error, errors.APIError) and error.response is not None:
            return self._refusal(error.response, paid=paid)
        if isinstance(error, _RefusedError):
            return self._refusal(error.response, paid=paid)
        if isinstance(error, NotConnected):
            self._circuit.failed()
            words = describe_error(error, proxy)
            return NotSent(f"{self.name} could not be reached ({words}); nothing was sent, it will be tried again.")
        if isinstance(error, CONNECTION_ERRORS):
            self._circuit.failed()
            return self._no_answer(describe_error(error, proxy), paid=paid)
        if isinstance(error, BadSettings):  # no TLS: nothing was sent
            return error
        if not self._transport.has_sent():
            return ServiceRefused(f"{self.name} cannot be asked for this ({self._account.quoted(error)}); nothing was sent.")
        return self._no_answer("the answer is none that its library can read", paid=paid)

    def _refusal(self, response: Any, *, paid: bool) -> TenxsomError:
        """Return the error for a response's status, by the table that all services share."""
        status: int = response.status_code
        self._circuit.failed() if status >= 500 else self._circuit.succeeded()
        answer = Answer(status, response.headers, response.content, self.name, paid=paid, secrets=self._account.secrets())
        try:
            raise_for_answer(answer)
        except AccountError as refused:
            return AccountError(
                f"{str(refused).rpartition(';')[0]}; check the Google credentials, give them the role roles/aiplatform.user in"
                f" project {self._project}, and enable aiplatform.googleapis.com there.",
                refused.status,
                answer=refused.answer,
            )
        except TenxsomError as told:
            return told
        return self._no_answer(f"HTTP {status}", paid=paid)  # a 2xx that is no 200

    def _no_answer(self, reason: str, *, paid: bool) -> TenxsomError:
        reply = self._transport.last_reply()
        if not paid:
            return ServiceDown(f"{self.name} gave no usable answer ({reason}); it will be asked again.")
        if reply is None:
            return unclear(self.name, reason)
        return Answer(*reply, self.name, paid=True, secrets=self._account.secrets()).unclear(reason)

    def _opened(self) -> Any:
        """Return the client with fresh credentials, so that the library does not refresh them itself."""
        credentials = self._account.credentials()
        with self._lock:
            if self._client is None:
                from google import genai
                from google.genai import types

                # The library would load the authorities again, at 0.1 s, for its asynchronous half, which is not used.
                unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                options = types.HttpOptions(
                    base_url=self._address(self._location),
                    httpx_client=httpx.Client(transport=self._transport, trust_env=False, follow_redirects=False),
                    async_client_args={"verify": unused, "ssl": unused},
                )
                self._client = genai.Client(
                    vertexai=True, project=self._project, location=self._location, credentials=credentials, http_options=options
                )
            return self._client

    def _address(self, location: str) -> str:
        """Return the service's address explicitly: the library would take one from the environment (GOOGLE_VERTEX_BASE_URL)."""
        return self._base_url or vertex_address(location)

    def _address_of(self, operation: str) -> str:
        """Return the address where an operation was ordered, even if the settings have changed since."""
        named = re.search(r"/locations/([a-z0-9-]{2,40})/", operation)
        return self._address(named[1] if named else self._location)

    def _read_operation(self, found: Any, asked: str) -> Operation:
        """Read an operation. `done` alone is not success: the clip may have failed, been filtered, or be missing.

        A response about another operation is refused: a connection may deliver an earlier response again.
        """
        if found.name and found.name.rpartition("/")[2] != asked.rpartition("/")[2]:
            raise ValueError("that is another operation")
        if not found.done and not found.name:
            raise ValueError("that is no operation")
        if not found.done:
            return Operation(done=False)
        if found.error:
            return Operation(done=True, error=self._account.quoted(found.error.get("message") or found.error))
        response = found.response
        for video in (each.video for each in (response.generated_videos if response else None) or []):
            if video and (video.video_bytes or video.uri):
                return Operation(done=True, uri=video.uri and self._account.masked(video.uri), content=video.video_bytes)
        if response and (response.rai_media_filtered_count or response.rai_media_filtered_reasons):
            reasons = " ".join(self._account.quoted(reason) for reason in response.rai_media_filtered_reasons or [])
            return Operation(done=True, filtered=reasons or "it gave no reason")
        return Operation(done=True)


class _Transport(httpx.BaseTransport):
    """Sends each request of Google's library once, over a new connection. Raises what `send_once` raises.

    httpx's own transport does not always tell whether a request was sent, and restarts its timeouts with every byte.
    """

    def __init__(self, proxies: Mapping[str, str], ca_file: Path | None, secrets: Callable[[], Sequence[str]]) -> None:
        """`secrets` returns the texts that are masked in responses, whatever is read from them."""
        self._adapter, self._secrets = Adapter(proxies=proxies, ca_file=ca_file, long_bodies=True), secrets
        self._thread = threading.local()

    @contextmanager
    def within(self, seconds: float, silence: float | None) -> Iterator[None]:
        """Set the timeout, and the longest time without data, of this thread's request within the block."""
        self._thread.seconds, self._thread.silence, self._thread.has_sent, self._thread.reply = seconds, silence, False, None
        yield

    def last_reply(self) -> Reply | None:
        """Return the response to this thread's last request; None for a long one, and without one."""
        reply: Reply | None = self._thread.reply
        return reply

    def has_sent(self) -> bool:
        """Return whether this thread has sent a request since its last `within`."""
        return bool(self._thread.has_sent)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request for httpx."""
        headers = dict(request.headers) | {"accept-encoding": "gzip", "connection": "close"}
        order = prepared(request.method, str(request.url), headers, data=request.read())
        self._thread.has_sent = True
        thread = self._thread
        try:
            reply = self._received(
                send_once(self._adapter, order, thread.seconds, max_bytes=_MAX_ANSWER_BYTES, silence=thread.silence)
            )
        except Unfinished as cut:
            self._received(cut.reply)
            raise
        kept = [(name, value) for name, value in reply.headers.items() if name.lower() not in _OF_THE_BODY_AS_SENT]
        return httpx.Response(reply.status, headers=kept, content=reply.body)

    def _received(self, reply: Reply) -> Reply:
        """Return a response with our secrets masked, and keep it for messages."""
        for secret in self._secrets():
            reply = reply._replace(body=reply.body.replace(secret.encode(), b"***"))
        self._thread.reply = reply if len(reply.body) <= _LARGEST_KEPT_BYTES else None
        return reply


def open_genai(name: str, settings: GenAiSettings, location: str) -> GenAi:
    """Return a client of Vertex AI from the settings. Raises BadSettings when they are incomplete."""
    if settings.vertex_ai_project_id is None:
        raise BadSettings(f"{name} needs VERTEX_AI_PROJECT_ID; put it into production.env.")
    return GenAi(
        name,
        settings.vertex_ai_project_id,
        location,
        base_url=settings.vertex_genai_base_url,
        credentials_file=settings.google_application_credentials,
        proxies=settings.proxies,
        ca_file=settings.tls_ca_file,
    )


def _read_picture(answer: Any) -> Picture:
    """Return the picture in a response, skipping the drafts (`thought`) of a model that thinks. One without may be billed, too."""
    candidate = (answer.candidates or [None])[0]
    parts = (candidate.content.parts if candidate and candidate.content else None) or []
    for part in parts:
        if part.inline_data and part.inline_data.data and not part.thought:
            return Picture(part.inline_data.data)
    if candidate is None and answer.prompt_feedback is None:
        raise ValueError("it holds neither a picture nor a reason")  # it is unknown whether one was painted and billed
    return Picture(None, _reason_for_nothing(answer), _tokens_of(answer, "IMAGE"))


def _read_recording(answer: Any) -> Recording:
    """Return the sound in a response, and what was counted: a response without sound may be billed, too."""
    usage, candidate = answer.usage_metadata, (answer.candidates or [None])[0]
    spoken = _tokens_of(answer, "AUDIO")
    given = (usage.prompt_token_count if usage else None) or 0
    spoken = spoken or (usage.candidates_token_count if usage else None) or 0
    for part in (candidate.content.parts if candidate and candidate.content else None) or []:
        if part.inline_data and part.inline_data.data:
            return Recording(part.inline_data.data, part.inline_data.mime_type or "", "", given, spoken)
    if candidate is None and answer.prompt_feedback is None:
        raise ValueError("it holds neither a sound nor a reason")  # it is unknown whether one was made and billed
    return Recording(None, "", _reason_for_nothing(answer), given, spoken)


def _tokens_of(answer: Any, modality: str) -> int:
    """Return how many tokens of sound or pictures were counted in a response."""
    usage = answer.usage_metadata
    details = (usage.candidates_tokens_details if usage else None) or []
    return sum(each.token_count or 0 for each in details if each.modality == modality)


def _read_text(answer: Any) -> Written:
    """Return the text in a response without its thoughts, the reason for its end, and its tokens. Thoughts are billed as output."""
    counted, candidate = answer.usage_metadata, (answer.candidates or [None])[0]
    cached = (counted.cached_content_token_count if counted else None) or 0
    usage = {
        "input_tokens": max(0, ((counted.prompt_token_count if counted else None) or 0) - cached),
        "output_tokens": sum(
            getattr(counted, name, None) or 0 for name in ("candidates_token_count", "thoughts_token_count") if counted
        ),
        "cache_read_input_tokens": cached,
    }
    if candidate is None and answer.prompt_feedback is None:
        raise ValueError("it holds neither a text nor a reason")
    if candidate is None:
        return Written(None, _reason_for_nothing(answer), usage)
    parts = (candidate.content.parts if candidate.content else None) or []
    text = "".join(part.text for part in parts if part.text and not part.thought)
    return Written(text or None, getattr(candidate.finish_reason, "value", None) or "no reason", usage)


def _read_prediction(answer: Mapping[str, Any]) -> Music:
    """Return the sound in a response of `predict`; one to a refused prompt has no predictions, not even an empty list of them."""
    for each in _parts(answer.get("predictions")):
        if each.get("bytesBase64Encoded"):
            return Music(base64.b64decode(each["bytesBase64Encoded"], validate=True), str(each.get("mimeType") or ""))
    if answer.get("predictions"):
        raise ValueError("its predictions are none that can be read")  # it is unknown whether they are billed
    return Music(None, "", _words_of(answer))


def _read_interaction(answer: Mapping[str, Any]) -> Music:
    """Return the sound in an interaction; one about a refused prompt has words only."""
    for part in (part for name in ("outputs", "steps") for part in _parts(answer.get(name))):
        if part.get("type") == "audio" and part.get("data"):
            return Music(base64.b64decode(part["data"], validate=True), str(part.get("mime_type") or ""))
    return Music(None, "", _words_of(answer))


def _parts(steps: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the parts of an interaction's outputs, which may lie in the steps that made them."""
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict):
            yield step
            yield from _parts(step.get("content"))


def _words_of(answer: Mapping[str, Any]) -> str:
    """Return what a response without sound says."""
    said = [answer.get("raiFilteredReason"), answer.get("status"), *(part.get("text") for part in _parts(answer.get("outputs")))]
    error = answer.get("error")
    said.append(error.get("message") if isinstance(error, dict) else None)
    return quoted("; ".join(str(words) for words in said if words)) or "it gave no reason"


def _reason_for_nothing(answer: Any) -> str:
    """Return why a model made nothing, in Google's words."""
    candidate, feedback = (answer.candidates or [None])[0], answer.prompt_feedback
    parts = (candidate.content.parts if candidate and candidate.content else None) or []
    said = [
        getattr(feedback and feedback.block_reason, "value", None),
        feedback and feedback.block_reason_message,
        getattr(candidate and candidate.finish_reason, "value", None),
        candidate and candidate.finish_message,
        *(part.text for part in parts),
    ]
    return quoted("; ".join(str(words) for words in said if words)) or "it gave no reason"
