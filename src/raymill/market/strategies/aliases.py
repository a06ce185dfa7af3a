"""Names that stand for strategies, with the parameters that go with them."""

from raymill.market.named import Alias

MOMENTUM_STRATEGY = Alias(
    "Follow the sign of the return over `period` bars: tsmom with lookback = period.",
    of="tsmom",
    parameters={"period": "lookback"},
    defaults={"period": 14},
)
MEAN_REVERSION = Alias(
    "Trade against the close where it is far from its mean: zscore_revert with "
    "window = lookback_period.",
    of="zscore_revert",
    parameters={"lookback_period": "window"},
    defaults={"lookback_period": 20},
)
ARBITRAGE_SCANNER = Alias(
    "Look for one pair that is dearer at another venue by `threshold` percent after fees: "
    "arbitrage_cross with min_edge_bps = 100 * threshold.",
    of="arbitrage_cross",
    parameters={"threshold": "min_edge_bps"},
    defaults={"threshold": 0.5},
    scale={"threshold": 100.0},
    meanings={"threshold": "percent that must be left behind fees."},
    takes_symbol=False,
)
