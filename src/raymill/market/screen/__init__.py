"""Screens of a universe: conditions on fields, custom filters, the state of the market.

Plain functions over columns; nothing here needs a network or an engine.
"""
