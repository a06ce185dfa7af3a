"""Made daily indexes."""

from raymill.testing.replay import Recorded

HEAD = b"""Form Type   Company Name                     CIK         Date Filed  File Name
-------------------------------------------------------------------------------------
"""


def index(*lines: tuple[str, int, str]) -> Recorded:
    """A daily index with these (form, CIK, accession)."""
    rows = (
        f"{form:<12}{'A Company':<33}{cik:<12}20260302    edgar/data/{cik}/{accession}.txt\n"
        for form, cik, accession in lines
    )
    return Recorded(200, HEAD + "".join(rows).encode())
