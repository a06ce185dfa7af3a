"""SEC filings: facts out of documents, standard metrics, and what was known on which day.

Plain functions over bytes and Arrow tables; nothing here needs a network or an engine.
"""

from raymill.filings.extract import Extracted, Problem, extract, extract_file
from raymill.filings.filing import Filing
from raymill.filings.schema import FACTS

__all__ = ["FACTS", "Extracted", "Filing", "Problem", "extract", "extract_file"]
