"""Parses the text of a setting, as validators of pydantic. The message of a ValueError is the end of a sentence."""

from __future__ import annotations

import binascii
import importlib.util
import ipaddress
import os
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, ValidationInfo

from tenxsom.errors import BadSettings
from tenxsom.safe_files import is_no_file
from tenxsom.spelling import closest


class Secret:
    """A value that only `reveal` returns: it does not appear in logs, errors, reprs, pickles or JSON."""

    __slots__ = ("_parts", "_value")

    def __init__(self, value: str, parts: Sequence[str] = ()) -> None:
        """`parts` are secrets within the value, such as the token in an address."""
        self._value = value
        self._parts = tuple(parts)

    def reveal(self) -> str:
        return self._value

    def texts(self) -> list[str]:
        """Return the value and its secret parts, so that logs and messages can mask them."""
        return [self._value, *self._parts]

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not written anywhere")


def secret(text: str | Secret) -> Secret:
    """Parse a token or key, which is one word."""
    if isinstance(text, Secret):
        return text
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("must be one word of plain characters, as the vendor shows it")
    return Secret(text)


LEAST_TOKEN = 16
"""The fewest characters of a token that others could guess at over a network."""


def own_token(text: str | Secret) -> Secret:
    """Parse a token that the user makes up."""
    if isinstance(text, Secret):
        return text
    if not (text.isascii() and text.isprintable() and " " not in text and len(text) >= LEAST_TOKEN):
        raise ValueError(f"must be one word of at least {LEAST_TOKEN} plain characters, such as `openssl rand -hex 24` prints")
    return Secret(text)


