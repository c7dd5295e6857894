"""Ids that services give to what they make, as far as reports and messages show them."""

import re

_ADDRESS = re.compile(r"(?<![^\s:@/%])[^\s:@/%]+(?:@|%40)[A-Za-z0-9.-]+\.[A-Za-z]+")


def masked_id(job_id: str | None) -> str | None:
    """A vendor's job id without the account's e-mail address that it contains."""
    return None if job_id is None else _ADDRESS.sub("***", job_id)
