"""Small documents of the tests' own, and where the real ones lie."""

from pathlib import Path

import pytest

from raymill.filings.document import Document

SEC = Path(__file__).parents[3] / "shared" / "data" / "sec"
APPLE = "archives/0000320193-25-000057/aapl-20250329.htm.gz"
APPLE_KEY = "archives/0000320193-25-000057/aapl-20250329_htm.xml.gz"

real = pytest.mark.skipif(not SEC.is_dir(), reason="../shared/data/sec is absent")

RESOURCES = """
<xbrli:context id="year"><xbrli:entity>
  <xbrli:identifier scheme="http://www.sec.gov/CIK">0000012345</xbrli:identifier></xbrli:entity>
  <xbrli:period><xbrli:startDate>2024-01-01</xbrli:startDate>
  <xbrli:endDate>2024-12-31</xbrli:endDate></xbrli:period></xbrli:context>
<xbrli:context id="end"><xbrli:entity>
  <xbrli:identifier scheme="http://www.sec.gov/CIK">0000012345</xbrli:identifier></xbrli:entity>
  <xbrli:period><xbrli:instant>2025-01-01T00:00:00</xbrli:instant></xbrli:period></xbrli:context>
<xbrli:context id="bikes"><xbrli:entity>
  <xbrli:identifier scheme="http://www.sec.gov/CIK">0000012345</xbrli:identifier>
  <xbrli:segment>
    <xbrldi:explicitMember dimension="gaap:ProductAxis">tiny:BikesMember</xbrldi:explicitMember>
    <xbrldi:typedMember dimension="tiny:PlaceAxis"><tiny:place> Delft </tiny:place>
    </xbrldi:typedMember>
  </xbrli:segment></xbrli:entity>
  <xbrli:period><xbrli:startDate>2024-01-01</xbrli:startDate>
  <xbrli:endDate>2024-12-31</xbrli:endDate></xbrli:period></xbrli:context>
<xbrli:unit id="usd"><xbrli:measure>iso4217:USD</xbrli:measure></xbrli:unit>
<xbrli:unit id="eps"><xbrli:divide>
  <xbrli:unitNumerator><xbrli:measure>iso4217:USD</xbrli:measure></xbrli:unitNumerator>
  <xbrli:unitDenominator><xbrli:measure>xbrli:shares</xbrli:measure></xbrli:unitDenominator>
</xbrli:divide></xbrli:unit>
"""
NAMESPACES = """xmlns:xbrli="http://www.xbrl.org/2003/instance"
 xmlns:xbrldi="http://xbrl.org/2006/xbrldi" xmlns:iso4217="http://www.xbrl.org/2003/iso4217"
 xmlns:gaap="http://fasb.org/us-gaap/2024" xmlns:dei="http://xbrl.sec.gov/dei/2024"
 xmlns:tiny="http://tiny.example/2024" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" """
COVER = """
<ix:nonNumeric contextRef="year" name="dei:EntityRegistrantName">Tiny <b>Bikes</b> Inc.
</ix:nonNumeric>
<ix:nonNumeric contextRef="year" name="dei:DocumentType">10-K/A</ix:nonNumeric>
<ix:nonNumeric contextRef="year" name="dei:TradingSymbol">tny.b</ix:nonNumeric>
<ix:nonNumeric contextRef="year" name="dei:AmendmentFlag" format="ixt:fixed-true">yes
</ix:nonNumeric>
<ix:nonNumeric contextRef="year" name="dei:DocumentFiscalYearFocus">2024</ix:nonNumeric>
<ix:nonNumeric contextRef="year" name="dei:DocumentFiscalPeriodFocus">FY</ix:nonNumeric>
"""


def inline(facts: str, *, before: str = "", resources: str = RESOURCES) -> Document:
    """An inline document with these facts in its text."""
    page = f"""<?xml version="1.0" encoding="utf-8"?>{before}
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:ix="http://www.xbrl.org/2013/inlineXBRL"
 xmlns:ixt="http://www.xbrl.org/inlineXBRL/transformation/2020-02-12" {NAMESPACES}>
<body><div style="display:none"><ix:header><ix:hidden>{COVER}</ix:hidden>
<ix:resources>{resources}</ix:resources></ix:header></div>
<table><tr><td>{facts}</td></tr></table></body></html>"""
    return Document("pages/tiny-20241231.htm", page.encode())


def fact(text: str, attributes: str = "", name: str = "gaap:Revenues") -> str:
    """A number of an inline document, in US dollars, of the whole year unless told otherwise."""
    usual = {"contextRef": "year", "unitRef": "usd", "decimals": "0"}
    given = " ".join(f'{k}="{v}"' for k, v in usual.items() if f"{k}=" not in attributes)
    return f'<ix:nonFraction name="{name}" {given} {attributes}>{text}</ix:nonFraction>'


def instance(facts: str, before: str = "") -> Document:
    """A classic instance whose contexts come behind its facts."""
    page = f'<?xml version="1.0"?>{before}<xbrli:xbrl {NAMESPACES}>{facts}{RESOURCES}</xbrli:xbrl>'
    return Document("tiny-20241231.xml", page.encode())
