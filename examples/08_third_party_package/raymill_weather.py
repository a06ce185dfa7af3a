"""A package of tasks for raymill: `pip install .` and they are there under their names."""

from raymill.flow import task


@task(compiled=True, output="feels_like")
def wind_chill(temperature: float, wind: float) -> float:
    """How cold it feels, in degrees Celsius (Environment Canada, 2001).

    temperature in degrees Celsius up to 10, wind in km/h from 4.8 on; outside of that the
    temperature itself.

    >>> round(wind_chill(-10.0, 30.0), 1)
    -19.5
    """
    if temperature > 10.0 or wind < 4.8:
        return temperature
    power = wind**0.16
    return 13.12 + 0.6215 * temperature + (0.3965 * temperature - 11.37) * power
