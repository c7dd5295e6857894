"""Builds and parses the vendor's three kinds of ids.

    jobId         email:studio@example.com-job:<uuid>-type:video      https://useapi.net/docs/api-ltxstudio-v1/get-ltxstudio-assets-jobId
    generationId  gen_<uuid without dashes>                           https://useapi.net/docs/api-ltxstudio-v1/post-ltxstudio-images-flux-create
    fileId        asset:<id>-type:image/png                           https://useapi.net/docs/api-ltxstudio-v1/post-ltxstudio-assets

Inside the studio a job and its result share one key: a uuid's 32 hexadecimal digits. Only keys become file names.
"""

from __future__ import annotations

import re
import uuid

_JOB = re.compile(r"email:[^\s/]{3,254}-job:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-type:(?:image|video)")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_GENERATION = re.compile(r"gen_([0-9a-f]{32})")
_FILE = re.compile(r"asset:([0-9a-f]{32})-type:[a-z]+/[a-z0-9.+-]+")


def new_key() -> str:
    return uuid.uuid4().hex


def job_id(email: str, key: str, kind: str) -> str:
    return f"email:{email}-job:{uuid.UUID(key)}-type:{kind}"


def uuid_of(key: str) -> str:
    """Return a key as a plain uuid, the id of other vendors."""
    return str(uuid.UUID(key))


def key_of_uuid(text: str) -> str | None:
    """Return the key in a plain uuid in the form of `uuid_of`; None for anything else."""
    return text.replace("-", "") if _UUID.fullmatch(text) else None


def generation_id(key: str) -> str:
    return f"gen_{key}"


def file_id(key: str, mime_type: str) -> str:
    return f"asset:{key}-type:{mime_type}"


def key_of_job(text: str) -> str | None:
    """Return the key in a jobId; None for anything else."""
    match = _JOB.fullmatch(text)
    return match[1].replace("-", "") if match else None


def key_of_generation(text: str) -> str | None:
    """Return the key in a generationId; None for anything else."""
    match = _GENERATION.fullmatch(text)
    return match[1] if match else None


def key_of_file(text: str) -> str | None:
    """Return the key in a fileId; None for anything else."""
    match = _FILE.fullmatch(text)
    return match[1] if match else None
