"""A checkpoint: pull the plug in the middle of a run, go on from there, get the same bytes."""

from pathlib import Path
from tempfile import TemporaryDirectory

from raymill import Pipeline, read, run, task
from raymill.app.demo.sample import sample_file

WATER = "temperature (celsius)"
plug = {"readings": 0, "pulled": True}


@task(output="fahrenheit")
def fahrenheit(celsius: float) -> float:
    """Degrees Fahrenheit, until somebody trips over the cable."""
    plug["readings"] += 1
    if plug["readings"] == 12_000 and not plug["pulled"]:
        plug["pulled"] = True
        raise KeyboardInterrupt
    return celsius * 1.8 + 32.0


def job(target: Path) -> Pipeline:
    source = read(sample_file("sea_surface_temperature.csv.gz"), unit=1 << 16)
    return source.then("kalman_filter", field=WATER, as_="celsius").then(fahrenheit).write(target)


with TemporaryDirectory() as folder:
    place = Path(folder)
    run(job(place / "undisturbed.csv"))

    plug.update(readings=0, pulled=False)
    how = {"checkpoint": str(place / "state"), "checkpoint_records": 4_000}
    try:
        run(job(place / "smooth.csv"), **how)
    except KeyboardInterrupt:
        print("interrupted; there is", ", ".join(sorted(path.name for path in place.iterdir())))

    begun_again = plug["readings"]
    report = run(job(place / "smooth.csv"), **how, resume=True)
    print(
        f"resumed: {plug['readings'] - begun_again:,} of {report.records_in:,} readings were left"
    )
    same = (place / "smooth.csv").read_bytes() == (place / "undisturbed.csv").read_bytes()
    print(f"same bytes as the undisturbed run: {'yes' if same else 'no'}")
