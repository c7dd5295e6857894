"""Google credentials for Vertex AI: application default credentials (ADC), as everywhere in Google Cloud.

The order is Google's own (https://cloud.google.com/docs/authentication/application-default-credentials): the file that
GOOGLE_APPLICATION_CREDENTIALS names, the login of `gcloud auth application-default login`, the machine's own service account.
google.auth costs about 0.2 s, so it is imported on first use.
"""

from __future__ import annotations

import functools
import re
import warnings
from pathlib import Path
from typing import Any

from tenxsom.errors import PlanFailed
from tenxsom.log import mask_emails

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
REMEDY = "run `gcloud auth application-default login`, or let GOOGLE_APPLICATION_CREDENTIALS name a service account's key file"

_TOKEN = re.compile(r"(?i)\bBearer\s+\S+|\bya29\.\S+|\beyJ[\w-]+\.[\w-]+\.[\w-]+|-----BEGIN.*", re.DOTALL)


def load(file: Path | None) -> Any:
    """The google-auth credentials that `file` holds, or ADC's where it is None. Nothing is sent to Google for a file.

    Raises PlanFailed, which names the remedy, when there are none or they cannot be read.
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
            raise PlanFailed(f"There are no Google credentials on this machine; {REMEDY}.") from None
        raise PlanFailed(_unusable(file, error)) from None
    except (GoogleAuthError, OSError, ValueError) as error:
        raise PlanFailed(_unusable(file, error)) from None


def refresh(credentials: Any, timeout: float) -> None:
    """Make sure that the credentials hold a token that is good for some minutes; each call to Google may take `timeout` seconds.

    Raises PlanFailed with the remedy when Google refuses, or cannot be reached.
    """
    from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
    from google.auth.transport.requests import Request

    if credentials.valid:
        return
    transport = Request()
    try:
        credentials.refresh(functools.partial(transport, timeout=timeout))
    except TransportError as error:
        raise PlanFailed(f"Google's token service cannot be reached ({quoted(error)}); check this machine's network.") from None
    except RefreshError as error:
        raise PlanFailed(f"Google does not accept the credentials ({quoted(error)}); {REMEDY}.") from None
    except (GoogleAuthError, ValueError) as error:
        raise PlanFailed(f"The Google credentials cannot be used ({quoted(error)}); {REMEDY}.") from None
    finally:
        transport.session.close()


def quoted(words: object, secret: str | None = None) -> str:
    """What somebody else said, fit for our own sentence: one line, short, without e-mail addresses, tokens or keys."""
    text = str(words.args[0] if isinstance(words, Exception) and words.args else words)
    if secret:
        text = text.replace(secret, "***")
    text = " ".join(mask_emails(_TOKEN.sub("***", text)).split()).rstrip(".")
    return text if len(text) <= 240 else text[:239] + "…"


def _unusable(file: Path | None, error: Exception) -> str:
    return f"The Google credentials{f' in {file}' if file else ''} cannot be used ({quoted(error)}); {REMEDY}."
