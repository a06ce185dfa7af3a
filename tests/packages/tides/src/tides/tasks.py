"""A task of the package."""

from raymill import task


@task(compiled=True)
def metres(height: float, *, datum: float = 0.0) -> float:
    """Turn feet over a datum into metres."""
    return (height - datum) * 0.3048
