"""Google credentials: application default credentials (ADC), as everywhere in Google Cloud.

The order is Google's own (https://cloud.google.com/docs/authentication/application-default-credentials): the file that
GOOGLE_APPLICATION_CREDENTIALS names, the login of `gcloud auth application-default login`, the machine's own service account.
google.auth costs about 0.2 s, so it is imported on first use.
"""

from __future__ import annotations

import functools
import re
import threading
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tenxsom.errors import AccountError, NotSent
from tenxsom.http.connections import Adapter, new_session
from tenxsom.http.proxies import proxy_for
from tenxsom.log import mask_emails
from tenxsom.setting_groups import ExistingFile, NetworkSettings, WebAddress, setting


class GoogleSettings(NetworkSettings):
    """The Google Cloud account."""

    section: ClassVar[str] = "Planning with Claude on Vertex AI"

    google_application_credentials: ExistingFile | None = setting(
        None,
        "Google credentials file (ADC), as everywhere in Google Cloud",
        allowed="the path of a file that exists",
        comment=(
            "Credentials file (a service account's key, for example /path/to/service-account.json); empty: what `gcloud "
            "auth application-default login` has left."
        ),
    )
    vertex_ai_project_id: str | None = setting(
        None,
        "Google Cloud project; when it is set, Claude on Vertex AI does the planning",
        allowed="the id of a Google Cloud project",
        comment="Google Cloud project; as soon as it is set, Claude plans. Empty: plans come from templates/archetypes/.",
    )


class GenAiSettings(GoogleSettings):
    """Veo and image models on Vertex AI."""

    section: ClassVar[str] = "Veo and image models on Vertex AI (same credentials and project as above)"

    vertex_genai_base_url: WebAddress | None = setting(
        None,
        "Another address for Veo and Vertex images (the local studio)",
        allowed="as `USEAPI_BASE_URL`",
        comment="Another address for both: a private endpoint, or the local studio over a socket.",
    )


if TYPE_CHECKING:
    import requests

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
REMEDY = "run `gcloud auth application-default login`, or let GOOGLE_APPLICATION_CREDENTIALS name a service account's key file"

_HOSTS = {"global": "aiplatform", "us": "aiplatform.us.rep", "eu": "aiplatform.eu.rep"}
"""The locations that are not regions."""

_REFRESH_SECONDS = 20.0
_TOKEN = re.compile(r"(?i)\bBearer\s+\S+|\bya29\.\S+|\beyJ[\w-]+\.[\w-]+\.[\w-]+|-----BEGIN.*", re.DOTALL)


class Account:
    """One set of credentials for all threads of a process, loaded on first use and refreshed before it expires.

    `rehearses` is for a local stand-in, which must not see real credentials: its token is the word `local`.
    `session` returns the session for Google's token service where it is not the default one.
    """

    def __init__(
        self, file: Path | None, *, rehearses: bool = False, session: Callable[[], requests.Session] | None = None
    ) -> None:
        self._file, self._rehearses, self._session = file, rehearses, session
        self._credentials: Any = None
        self._lock = threading.Lock()

    def credentials(self) -> Any:
        """Return google-auth credentials whose token is valid for some minutes. Raises what `load` and `refresh` raise."""
        with self._lock:
            if self._credentials is None:
                self._credentials = _rehearsal() if self._rehearses else load(self._file)
            if not self._credentials.valid:
                refresh(self._credentials, _REFRESH_SECONDS, self._session() if self._session else None)
            return self._credentials

    def token(self) -> str:
        """Return the bearer token for a request."""
        return str(self.credentials().token)

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that no message may contain."""
        token = self._credentials.token if self._credentials else None
        return (str(token),) if token and not self._rehearses else ()

    def masked(self, text: str) -> str:
        """Return a text of Google, such as an id or a link, with the token masked."""
        for secret in self.secrets():
            text = text.replace(secret, "***")
        return text

    def quoted(self, words: object) -> str:
        """Return Google's message as one line, with the token masked."""
        return quoted(words, next(iter(self.secrets()), None))


def load(file: Path | None) -> Any:
    """Load the google-auth credentials in `file`, or ADC where it is None. For a file nothing is sent to Google.

    Raises AccountError, which names the remedy, when there are none or they cannot be read.
    """
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

    try:
        if file is None:
            return google.auth.default(scopes=[SCOPE])[0]
        with warnings.catch_warnings():
            # google.auth warns that a file of unknown origin may point anywhere; this one is the operator's own setting.
            warnings.simplefilter("ignore", DeprecationWarning)
            return google.auth.load_credentials_from_file(str(file), scopes=[SCOPE])[0]  # type: ignore[no-untyped-call]
    except DefaultCredentialsError as error:
        if file is None:
            raise AccountError(f"There are no Google credentials on this machine; {REMEDY}.") from None
        raise AccountError(_unusable(file, error)) from None
    except (GoogleAuthError, OSError, ValueError) as error:
        raise AccountError(_unusable(file, error)) from None


def refresh(credentials: Any, timeout: float, session: requests.Session | None = None) -> None:
    """Refresh the credentials unless their token is valid for some minutes; each call to Google may take `timeout` seconds.

    `session` replaces the default session; it is closed afterwards. Raises AccountError with the remedy when Google
    refuses, and NotSent when Google cannot be reached: the request that needs the token was not sent.
    """
    from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
    from google.auth.transport.requests import Request

    if credentials.valid:
        return
    transport = Request(session)
    try:
        credentials.refresh(functools.partial(transport, timeout=timeout))
    except TransportError as error:
        raise NotSent(f"Google's token service cannot be reached ({quoted(error)}); check this machine's network.") from None
    except RefreshError as error:
        raise AccountError(f"Google does not accept the credentials ({quoted(error)}); {REMEDY}.") from None
    except (GoogleAuthError, ValueError) as error:
        raise AccountError(f"The Google credentials cannot be used ({quoted(error)}); {REMEDY}.") from None
    finally:
        transport.session.close()


def vertex_address(location: str) -> str:
    """Return the address of Vertex AI in a location: `global`, `us`, `eu`, or a region."""
    return f"https://{_HOSTS.get(location, f'{location}-aiplatform')}.googleapis.com"


def token_session(proxies: Mapping[str, str], ca_file: Path | None) -> requests.Session:
    """Return a session for Google's token service, with our proxy and authorities, ignoring the environment.

    Plain http has no proxy: a machine in Google's cloud reaches its metadata server that way.
    """
    session = new_session(Adapter(ca_file=ca_file))
    proxy = proxy_for("https://oauth2.googleapis.com", proxies)
    session.proxies = {"https": proxy} if proxy else {}
    return session


def quoted(words: object, secret: str | None = None) -> str:
    """Return a foreign text for use in our messages: one short line, without e-mail addresses, tokens or keys."""
    text = str(words.args[0] if isinstance(words, Exception) and words.args else words)
    if secret:
        text = text.replace(secret, "***")
    text = " ".join(mask_emails(_TOKEN.sub("***", text)).split()).rstrip(".")
    return text if len(text) <= 240 else text[:239] + "…"


def _rehearsal() -> Any:
    from google.oauth2.credentials import Credentials

    return Credentials("local")  # type: ignore[no-untyped-call]


def _unusable(file: Path | None, error: Exception) -> str:
    return f"The Google credentials{f' in {file}' if file else ''} cannot be used ({quoted(error)}); {REMEDY}."
