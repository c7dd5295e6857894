"""Validates templates/prices.json when it is read, because budgets depend on it."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

MOST_USD = Decimal(1000)
"""The highest plausible price of a clip, a second, a still or a million tokens; a higher one is a mistake."""

_DIGITS = re.compile(r"[0-9]{1,7}(\.[0-9]{1,12})?")


def _price(value: Any) -> Decimal:
    """Parse an amount in US dollars, a number or its text. Raises ValueError for anything else."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if is_whole or (isinstance(value, str) and _DIGITS.fullmatch(value)):
        amount = Decimal(value)
    elif isinstance(value, float) and math.isfinite(value):
        amount = Decimal(str(value))
    else:
        raise ValueError("this is no price")
    if not 0 <= amount <= MOST_USD:
        raise ValueError(f"no price lies outside 0 and {MOST_USD} US dollars")
    return amount


def _factor(value: Any) -> Decimal:
    factor = _price(value)
    if not 1 <= factor <= 10:
        raise ValueError("this is no factor between 1 and 10")
    return factor


Price = Annotated[Decimal, BeforeValidator(_price)]


class _Entry(BaseModel):
    """An entry of the price list, which may contain notes and sources beside prices."""

    model_config = ConfigDict(extra="allow")


class ServicePrices(_Entry):
    clip_usd: Price
    image_usd: Price = Decimal(0)
    clip_second_usd: Price | None = None
    models: dict[str, dict[str, Price]] | None = None

    @model_validator(mode="after")
    def _has_a_price_of_seconds(self) -> Self:
        if self.clip_second_usd is None and self.models is None:
            raise ValueError("clip_second_usd is missing, or models with a price per second each")
        return self


class StillPrice(_Entry):
    image_usd: Price


class StillPrices(_Entry):
    models: dict[str, StillPrice]


class LaterVoicePrice(_Entry):
    """The price from a day on, which a vendor has announced."""

    since: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    input_usd: Price = Decimal(0)
    output_usd: Price


class VoicePrice(_Entry):
    """Per million tokens of text and of sound, or per million characters."""

    input_usd: Price = Decimal(0)
    output_usd: Price | None = None
    million_characters_usd: Price | None = None
    later: LaterVoicePrice | None = None

    @model_validator(mode="after")
    def _has_a_price(self) -> Self:
        if self.output_usd is None and self.million_characters_usd is None:
            raise ValueError("output_usd is missing, or million_characters_usd")
        return self


class VoicePrices(_Entry):
    models: dict[str, VoicePrice] = {}


class MusicPrice(_Entry):
    piece_usd: Price


class MusicPrices(_Entry):
    models: dict[str, MusicPrice]


class TokenPrices(_Entry):
    """Per million tokens."""

    input_usd: Price
    output_usd: Price
    cache_read_usd: Price | None = None
    cache_write_usd: Price | None = None


class LongPromptPrices(TokenPrices):
    above_tokens: Annotated[int, Field(strict=True, gt=0)]


class PlannerPrices(TokenPrices):
    long_prompt: LongPromptPrices | None = None


class PriceList(_Entry):
    """The whole price list."""

    services: dict[str, ServicePrices]
    stills: dict[str, StillPrices] = {}
    voices: dict[str, VoicePrices] = {}
    music: dict[str, MusicPrices] = {}
    planners: dict[str, PlannerPrices] = {}
    regional_endpoint_factor: Annotated[Decimal, BeforeValidator(_factor)] = Decimal("1.1")


def problems(document: Any) -> list[str]:
    """Return the problems of a price list, each with its path; empty without problems."""
    try:
        PriceList.model_validate(document)
    except ValidationError as error:
        return [
            _describe_problem(each["loc"], each["type"], each["msg"], each["input"]) for each in error.errors(include_url=False)
        ]
    return []


def _describe_problem(place: tuple[int | str, ...], kind: str, message: str, value: Any) -> str:
    path = ".".join(str(part) for part in place) or "/"
    if kind == "missing":
        return f"{path}: it is missing"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        message = "it must be an object in braces"
    words = message.removeprefix("Value error, ")
    shown = "" if isinstance(value, dict | list) else f" ({str(value)[:40]!r})"
    return f"{path}: {words[:1].lower()}{words[1:]}{shown}"
