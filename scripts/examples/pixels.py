"""The pixels of a PNG as Tributary writes it (8-bit RGB, not interlaced), with nothing to install."""
import struct
import zlib


def paeth(a, b, c):
    """The neighbour (left, above, above left) nearest to left + above - above left."""
    return min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]


def pixels(png):
    """A list of (red, green, blue), row by row."""
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    assert (depth, colour) == (8, 2), "only 8-bit RGB"
    data, place = b"", 8
    while place < len(png):
        size, kind = struct.unpack(">I4s", png[place:place + 8])
        if kind == b"IDAT":
            data += png[place + 8:place + 8 + size]
        place += size + 12
    data, row = zlib.decompress(data), 3 * width
    above, result = bytes(row), []
    for start in range(0, height * (row + 1), row + 1):
        method, line = data[start], bytearray(data[start + 1:start + 1 + row])
        for i in range(row if method else 0):
            a, c = (line[i - 3], above[i - 3]) if i >= 3 else (0, 0)
            guess = (0, a, above[i], (a + above[i]) // 2, paeth(a, above[i], c))[method]
            line[i] = (line[i] + guess) & 255
        result += zip(line[0::3], line[1::3], line[2::3])
        above = line
    return result
