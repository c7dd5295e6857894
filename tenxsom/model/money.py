"""Money in US dollars, exact: Decimal in memory, text in files. Prices come from templates/prices.json."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

ZERO = Decimal(0)
_GRAIN = Decimal("0.000001")
_MOST = Decimal(10) ** 12


def usd(value: str | int | float | Decimal) -> Decimal:
    """Return an amount as Decimal; a float counts by its decimal text (0.1 is 0.1)."""
    return Decimal(str(value))


def stored(value: Any) -> Decimal:
    """Return an amount from one of our files. Raises ValueError for anything but a finite amount of at least 0."""
    try:
        amount = usd(value)
    except ArithmeticError:
        raise ValueError(f"{value!r} is no amount of money") from None
    if not amount.is_finite() or not 0 <= amount < _MOST:
        raise ValueError(f"{value!r} is no amount of money")
    return amount


def text(amount: Decimal) -> str:
    """Return the amount for files: plain digits, no exponent, no trailing zeros."""
    digits = f"{amount.normalize():f}"
    return "0" if digits in ("-0", "") else digits


def shown(amount: Decimal) -> str:
    """Return the amount for people: `$1.20`, with four places for fractions of a cent."""
    cents = amount.quantize(Decimal("0.01"))
    return f"${cents}" if cents == amount else f"${amount.quantize(Decimal('0.0001'))}"


def clip_price(prices: Mapping[str, Any], service: str, model: str, resolution: str, seconds: float) -> Decimal:
    """Return a service's price of one clip, per call, per second, or both, rounded up to a millionth.

    Raises KeyError when templates/prices.json has no price for it.
    """
    entry = prices["services"][service]
    per_second = entry["models"][model][resolution] if "models" in entry else entry["clip_second_usd"]
    return _rounded_up(usd(entry["clip_usd"]) + usd(per_second) * usd(seconds))


def still_price(prices: Mapping[str, Any], source: str, service: str, model: str | None) -> Decimal:
    """Return the price of one still: the source's own under `stills`, else that of the service that bills it.

    Raises KeyError when templates/prices.json has no price for it.
    """
    if source in ("none", "own_picture"):
        return ZERO
    own = prices.get("stills", {}).get(source)
    return _rounded_up(usd((own["models"][model] if own else prices["services"][service])["image_usd"]))


def voice_price(
    prices: Mapping[str, Any], service: str, model: str, day: str, *, characters: int, input_tokens: int, audio_tokens: int
) -> Decimal:
    """Return the price of a spoken text on a day: per token of text and of sound, or per character.

    Raises KeyError when templates/prices.json has no price for it.
    """
    entry = prices["voices"][service]["models"][model]
    if "million_characters_usd" in entry:
        return _rounded_up(usd(entry["million_characters_usd"]) * characters / 1_000_000)
    later = entry.get("later")
    rates = later if later and later["since"] <= day else entry
    return _rounded_up((usd(rates.get("input_usd", 0)) * input_tokens + usd(rates["output_usd"]) * audio_tokens) / 1_000_000)


def music_price(prices: Mapping[str, Any], service: str, model: str) -> Decimal:
    """Return the price of a piece of music. Raises KeyError when templates/prices.json has no price for it."""
    return _rounded_up(usd(prices["music"][service]["models"][model]["piece_usd"]))


def _rounded_up(amount: Decimal) -> Decimal:
    return amount.quantize(_GRAIN, ROUND_CEILING).normalize() + ZERO


def planner_cost(prices: Mapping[str, Any], model: str, usage: Mapping[str, int], region: str = "global") -> Decimal | None:
    """Return the cost of a Claude call by its `usage`; None when templates/prices.json has no price for the model.

    Prices are per million tokens. Long prompts cost more on some models, regional endpoints a tenth more
    (https://platform.claude.com/docs/en/about-claude/pricing).
    """
    entry = prices.get("planners", {}).get(model)
    if entry is None:
        return None
    read, written = usage.get("cache_read_input_tokens", 0), usage.get("cache_creation_input_tokens", 0)
    prompt = usage.get("input_tokens", 0) + read + written
    long = entry.get("long_prompt")
    rates = long if long and prompt > long["above_tokens"] else entry
    cost = (
        usage.get("input_tokens", 0) * usd(rates["input_usd"])
        + usage.get("output_tokens", 0) * usd(rates["output_usd"])
        + read * usd(rates.get("cache_read_usd", rates["input_usd"]))
        + written * usd(rates.get("cache_write_usd", rates["input_usd"]))
    ) / 1_000_000
    return cost if region == "global" else cost * usd(prices.get("regional_endpoint_factor", "1.1"))
