"""Items of a list, laid out for the library."""

import ctypes
import os
from array import array
from itertools import accumulate


class items_of:
    """Items in C's layout at address, for as long as this object lives; places are their user_data."""

    def __init__(self, items, places):
        paths = [os.fsencode(path) for item in items for path in (item[0], item[1])]
        text = b"\0".join(paths) + b"\0"
        if text.count(b"\0") != max(len(paths), 1):
            raise ValueError("embedded null byte")
        self._text = ctypes.create_string_buffer(text, len(text))
        begin = ctypes.addressof(self._text)
        begins = array("Q", accumulate([begin] + [len(path) + 1 for path in paths[:-1]]))
        fields = array("Q", bytes(32 * len(items)))
        if items:
            fields[0::4] = begins[0::2]
            fields[1::4] = begins[1::2]
            fields[2::4] = array("Q", places)
        self._fields = fields
        self.address = fields.buffer_info()[0]
