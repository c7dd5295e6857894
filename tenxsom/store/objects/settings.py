"""The settings of an object store for the files of jobs: where it is, and the keys of its cloud."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, model_validator

from tenxsom.errors import BadSettings
from tenxsom.setting_groups import FilePath, NetworkSettings, SecretText, setting

NO_LINKS = "none"
SCHEMES = ("file", "s3", "gs", "az")
PACKAGE = "obstore>=0.12,<0.13"

_PLACE = re.compile(r"[A-Za-z0-9._/-]*")


def store_address(text: str) -> str:
    """Parse the address of an object store and a folder in it, without a trailing slash."""
    try:
        parts = urlsplit(text)
        where = parts.netloc + parts.path
        is_plain = parts.port is None and not parts.query and not parts.fragment and "@" not in parts.netloc
    except ValueError:
        raise ValueError("is no address of an object store") from None
    if parts.scheme not in SCHEMES or not is_plain:
        raise ValueError("is no address of an object store; write for example s3://my-bucket/tenxsom, gs://…, az://… or file:///…")
    if bool(parts.netloc) == (parts.scheme == "file") or not where.strip("/"):
        raise ValueError("names no bucket; write for example s3://my-bucket/tenxsom, or file:///srv/media for a folder")
    if not _PLACE.fullmatch(where) or {".", ".."} & {*where.split("/")} or "//" in where:
        raise ValueError("has signs in it that a folder of an object store should not have; use letters, digits, . _ - and /")
    if importlib.util.find_spec("obstore") is None:
        raise ValueError(f"needs one more package; run `pip install '{PACKAGE}'`, or remove the setting")
    return text.rstrip("/")


def endpoint(text: str) -> str:
    """Parse the address of a server that speaks S3. Requests carry no key but a signature, so that it may be http."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is no web address") from None
    if parts.scheme not in ("http", "https") or not host or not text.isascii() or {*text} & {*" \\?#@"}:
        raise ValueError("is no plain http or https address")
    return text.rstrip("/")


def links_address(text: str) -> str:
    """Parse the address of an S3 server as browsers reach it, or `none`."""
    return text if text == NO_LINKS else endpoint(text)


class MediaSettings(NetworkSettings):
    """Where the files of jobs are kept."""

    section: ClassVar[str] = "Media: files of jobs in an object store, for several machines"

    media_url: Annotated[str, BeforeValidator(store_address)] | None = setting(
        None,
        "The object store that keeps start frames, clips, voices, films and side files; empty: `completed_videos/`",
        allowed=(
            "`s3://bucket/folder`, `gs://bucket/folder`, `az://container/folder` or `file:///folder`; needs the package `obstore`"
        ),
        comment="Where the files of jobs are kept, for example s3://my-bucket/tenxsom; empty: completed_videos/ on this machine.",
    )
    scratch: FilePath | None = setting(
        None,
        "The folder on this machine's own disk where files are made before they go to `MEDIA_URL`",
        allowed="a path; the default is `scratch/` in `TENXSOM_HOME`. It is made if it is not there",
        comment="Where files are made before they go to MEDIA_URL, on a disk of this machine; empty: scratch/.",
    )
    aws_access_key_id: str | None = setting(
        None,
        "The key of `s3://`, where the machine has no role of its own",
        allowed="one word",
        comment="The key of s3://; empty where the machine has a role of its own.",
    )
    aws_secret_access_key: SecretText | None = setting(
        None,
        "Its secret",
        allowed="one line of printable characters",
        comment="Its secret. Or put it into a file of its own and set AWS_SECRET_ACCESS_KEY_FILE to its path.",
    )
    aws_session_token: SecretText | None = setting(
        None,
        "The session of a key that is valid for a while only",
        allowed="one line of printable characters",
        comment="The session of a key that is valid for a while only.",
    )
    aws_region: str | None = setting(
        None,
        "The region of the bucket; without one it is `us-east-1`",
        allowed="a region's name",
        comment="The region of the bucket, for example eu-central-1.",
    )
    aws_endpoint_url: Annotated[str, BeforeValidator(endpoint)] | None = setting(
        None,
        "A server that speaks S3, in place of Amazon's",
        allowed="an http or https address",
        comment="A server that speaks S3, in place of Amazon's, for example https://minio.example.com",
    )
    media_links: Annotated[str, BeforeValidator(links_address)] | None = setting(
        None,
        "Where browsers reach that server, for links to films; empty: at `AWS_ENDPOINT_URL`; `none`: nowhere, and the"
        " dashboard sends films itself",
        allowed="an http or https address, or `none` (for every kind of `MEDIA_URL`)",
        comment="Where browsers reach that server, for links to films, for example https://media.example.com; or none.",
    )
    azure_storage_account_name: str | None = setting(
        None, "The account of `az://`", allowed="one word", comment="The account of az://"
    )
    azure_storage_account_key: SecretText | None = setting(
        None,
        "Its key, where the machine has no identity of its own",
        allowed="one line of printable characters",
        comment="Its key. Or put it into a file of its own and set AZURE_STORAGE_ACCOUNT_KEY_FILE to its path.",
    )

    @property
    def scratch_folder(self) -> Path:
        return self.scratch or self.home / "scratch"

    @model_validator(mode="after")
    def _have_their_keys(self) -> Self:
        if bool(self.aws_access_key_id) != bool(self.aws_secret_access_key):
            raise BadSettings("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together; set both, or neither.")
        if (self.media_url or "").startswith("az:") and not self.azure_storage_account_name:
            raise BadSettings("MEDIA_URL with az:// needs AZURE_STORAGE_ACCOUNT_NAME, the account of the container.")
        return self
