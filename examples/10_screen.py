"""A screen: real daily prices of five companies, imported, and screened as of two days.

A condition is stored under a name and used by it. What is not known yet is told apart from what
does not match: Facebook had not been traded for 200 days.
"""

import os
from datetime import UTC, datetime
from tempfile import TemporaryDirectory

from raymill.app.demo.sample import sample_file
from raymill.app.market.imports import import_file
from raymill.app.screens import find_custom, open_universe, stored_filters
from raymill.market.screen.request import parse_request
from raymill.market.screen.screener import Screener

RISING = {
    "name": "rising",
    "criteria": [{"field": "price", "operator": "gt", "value": {"field": "sma_200"}}],
}
REQUEST = {
    "filters": [{"type": "custom", "name": "rising"}],
    "fields": ["symbol", "price", "sma_200", "perf_1y"],
    "explain": True,
}

with TemporaryDirectory() as home:
    os.environ["RAYMILL_HOME"] = home
    done = import_file(sample_file("stocks.csv.gz"), "bar")
    print(f"{done.new:,} bars of {', '.join(sorted(done.symbols))}")
    stored_filters().create(RISING)

    request = parse_request(REQUEST, find_custom)
    for day in (datetime(2009, 3, 10, tzinfo=UTC), datetime(2013, 3, 2, tzinfo=UTC)):
        universe = open_universe(None, day)
        answer = Screener(universe.snapshot).screen(request, day)
        (step,) = answer.explain or ()
        print(
            f"{day:%Y-%m-%d}: {answer.filtered_count} of {answer.total_stocks} match, "
            f"{step['unknown']} unknown"
        )
        for row in answer.stocks:
            print(
                f"  {row['symbol']}: {row['price']:.2f} above {row['sma_200']:.2f}, "
                f"{row['perf_1y']:+.1%} in a year"
            )
