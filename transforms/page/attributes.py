"""The attributes of a tag, as a kernel looks them up."""

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel
from transforms.page.scan import ATTRIBUTES_END, FIRST_ATTRIBUTE, NAME, VALUE_END, VALUE_START


@kernel
def find_attribute(
    tags: NDArray[np.int32], attributes: NDArray[np.int32], token: int, name: int
) -> int:
    """The row of a tag's attribute, -1 if it has none of that name."""
    for row in range(tags[token, FIRST_ATTRIBUTE], tags[token, ATTRIBUTES_END]):
        if attributes[row, NAME] == name:
            return row
    return -1


@kernel
def stated_number(data: NDArray[np.uint8], attributes: NDArray[np.int32], row: int) -> int:
    """The number that an attribute states, 0 if it states none of up to nine digits."""
    number = 0
    if row < 0 or attributes[row, VALUE_END] - attributes[row, VALUE_START] > 9:
        return 0
    for at in range(attributes[row, VALUE_START], attributes[row, VALUE_END]):
        if not 0x30 <= data[at] <= 0x39:
            return 0
        number = 10 * number + data[at] - 0x30
    return number
