"""What kind of values a column's type holds, as far as writers tell them apart."""

import pyarrow as pa
import pyarrow.types as pt


def is_text(kind: pa.DataType) -> bool:
    """Say whether a column of this type holds strings (as a dictionary or not)."""
    if pt.is_dictionary(kind):
        return is_text(kind.value_type)
    return pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind)


def is_number(kind: pa.DataType) -> bool:
    """Say whether a column of this type holds integers, floats or booleans."""
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_boolean(kind))
