"""Numbers as documents print them, and the exact value that is meant."""

import re
from functools import lru_cache

MOST_PLACES = 100  # a scale beyond it is no number but an attack
LONGEST = 1000  # characters of a number

_NUMBER = re.compile(r"\d+(?:\.\d*)?|\.\d+")
_LEXICAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?")
_GROUPS = re.compile(r"[\s,'`\u00a0\u2019\u202f]")
_DOT_GROUPS = re.compile(r"[\s.'`\u00a0\u2019\u202f]")
_UNITS = re.compile(r"([\d.,\s\u00a0]+?)[^\d.,\s\u00a0]+[\s\u00a0]*(?:(\d{1,2})[^\d]*)?")
Given = tuple[str | None, str | None, str | None, str | None, str | None]
_AS_IT_STANDS = ("dot", "none")
_FORMATS = {
    "numdotdecimal": "dot",
    "numdotdecimalin": "dot",
    "numdotdecimalapos": "dot",
    "numcommadot": "dot",
    "numspacedot": "dot",
    "numcommadecimal": "comma",
    "numcommadecimalapos": "comma",
    "numdotcomma": "comma",
    "numspacecomma": "comma",
    "numcomma": "comma",
    "numunitdecimal": "unit",
    "numunitdecimalin": "unit",
    "numunitdecimalapos": "unit",
    "fixedzero": "zero",
    "zerodash": "zero",
    "numdash": "zero",
    "numwordsen": "words",
}


def exact(text: str, format: str | None, scale: str | None, sign: str | None) -> str:
    """The exact decimal of a number in an inline document. Raises ValueError with the reason.

    >>> exact("1,234.5", "ixt:num-dot-decimal", "6", "-")
    '-1234500000'
    >>> exact("5.30", None, "-2", None)
    '0.0530'
    """
    if len(text) > LONGEST:
        raise ValueError("a number of more than 1,000 characters")
    number, places = _plain(text.strip(), format), _places(scale)
    found = shifted(number, places)
    return f"-{found}" if sign == "-" and found.strip("0.") else found


def reported(text: str, given: Given) -> tuple[str, int | None, bool]:
    """The exact decimal, its decimals and whether it is exact. Raises ValueError.

    Given are format, scale, sign, decimals and precision, as the mark-up has them.

    >>> reported("95,359", ("ixt:num-dot-decimal", "6", None, "-6", None))
    ('95359000000', -6, False)
    """
    usual = _usual(*given)
    if usual is not None:
        minus, zeros, decimals, is_exact = usual
        digits = text.strip().replace(",", "")
        if digits.isdecimal() and digits.isascii() and digits[0] != "0" and len(text) < LONGEST:
            return f"{minus}{digits}{zeros}", decimals, is_exact
    found = exact(text, given[0], given[1], given[2])
    return found, *decimals_of(given[3], given[4], found)


@lru_cache(maxsize=1024)
def _usual(
    format: str | None,
    scale: str | None,
    sign: str | None,
    decimals: str | None,
    precision: str | None,
) -> tuple[str, str, int | None, bool] | None:
    """What is the same for most numbers of a document, None where each has to be looked at."""
    if _kind(format) != "dot" or _places(scale) < 0 or precision is not None:
        return None
    zeros = "0" * _places(scale)
    return "-" if sign == "-" else "", zeros, *decimals_of(decimals, None, "")


@lru_cache(maxsize=256)
def _places(scale: str | None) -> int:
    places = int(scale) if scale else 0
    if abs(places) > MOST_PLACES:
        raise ValueError(f"scale {places}")
    return places


def _plain(text: str, format: str | None) -> str:
    kind = _kind(format)
    if kind == "dot":
        text = text.replace(",", "")
    if text.isascii() and text.isdigit() and kind in _AS_IT_STANDS:
        return text
    if kind == "zero":
        return "0"
    if kind == "words":
        return str(words(text))
    if kind == "unit":
        found = _UNITS.fullmatch(text)
        text = f"{_GROUPS.sub('', found[1])}.{(found[2] or '0').zfill(2)}" if found else text
    elif kind == "dot":
        text = _GROUPS.sub("", text)
    elif kind == "comma":
        text = _DOT_GROUPS.sub("", text).replace(",", ".")
    if not (text.isascii() and _NUMBER.fullmatch(text)):
        raise ValueError(f"`{text[:40]}` is no number")
    return text


@lru_cache(maxsize=256)
def _kind(format: str | None) -> str:
    if not format:
        return "none"
    name = format.rpartition(":")[2].replace("-", "")
    if name not in _FORMATS:
        raise ValueError(f"unknown format `{format[:40]}`")
    return _FORMATS[name]


def shifted(number: str, places: int) -> str:
    """A plain number times ten to the power of `places`, exactly.

    >>> shifted("1.65", 2), shifted("7", -3), shifted("95,359".replace(",", ""), 6)
    ('165', '0.007', '95359000000')
    """
    whole, dot, part = number.partition(".")
    if places >= 0 and not dot:
        return (whole + "0" * places).lstrip("0") or "0"
    if places > 0:
        part = part.ljust(places, "0")
        whole, part = whole + part[:places], part[places:]
    elif places < 0:
        whole = whole.zfill(1 - places)
        whole, part = whole[:places], whole[places:] + part
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{part}" if part else whole


def lexical(text: str) -> str:
    """The number of a classic instance as it stands there. Raises ValueError."""
    found = text.strip()
    if len(found) > LONGEST or not (found.isascii() and _LEXICAL.fullmatch(found)):
        raise ValueError(f"`{found[:40]}` is no number")
    return found.removeprefix("+")


def decimals_of(decimals: str | None, precision: str | None, text: str) -> tuple[int | None, bool]:
    """How far a number counts, as decimals, and whether it is exact. Raises ValueError.

    >>> decimals_of("-6", None, "95359000000"), decimals_of("INF", None, "2")
    ((-6, False), (None, True))
    >>> decimals_of(None, "3", "1230")  # three digits count
    (-1, False)
    """
    if decimals == "INF" or precision == "INF":
        return None, True
    if decimals is not None:
        return _bounded(int(decimals)), False
    if precision is None:
        return None, False
    digits = text.lstrip("-").lower()
    mantissa, _, power = digits.partition("e")
    whole, _, part = mantissa.partition(".")
    whole = whole.lstrip("0")
    size = len(whole) if whole else len(part.lstrip("0")) - len(part)
    return _bounded(int(precision) - size - int(power or 0)), False


def _bounded(decimals: int) -> int:
    if abs(decimals) > 10 * LONGEST:
        raise ValueError(f"decimals {decimals}")
    return decimals


_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
    fifteen sixteen seventeen eighteen nineteen"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_LARGE = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_VALUES = {word: value for value, word in enumerate(_SMALL.split())}
_VALUES |= {word: 20 + 10 * place for place, word in enumerate(_TENS.split())}
_VALUES |= {"no": 0, "none": 0, "nil": 0, "a": 1, "an": 1}


def words(text: str) -> int:
    """A number in English words. Raises ValueError.

    >>> words("Twenty-five"), words("one hundred and two thousand"), words("no")
    (25, 102000, 0)
    """
    total = part = 0
    found = re.findall(r"[a-z]+", text.lower())
    if not found:
        raise ValueError(f"`{text[:40]}` is no number in words")
    for word in found:
        if word in _VALUES:
            part += _VALUES[word]
        elif word == "hundred":
            part = (part or 1) * 100
        elif word in _LARGE:
            total, part = total + (part or 1) * _LARGE[word], 0
        elif word != "and":
            raise ValueError(f"`{text[:40]}` is no number in words")
    return total + part