def host_names(text: str | tuple[str, ...]) -> tuple[str, ...]:
    """Parse names of hosts, separated by commas or blanks, without ports."""
    written = text.replace(",", " ").split() if isinstance(text, str) else text
    if not all(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", name) for name in written):
        raise ValueError("is no list of host names; write for example films.example.com, without https:// and without a port")
    return tuple(dict.fromkeys(name.lower() for name in written))


def number(least: float, most: float, whole: bool = False) -> BeforeValidator:
    """Return a validator of a number from `least` to `most`."""

    def parse(text: str | float) -> float:
        kind = "a whole number" if whole else "a number"
        try:
            value = int(text) if whole else float(text)
        except ValueError:
            raise ValueError(f"is not {kind}; give one from {least:g} to {most:g}") from None
        if not least <= value <= most:
            raise ValueError(f"is out of range; give {kind} from {least:g} to {most:g}")
        return value

    return BeforeValidator(parse)


def choice(*names: str) -> BeforeValidator:
    """Return a validator of one of the names, in any case."""
    return BeforeValidator(_one_of(names))


def _one_of(names: Sequence[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        for name in names:
            if text.lower() == name.lower():
                return name
        close = closest(text, names)
        hint = f" (did you mean {close}?)" if close else ""
        raise ValueError(f"is not one of {', '.join(names)}{hint}")

    return parse


def hook(text: str | Secret) -> Secret:
    """Parse an http(s) address that is called without an account: the address itself is the secret."""
    if isinstance(text, Secret):
        return text
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is no web address") from None
    if parts.scheme not in ("http", "https") or not host or not text.isascii() or not text.isprintable() or {*text} & {*" \\#"}:
        raise ValueError("is no http or https address")
    if "@" in parts.netloc:
        raise ValueError("holds a user name, which is not supported; use an address with a token in its path or query")
    return Secret(text, secret_parts(text))


def ping_address(text: str | Secret) -> Secret:
    """Parse the address of a check, to which `/start` and `/fail` are appended."""
    found = hook(text)
    if "?" in found.reveal():
        raise ValueError("has a query; give the check's own address, such as https://hc-ping.com/ and its id")
    return Secret(found.reveal().rstrip("/"), secret_parts(found.reveal()))


_WEBHOOK_PREFIX = "whsec_"
WEBHOOK_KEY_BYTES = (24, 64)
"""The shortest and the longest key of a Standard Webhooks signature
(https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme)."""


def webhook_secret(text: str | Secret) -> Secret:
    """Parse one or several keys of Standard Webhooks, separated by blanks: `whsec_` and the key in base64."""
    if isinstance(text, Secret):
        return text
    keys = text.split()
    if not keys or not all(map(_is_webhook_key, keys)):
        least, most = WEBHOOK_KEY_BYTES
        raise ValueError(
            f"is no secret of Standard Webhooks; write {_WEBHOOK_PREFIX} and {least} to {most} random bytes in base64, for example "
            f'what `echo "{_WEBHOOK_PREFIX}$(openssl rand -base64 32)"` prints'
        )
    return Secret(" ".join(keys), [part for key in keys for part in (key, key.removeprefix(_WEBHOOK_PREFIX))])


def webhook_keys(secret: Secret) -> list[bytes]:
    """Return the keys of a webhook secret; the first one is the newest."""
    return [binascii.a2b_base64(key.removeprefix(_WEBHOOK_PREFIX), strict_mode=True) for key in secret.reveal().split()]


def _is_webhook_key(text: str) -> bool:
    try:
        key = binascii.a2b_base64(text.removeprefix(_WEBHOOK_PREFIX), strict_mode=True)
    except (ValueError, binascii.Error):
        return False
    return text.startswith(_WEBHOOK_PREFIX) and WEBHOOK_KEY_BYTES[0] <= len(key) <= WEBHOOK_KEY_BYTES[1]


_NEXT_ADDRESS = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9.+-]{1,29}://)|\s+")
_SERVICE_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9.+-]{1,29}://\S*")


def notify_addresses(text: str | Secret) -> Secret:
    """Parse addresses of Apprise, separated by blanks or commas. Apprise checks the rest (`tenxsom.notify.chat`)."""
    if isinstance(text, Secret):
        return text
    found = [each.strip(",") for each in _NEXT_ADDRESS.split(text.strip()) if each.strip(",")]
    if not found or not all(map(_SERVICE_ADDRESS.fullmatch, found)):
        raise ValueError(
            "is no list of notification addresses; write for example ntfy://ntfy.sh/my-topic, with a blank between two"
        )
    if importlib.util.find_spec("apprise") is None:
        raise ValueError("needs one more package; run `pip install 'apprise>=1.9,<2'`, or remove the setting")
    return Secret("\n".join(found), [part for each in found for part in (each, *secret_parts(each))])


LEAST_SECRET_PART = 8


def database_address(text: str | Secret) -> Secret | None:
    """Parse the address of a PostgreSQL; `files` is none."""
    if isinstance(text, Secret) or text == "files":
        return text if isinstance(text, Secret) else None
    scheme, _, rest = text.partition("://")
    if scheme not in ("postgresql", "postgres") or not rest or not text.isprintable() or " " in text:
        raise ValueError("is no address of a PostgreSQL; write postgresql://user:password@host:5432/name, or files")
    if importlib.util.find_spec("psycopg") is None:
        raise ValueError("needs one more package; run `pip install 'psycopg[binary]>=3.2,<4'`, or remove the setting")
    account = rest.rpartition("@")[0]
    words = account.split(":", 1)[1:] + re.findall(r"[?&]password=([^&]+)", rest)
    return Secret(text, [form for word in words if word for form in (word, unquote(word))])


def secret_parts(address: str) -> list[str]:
    """Return what may be secret in an address on its own: the password, and words of path and query that look like tokens."""
    _, _, rest = address.partition("://")
    account, _, place = rest.rpartition("@")
    words = [account, *account.split(":")[1:]] if account else []
    names = re.split(r"[/?&=#:,]+", place)
    words += [word for word in names[1:] + [names[0]] * bool(not account) if any(map(str.isdigit, word)) or len(word) >= 24]
    both = {form for word in words for form in (word, unquote(word))}
    return sorted(word for word in both if len(word) >= LEAST_SECRET_PART)


def web_address(text: str) -> str:
    """Parse an https address (http for this machine only), without a trailing slash."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is no web address") from None
    plain = text.isascii() and text.isprintable() and not {*text} & {*" \\?#@"}
    if parts.scheme not in ("http", "https") or not host or not plain:
        raise ValueError("is no plain https address")
    if parts.scheme == "http" and not is_this_machine(host):
        raise ValueError("would send your token unencrypted; use https (http is for this machine only)")
    return text.rstrip("/")


def proxy_address(text: str) -> str:
    """Parse the address of a proxy, with its scheme; `socks` means SOCKS 5 with names resolved by the proxy."""
    text = text.strip() if "://" in text else f"http://{text.strip()}"
    text = f"socks5h{text[5:]}" if text.lower().startswith("socks://") else text
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
        if "@" in f"{parts.path}{parts.query}{parts.fragment}":
            host = None  # a sign of the password has ended the host, which would be a piece of it, and be told
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https", "socks4", "socks4a", "socks5", "socks5h"):
        raise ValueError(
            "is no address of a proxy; write for example http://proxy.example.com:3128, and / ? # in a password as %2F %3F %23"
        )
    if parts.scheme.startswith("socks") and importlib.util.find_spec("socks") is None:
        raise ValueError("names a SOCKS proxy, which needs one more package; run `pip install 'requests[socks]'`")
    return text


def is_this_machine(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def cloud_folder(text: str) -> str:
    """Parse a folder in Cloud Storage, without a trailing slash."""
    bucket, _, folder = text.removeprefix("gs://").partition("/")
    if not text.startswith("gs://") or not bucket or not text.isascii() or not text.isprintable() or {*folder} & {*" \\?#*[]"}:
        raise ValueError("is no folder in Cloud Storage; write for example gs://my-bucket/veo")
    return text.rstrip("/")


def certificates(text: str | Path, info: ValidationInfo) -> Path:
    """Parse the path of a PEM file of certificates. Only their outer structure is checked; `http.tls` checks the rest."""
    path = existing_file(text, info)
    try:
        found = re.findall(rb"^-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----([^-]+)-----END", path.read_bytes(), re.MULTILINE)
        is_usable = found and all(_is_whole(binascii.a2b_base64(inside)) for inside in found)
    except (OSError, binascii.Error):
        is_usable = False
    if not is_usable:
        raise ValueError("names a file that holds no certificates in PEM form")
    return path


def _is_whole(certificate: bytes) -> bool:
    """Return whether this is an ASN.1 sequence of its stated length (or longer: a trusted one has additional data)."""
    if len(certificate) < 4 or certificate[:2] != b"\x30\x82":
        return False
    return len(certificate) >= 4 + int.from_bytes(certificate[2:4], "big")


def several(*names: str) -> BeforeValidator:
    """Return a validator of some of the names, in the written order, separated by commas or blanks, without repetitions."""
    one = _one_of(names)

    def parse(text: str | tuple[str, ...]) -> tuple[str, ...]:
        written = text.replace(",", " ").split() if isinstance(text, str) else text
        return tuple(dict.fromkeys(one(name) for name in written))

    return BeforeValidator(parse)


def dollars(text: str | Decimal) -> Decimal:
    """Parse an amount of US dollars."""
    sentence = "is no amount of dollars; write for example 25 or 12.50"
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(sentence) from None
    if not value.is_finite() or not 0 <= value <= 1_000_000_000:
        raise ValueError(sentence)
    return value


def path(text: str) -> Path:
    """Parse a path; a relative one is resolved in TENXSOM_HOME by its users, never in the current directory."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise BadSettings(f"{text!r} begins with the home folder of a user who is not known; write the whole path.") from None


def folders(text: str | tuple[Path, ...]) -> tuple[Path, ...]:
    """Parse absolute paths of existing folders, separated by colons."""
    if not isinstance(text, str):
        return text
    found = tuple(path(each.strip()) for each in text.split(os.pathsep) if each.strip())
    if not all(each.is_absolute() and os.path.isdir(each) for each in found):
        raise ValueError("is no list of folders; write absolute paths of folders that are there, with a colon between them")
    return found


def path_in_home(text: str | Path, info: ValidationInfo) -> Path:
    """Parse a path; a relative one starts in TENXSOM_HOME."""
    home = (info.context or {}).get("home")
    return Path(home) / path(str(text)) if home else Path(text)


def new_file(text: str | Path, info: ValidationInfo) -> Path:
    """Parse the path of a file that the program writes and replaces; its folder must exist. A relative one starts in TENXSOM_HOME.

    A device such as /dev/null is no such file: root would replace it for the whole machine.
    """
    found = path_in_home(text, info)
    if not os.path.isdir(found.parent) or is_no_file(found):
        raise ValueError("names no file in a folder that is there; make the folder first, and give it a file's name")
    return found


def existing_file(text: str | Path, info: ValidationInfo) -> Path:
    """Parse the path of an existing file; a relative one starts in TENXSOM_HOME."""
    found = path_in_home(text, info)
    if not os.path.isfile(found):  # unlike pathlib, False for a folder that this user may not enter
        raise ValueError("names a file that is not there")
    return found
