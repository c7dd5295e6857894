"""Masks the ids of services for reports and messages."""

import re

_ADDRESS = re.compile(r"(?<![^\s:@/%])[^\s:@/%]+(?:@|%40)[A-Za-z0-9.-]+\.[A-Za-z]+")


def masked_id(job_id: str | None) -> str | None:
    """Return a vendor's job id without the e-mail address of the account."""
    return None if job_id is None else _ADDRESS.sub("***", job_id)
