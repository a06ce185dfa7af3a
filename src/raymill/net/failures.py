"""What can happen to one try; `Fetcher` turns it into another try or an error of raymill."""


class TryFailed(Exception):
    """One try failed on its way: no connection, a time-out, a body that breaks off."""


class BodyBroken(TryFailed):
    """The body is damaged or not whole."""


class BodyTooLarge(Exception):
    """The body is larger than was asked for; another try would be, too."""


class BadRequest(Exception):
    """The request cannot be sent as it is."""
