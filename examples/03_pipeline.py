"""A pipeline: source, tasks, sink. Real readings of a buoy, cleaned and smoothed, into Parquet."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq

from raymill import read, run
from raymill.app.demo.sample import sample_file

WATER = "temperature (celsius)"

with TemporaryDirectory() as folder:
    target = Path(folder) / "smooth.parquet"
    pipeline = (
        read(sample_file("sea_surface_temperature.csv.gz"))
        .then("range_filter", valid_range=f"{WATER}:-1.9:20")
        .then("kalman_filter", field=WATER, as_="smooth", q=0.002, r=0.05)
        .write(target)
    )
    report = run(pipeline)

    print(f"{report.records_in:,} readings in, {report.records_out:,} out")
    for name, counts in report.nodes.items():
        print(f"{name:>14}: {counts['records_out']:,} out, skipped {counts['skipped']}")
    for row in pq.read_table(target).slice(0, 3).to_pylist():
        print(f"{row['time (UTC)']}  {row[WATER]:6.3f}  {row['smooth']:6.3f}")
