"""Numbers as documents print them, and the exact value that is meant."""

import re

MOST_PLACES = 100  # a scale beyond it is no number but an attack
LONGEST = 1000  # characters of a number

_NUMBER = re.compile(r"\d+(?:\.\d*)?|\.\d+")
_LEXICAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?")
_GROUPS = re.compile(r"[\s,'`\u00a0\u2019\u202f]")
_DOT_GROUPS = re.compile(r"[\s.'`\u00a0\u2019\u202f]")
_UNITS = re.compile(r"([\d.,\s\u00a0]+?)[^\d.,\s\u00a0]+[\s\u00a0]*(?:(\d{1,2})[^\d]*)?")
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
    places = int(scale) if scale else 0
    if abs(places) > MOST_PLACES:
        raise ValueError(f"scale {places}")
    found = shifted(_plain(text.strip(), format), places)
    return f"-{found}" if sign == "-" and found.strip("0.") else found


def _plain(text: str, format: str | None) -> str:
    kind = _kind(format)
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
    whole, _, part = number.partition(".")
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
    if "INF" in (decimals, precision):
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
