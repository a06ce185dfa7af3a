"""A client of the HTTP API: typed by what services declare, with tries, pages and events."""

from raymill.services.client.answer import Answer
from raymill.services.client.asynchronous import AsyncClient
from raymill.services.client.sync import Client

__all__ = ["Answer", "AsyncClient", "Client"]
