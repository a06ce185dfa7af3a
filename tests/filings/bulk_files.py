"""Made bulk files of companyfacts."""

import zipfile
from pathlib import Path

from raymill import json


def answer(cik: int, value: int) -> bytes:
    row = {"end": "2024-12-31", "val": value, "accn": f"{cik:010}-25-000001", "fy": 2024}
    row |= {"fp": "FY", "form": "10-K", "filed": "2025-02-01"}
    units = {"USD": [row]}
    return json.dumps({"cik": cik, "facts": {"us-gaap": {"Assets": {"units": units}}}})


def bulk_file(path: Path, answers: dict[int, bytes]) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for cik, data in answers.items():
            file.writestr(f"CIK{cik:010}.json", data)
    return str(path)
