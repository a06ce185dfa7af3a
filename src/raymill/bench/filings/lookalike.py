"""Made documents in the size and shape of a large company's: an answer, and a quarterly report."""

from datetime import date, timedelta

from raymill import json

ROWS = 25_000  # of an answer; a large company has as many
FACTS = 674  # of a quarterly report
_TAG_ROWS = 50
_FORMS = ("10-Q", "10-Q", "10-Q", "10-K")


def companyfacts(count: int) -> bytes:
    """An answer with so many rows."""
    concepts = {
        f"MadeConceptNumber{number:04}": {
            "label": f"Made Concept {number}",
            "description": "What this concept means, in a sentence or two as the taxonomy has it. "
            * 4,
            "units": {
                "USD": [_row(place) for place in range(start, min(start + _TAG_ROWS, count))]
            },
        }
        for number, start in enumerate(range(0, count, _TAG_ROWS))
    }
    return json.dumps({"cik": 12345, "entityName": "Made Inc.", "facts": {"us-gaap": concepts}})


def _row(place: int) -> dict[str, object]:
    quarter = place % _TAG_ROWS
    end = date(2010, 3, 31) + timedelta(days=91 * quarter)
    row: dict[str, object] = {
        "start": (end - timedelta(days=90)).isoformat(),
        "end": end.isoformat(),
        "val": 1_000_000 * (place * 7919 % 100_003),
        "accn": f"0000012345-{end.year % 100:02}-{quarter:06}",
        "fy": end.year,
        "fp": f"Q{quarter % 4 + 1}",
        "form": _FORMS[quarter % 4],
        "filed": (end + timedelta(days=30)).isoformat(),
    }
    return row | ({"frame": f"CY{end.year}Q{quarter % 4 + 1}"} if place % 5 < 2 else {})


_STYLE = "padding:2px 1pt 2px 19pt;text-align:left;vertical-align:bottom;font-weight:400;"
_HEAD = """<?xml version='1.0' encoding='ASCII'?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:ix="http://www.xbrl.org/2013/inlineXBRL"
 xmlns:ixt="http://www.xbrl.org/inlineXBRL/transformation/2020-02-12"
 xmlns:xbrli="http://www.xbrl.org/2003/instance" xmlns:xbrldi="http://xbrl.org/2006/xbrldi"
 xmlns:iso4217="http://www.xbrl.org/2003/iso4217" xmlns:us-gaap="http://fasb.org/us-gaap/2024">
<head><title>Made</title></head><body><div style="display:none"><ix:header><ix:resources>
<xbrli:unit id="usd"><xbrli:measure>iso4217:USD</xbrli:measure></xbrli:unit>"""
_CONTEXT = """<xbrli:context id="c-{n}"><xbrli:entity><xbrli:identifier
 scheme="http://www.sec.gov/CIK">0000012345</xbrli:identifier><xbrli:segment>
<xbrldi:explicitMember dimension="us-gaap:MadeAxis">us-gaap:Made{n}Member</xbrldi:explicitMember>
</xbrli:segment></xbrli:entity><xbrli:period><xbrli:startDate>2024-12-29</xbrli:startDate>
<xbrli:endDate>2025-03-29</xbrli:endDate></xbrli:period></xbrli:context>"""
_CELL = """<tr><td colspan="3" style="{style}"><div style="padding-left:18pt;text-indent:-9pt">
<span style="color:#000000;font-family:'Helvetica',sans-serif;font-size:9pt">Line {n}</span></div>
</td><td style="{style}"><span style="{style}">$</span></td><td colspan="2" style="{style}">
<span style="color:#000000;font-size:9pt"><ix:nonFraction unitRef="usd" contextRef="c-{c}"
 decimals="-6" name="us-gaap:MadeConcept{n}" format="ixt:num-dot-decimal" scale="6" id="f-{n}"
>{n},345</ix:nonFraction></span></td><td style="{style}"></td></tr>"""
_TEXT = "<p><span style='{style}'>What the company says of line {n} and of its risks. </span></p>"
_TAIL = "</table></div></body></html>"


def quarterly_report(count: int) -> bytes:
    """An inline document with so many facts, some 1,300 bytes of page to each."""
    contexts = "".join(_CONTEXT.format(n=n) for n in range(max(1, count // 4)))
    cells = "".join(_CELL.format(n=n, c=n % max(1, count // 4), style=_STYLE) for n in range(count))
    text = "".join(_TEXT.format(n=n, style=_STYLE) * 2 for n in range(count))
    middle = f"</ix:resources></ix:header></div><div>{text}<table>"
    return f"{_HEAD}{contexts}{middle}{cells}{_TAIL}".encode("ascii")
