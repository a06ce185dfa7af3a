"""Fields that follow from others, where the source does not tell them."""

from collections.abc import Mapping

import numpy as np

from raymill.market.screen.columns import Numbers

DIGITS = 10  # so that 0.0175 is 1.75 percent, not a little more


def derived(given: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """Numbers by field, with those that follow from them. NaN stands for what is unknown."""
    found = dict(given)
    _yield(found)
    for name, needs, formula in _FORMULAS:
        if name not in found and all(need in found for need in needs):
            found[name] = _known(formula(*(found[need] for need in needs)))
    if "pe_ratio" in found and "eps_ttm" in found:
        found["pe_ratio"] = np.where(found["eps_ttm"] <= 0, np.nan, found["pe_ratio"])
    return found


def ratio(top: Numbers, bottom: Numbers) -> Numbers:
    """A quotient; unknown where the lower part is 0 or either is unknown."""
    with np.errstate(all="ignore"):
        return _known(np.where(bottom == 0, np.nan, top / bottom))


def over_positive(top: Numbers, bottom: Numbers) -> Numbers:
    """A quotient; unknown where the lower part is not above 0."""
    return np.where(bottom > 0, ratio(top, bottom), np.nan)


def percent(value: Numbers, base: Numbers) -> Numbers:
    """How many percent a value is above a base."""
    return 100 * (over_positive(value, base) - 1)


def _yield(found: dict[str, Numbers]) -> None:
    if "dividend_yield" not in found and "dividend_yield_pct" in found:
        found["dividend_yield"] = np.round(found["dividend_yield_pct"] / 100, DIGITS + 2)
    elif "dividend_yield" in found:
        found["dividend_yield_pct"] = np.round(100 * found["dividend_yield"], DIGITS)


def _known(values: Numbers) -> Numbers:
    return np.where(np.isfinite(values), values, np.nan)


_FORMULAS = (
    ("change_abs", ("price", "prev_close"), lambda price, before: price - before),
    ("change_pct", ("price", "prev_close"), percent),
    ("gap_pct", ("open", "prev_close"), percent),
    ("pct_from_52w_high", ("price", "high_52w"), percent),
    ("pct_from_52w_low", ("price", "low_52w"), percent),
    ("dollar_volume", ("price", "volume"), lambda price, volume: price * volume),
    ("pe_ratio", ("price", "eps_ttm"), over_positive),
    (
        "earnings_ttm",
        ("eps_ttm", "market_cap", "price"),
        lambda eps, cap, price: eps * over_positive(cap, price),
    ),
    (
        "peg",
        ("pe_ratio", "eps_growth_yoy"),
        lambda pe, growth: over_positive(pe, np.round(100 * growth, DIGITS)),
    ),
)
