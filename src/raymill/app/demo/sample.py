"""The sample data that comes with the extra `demo`: files of the wheel `bokeh_sampledata`."""

from importlib.util import find_spec
from pathlib import Path

from raymill.errors import InputError

PACKAGE = "bokeh_sampledata"


def sample_file(name: str) -> Path:
    """Find a file of the sample data. Nothing is imported: the package would load pandas.

    Raises InputError that says what to install.
    """
    spec = find_spec(PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise InputError(
            f"The demo's data is not installed: `{PACKAGE}` is missing",
            hint="pip install 'raymill[demo]'",
        )
    found = Path(folders[0]) / "_data" / name
    if not found.is_file():
        raise InputError(
            f"`{PACKAGE}` has no file `{name}`", hint=f"pip install --upgrade {PACKAGE}"
        )
    return found
