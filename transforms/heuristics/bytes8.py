"""Eight bytes of a text as one number, for kernels that look at words and not at bytes.

Both are single machine instructions and put into the kernel's code.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numba.core import types
from numba.extending import intrinsic


def _type_load(_context: Any, _data: Any, _at: Any) -> Any:
    """Numba's description of the bytes from a place on as a uint64, the first one lowest."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        number = context.get_value_type(types.uint64)
        place = builder.gep(array.data, [arguments[1]])
        return builder.load(builder.bitcast(place, number.as_pointer()), align=1)

    return types.uint64(_data, types.int64), generate


def _type_trailing_zeros(_context: Any, _value: Any) -> Any:
    """Numba's description of the number of zero bits below the lowest set bit; 64 if none is."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, False))

    return types.int64(types.uint64), generate


load_eight = cast(Callable[[Any, Any], np.uint64], intrinsic(_type_load))
"""`load_eight(data, at)`: `data[at:at + 8]`, which must be inside, as a little-endian uint64."""

trailing_zeros = cast(Callable[[Any], int], intrinsic(_type_trailing_zeros))
"""`trailing_zeros(value)`: zero bits below the lowest set bit of a uint64, as int64; 64 of 0."""
