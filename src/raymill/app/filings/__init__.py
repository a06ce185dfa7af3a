"""Filings from ticker to facts: the workflows over rooms that the settings describe, and who asks
for them and follows them."""

from raymill.app.filings.flows import BULK, FILINGS, UPDATE, WATCH

__all__ = ["BULK", "FILINGS", "UPDATE", "WATCH"]
