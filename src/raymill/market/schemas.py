"""The columns of market records, in their order. Times are UTC; prices and sizes are floats.

A record says which instrument it is of by a number (`market.instrument`), so that bars stay narrow.
"""

from typing import Literal, TypeAlias

import pyarrow as pa

Kind: TypeAlias = Literal["trade", "quote", "bar", "fundamental", "corporate_action"]
Adjusted: TypeAlias = Literal["raw", "split", "total"]

TIME: pa.DataType = pa.timestamp("us", "UTC")
DATE: pa.DataType = pa.date32()
WORD: pa.DataType = pa.dictionary(pa.int32(), pa.string())

TRADE = pa.schema(
    [
        ("instrument_id", pa.int32()),
        ("ts", TIME),
        ("trade_id", pa.int64()),  # null where the venue has none
        ("price", pa.float64()),
        ("size", pa.float64()),
        ("side", pa.int8()),  # +1 the buyer was the taker, -1 the seller, 0 unknown
        ("recv_ts", TIME),  # null where it was not received live
        ("source", WORD),
    ]
)
QUOTE = pa.schema(
    [
        ("instrument_id", pa.int32()),
        ("ts", TIME),
        ("bid", pa.float64()),
        ("bid_size", pa.float64()),
        ("ask", pa.float64()),
        ("ask_size", pa.float64()),
        ("update_id", pa.int64()),  # null where the venue has none
        ("recv_ts", TIME),
        ("source", WORD),
    ]
)
BAR = pa.schema(
    [
        ("instrument_id", pa.int32()),
        ("interval", WORD),
        ("ts", TIME),  # where the bar begins
        ("open", pa.float64()),
        ("high", pa.float64()),
        ("low", pa.float64()),
        ("close", pa.float64()),
        ("volume", pa.float64()),
        ("quote_volume", pa.float64()),
        ("trades", pa.int32()),
        ("vwap", pa.float64()),
        ("closed", pa.bool_()),
        ("adj", WORD),  # raw, split or total
        ("source", WORD),
    ]
)
FUNDAMENTAL = pa.schema(
    [
        ("instrument_id", pa.int32()),
        ("as_of", TIME),  # when it became public
        ("period_end", TIME),
        ("name", WORD),
        ("value", pa.float64()),
        ("currency", WORD),
        ("source", WORD),
    ]
)
CORPORATE_ACTION = pa.schema(
    [
        ("instrument_id", pa.int32()),
        ("ex_date", DATE),
        ("kind", WORD),  # split, dividend or spinoff
        ("ratio", pa.float64()),  # new shares for an old one
        ("amount", pa.float64()),
        ("currency", WORD),
        ("source", WORD),
    ]
)
SCHEMAS: dict[Kind, pa.Schema] = {
    "trade": TRADE,
    "quote": QUOTE,
    "bar": BAR,
    "fundamental": FUNDAMENTAL,
    "corporate_action": CORPORATE_ACTION,
}
