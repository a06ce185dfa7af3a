"""Made streams that look like RIoTBench's: the same elements, units, lengths, kinds of numbers."""

import random
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

SEED = 1701
LONG_SHARE = 0.044  # of CITY records that carry a number of 16 or 17 digits
START = 1_422_748_800_000  # epoch ms


class Element(NamedTuple):
    """One element of a record; `make` gives its value as text."""

    name: str
    unit: str
    key: str
    make: Callable[[random.Random], str]


def _number(
    middle: float, spread: float, low: float, high: float, digits: int
) -> Callable[..., str]:
    """Bell-shaped numbers, written without zeros behind the last digit, as CITY and FIT do."""

    def make(chance: random.Random) -> str:
        value = min(high, max(low, chance.gauss(middle, spread)))
        text = f"{value:.{digits}f}"
        return text.rstrip("0").rstrip(".") if digits else text

    return make


def _money(middle: float, spread: float, least: float, nothing: float = 0.0) -> Callable[..., str]:
    """Two digits; a share of the records has nothing."""

    def make(chance: random.Random) -> str:
        if chance.random() < nothing:
            return "0.00"
        return f"{max(least, chance.gauss(middle, spread)):.2f}"

    return make


def _place(low: float, high: float, digits: int) -> Callable[..., str]:
    return lambda chance: f"{chance.uniform(low, high):.{digits}f}"


def _one_of(*values: str) -> Callable[..., str]:
    return lambda chance: chance.choice(values)


def _hexadecimal(chance: random.Random) -> str:
    return f"{chance.getrandbits(128):032X}"


def _clock(chance: random.Random) -> str:
    minutes = chance.randrange(24 * 60)
    return f"2013-01-14 {minutes // 60:02d}:{minutes % 60:02d}:00"


@cache
def key_names(count: int) -> list[str]:
    """Identifiers of 26 characters, all different."""
    chance = random.Random(SEED)
    letters = "0123456789abcdefghijklmnopqrstuvwxyz"
    return [f"ci4{''.join(chance.choices(letters, k=15))}{n:08d}" for n in range(count)]


CITY = (
    Element("source", "string", "sv", lambda chance: "ci4lr75sl000802ypo4qrcjda0"),
    Element("longitude", "lon", "v", _place(-122.4, 121.8, 6)),
    Element("latitude", "lat", "v", _place(-22.9, 77.6, 6)),
    Element("temperature", "far", "v", _number(20.6, 8.0, -8.1, 40.3, 1)),
    Element("humidity", "per", "v", _number(46.0, 12.0, 12.0, 99.9, 1)),
    Element("light", "per", "v", _number(390.0, 900.0, 0.0, 9800.0, 0)),
    Element("dust", "per", "v", _number(1300.0, 700.0, -1.0, 10427.86, 2)),
    Element("airquality_raw", "per", "v", _number(28.0, 8.0, 4.0, 970.0, 0)),
)
TAXI = (
    Element("taxi_identifier", "string", "sv", _hexadecimal),
    Element("hack_license", "string", "sv", _hexadecimal),
    Element("pickup_datetime", "time", "sv", _clock),
    Element("trip_time_in_secs", "second", "v", _number(700.0, 400.0, 0.0, 3060.0, 0)),
    Element("trip_distance", "meter", "v", _money(4.6, 3.0, 0.1)),
    Element("pickup_longitude", "lon", "sv", _place(-74.0, -73.8, 6)),
    Element("pickup_latitude", "lat", "sv", _place(40.6, 40.9, 6)),
    Element("dropoff_longitude", "lon", "sv", _place(-74.0, -73.8, 6)),
    Element("dropoff_latitude", "lat", "sv", _place(40.6, 40.9, 6)),
    Element("payment_type", "string", "sv", _one_of("CSH", "CRD")),
    Element("fare_amount", "dollar", "v", _money(16.0, 8.0, 2.5)),
    Element("surcharge", "percentage", "v", _one_of("0.50", "0.50", "0.50", "0.00")),
    Element("mta_tax", "percentage", "v", _one_of("0.50", "0.50", "0.50", "0.00")),
    Element("tip_amount", "dollar", "v", _money(3.0, 2.0, 0.1, nothing=0.5)),
    Element("tolls_amount", "dollar", "v", _money(4.8, 1.0, 2.2, nothing=0.9)),
    Element("total_amount", "dollar", "v", _money(19.0, 9.0, 3.5)),
)
_SENSORS = ("acc", "gyro", "magnetometer")
_UNITS = {"acc": "m\\/s2", "gyro": "deg\\/s", "magnetometer": "tesla"}
FIT = (
    Element("subjectId", "string", "sv", _one_of(*(f"subject{n}" for n in range(1, 11)))),
    *(Element(f"acc_chest_{a}", "m\\/s2", "v", _number(0.0, 4.0, -20, 20, 4)) for a in "xyz"),
    *(Element(f"ecg_lead_{n}", "mV", "v", _number(0.0, 0.5, -7, 7, 6)) for n in (1, 2)),
    *(
        Element(f"{sensor}_{place}_{a}", _UNITS[sensor], "v", _number(0.0, 1.0, -20, 20, 5))
        for place in ("ankle", "arm")
        for sensor in _SENSORS
        for a in "xyz"
    ),
    Element("label", "number ", "v", _one_of("0", "1", "2")),
)
STREAMS = {"city": CITY, "taxi": TAXI, "fit": FIT}


def record(stream: str, values: list[str], time: int, chance: random.Random | None = None) -> str:
    """A record as SenML text; with `chance`, its keys stand in an order of their own."""
    elements = []
    for element, value in zip(STREAMS[stream], values, strict=True):
        pairs = [("u", element.unit), ("n", element.name)]
        pairs.insert(2 if element.key == "sv" else 0, (element.key, value))
        elements.append(_object(pairs, chance))
    when = f'"{time}"' if stream == "fit" else str(time)
    return f'{{"e":[{",".join(elements)}],"bt":{when}}}'


def _object(pairs: list[tuple[str, str]], chance: random.Random | None) -> str:
    if chance is not None:
        chance.shuffle(pairs)
    return "{" + ",".join(f'"{name}":"{value}"' for name, value in pairs) + "}"


def values(stream: str, count: int) -> list[list[str]]:
    """The elements of records, as texts; the same on every machine."""
    chance = random.Random(SEED)
    rows = [[element.make(chance) for element in STREAMS[stream]] for _ in range(count)]
    if stream == "city":
        for row in rows:
            if chance.random() < LONG_SHARE:
                row[1] = _long(float(row[1]), chance)
    return rows


def _long(value: float, chance: random.Random) -> str:
    """A number with 17 digits, as software writes them that computes in binary."""
    text = f"{value:.{17 - len(str(int(abs(value))))}f}"
    return text[:-6] + f"{chance.randrange(1, 999_999):06d}"


def students(size_bytes: int = 6400) -> str:
    """An XML text of about this size: a class of students, as RIoTBench parses."""
    chance = random.Random(SEED)
    found = ['<?xml version="1.0"?>', "<class>"]
    while sum(len(line) + 1 for line in found) < size_bytes - 9:
        number = chance.randrange(100, 9999)
        found.append(f'    <student rollno="{number}">')
        for tag in ("firstname", "lastname", "nickname"):
            found.append(f"        <{tag}>{tag[:4]}{number % 97}</{tag}>")
        found += [f"        <marks>{number % 100}</marks>", "    </student>"]
    return "\n".join([*found, "</class>", ""])
