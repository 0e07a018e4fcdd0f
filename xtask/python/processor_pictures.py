"""Pictures and the smallest writers of the file kinds that Pillow reads but does not write."""

import io
import struct
import zlib

import numpy as np

MASK = np.uint64(0xFFFFFFFFFFFFFFFF)


def pattern(height, width, channels, seed=0):
    """A deterministic 8-bit array [height, width, channels]: ramps, plus noise that anyone can recompute.

    The value at flat index i is (i * 2654435761 + seed * 40503 + 12345 mod 2^32) >> 25, plus row / 2 plus column,
    modulo 256.
    """
    index = np.arange(height * width * channels, dtype=np.uint64)
    noise = ((index * np.uint64(2654435761) + np.uint64(seed * 40503 + 12345)) & np.uint64(0xFFFFFFFF)) >> np.uint64(25)
    noise = noise.reshape(height, width, channels)
    row = np.arange(height, dtype=np.uint64)[:, None, None]
    column = np.arange(width, dtype=np.uint64)[None, :, None]
    return ((noise + row // np.uint64(2) + column) % np.uint64(256)).astype(np.uint8)


def checksum(array):
    """64 bits over the bytes of an array, as little-endian u32 words (zero-padded at the end).

    Each word is joined with its index, mixed (the finaliser of SplitMix64), and all are summed.
    """
    data = np.ascontiguousarray(array).tobytes()
    data += b"\0" * (-len(data) % 4)
    words = np.frombuffer(data, dtype="<u4").astype(np.uint64)
    with np.errstate(over="ignore"):
        z = words | (np.arange(len(words), dtype=np.uint64) << np.uint64(32))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
        return f"{int(z.sum(dtype=np.uint64) & MASK):016x}"


def landscape(height=320, width=480):
    """A synthetic photograph: sky, sun, clouds, ridges in haze, a lake that mirrors them, film grain."""
    rng = np.random.default_rng(20)

    def fractal(shape, base, octaves=6):
        total = np.zeros(shape)
        for octave in range(octaves):
            cells = base * 2**octave
            grid = rng.random((cells + 2, cells + 2))
            y = np.linspace(0, cells, shape[0])[:, None]
            x = np.linspace(0, cells, shape[1])[None, :]
            iy, ix = y.astype(int), x.astype(int)
            fy, fx = y - iy, x - ix
            fy, fx = fy * fy * (3 - 2 * fy), fx * fx * (3 - 2 * fx)
            top = grid[iy, ix] * (1 - fx) + grid[iy, ix + 1] * fx
            bottom = grid[iy + 1, ix] * (1 - fx) + grid[iy + 1, ix + 1] * fx
            total += (top * (1 - fy) + bottom * fy) * 0.5 ** (octave + 1)
        return total

    def color(*rgb):
        return np.array(rgb, dtype=float)

    horizon = int(height * 0.64)
    y, x = np.mgrid[0:horizon, 0:width].astype(float)
    high = (y / horizon)[..., None]
    scene = color(70, 110, 180) * (1 - high) + color(250, 190, 140) * high
    sun = np.hypot(x - width * 0.68, y - horizon * 0.55)[..., None]
    scene += color(120, 90, 40) * np.exp(-sun / 60) + color(160, 150, 120) * (sun < 16)
    clouds = np.clip((fractal((horizon, width), 4) - 0.5) * 4, 0, 1)[..., None] * (1 - high * 0.6)
    scene = scene * (1 - clouds * 0.7) + color(255, 235, 220) * clouds * 0.7
    for depth in range(4):
        ridge = fractal((2, width), 3 + 2 * depth)[0]
        line = horizon * (0.62 + 0.1 * depth) - (ridge - 0.5) * horizon * (0.75 - 0.12 * depth)
        texture = (fractal((horizon, width), 20) - 0.5)[..., None] * (24 + 10 * depth)
        near = depth / 3
        land = color(140, 130, 150) * (1 - near) + color(38, 58, 34) * near + texture
        scene = np.where((y > line)[..., None], land, scene)
    lake = scene[::-1][: height - horizon]
    shift = (np.sin(np.arange(len(lake)) * 1.9) * 2).astype(int)
    lake = np.stack([np.roll(row, s, axis=0) for row, s in zip(lake, shift)]) * 0.72 + color(4, 14, 26)
    picture = np.concatenate([scene, lake])
    picture += rng.normal(0, 2.5, picture.shape)
    return np.clip(picture, 0, 255).round().astype(np.uint8)


def png(height, width, depth, color_type, rows, before_data=b"", interlaced=False, after_data=b""):
    """A PNG file from packed rows (bytes each); `interlaced` takes the rows of all Adam7 passes."""
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, int(interlaced))
    data = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    start = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + before_data
    return start + png_chunk(b"IDAT", data) + after_data + png_chunk(b"IEND", b"")


def png_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def adam7_rows(array):
    """The rows of the seven passes over an 8-bit array [height, width, channels]."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    for y, x, dy, dx in passes:
        part = array[y::dy, x::dx]
        if part.size:
            yield from (row.tobytes() for row in part)


def pack_bits(values, bits):
    """Rows of small values packed from the high bit down, each row padded to a byte."""
    rows = []
    for row in values:
        text = "".join(f"{v:0{bits}b}" for v in row)
        text += "0" * (-len(text) % 8)
        rows.append(bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8)))
    return rows


def tiff(height, width, bits, photometric, data, order="<", colormap=None, extra=None, orientation=None):
    """An uncompressed one-strip TIFF file; `bits` lists the bits of each sample."""
    short, long_ = 3, 4
    entries = {
        256: (long_, [width]),
        257: (long_, [height]),
        258: (short, bits),
        259: (short, [1]),
        262: (short, [photometric]),
        273: (long_, [0]),
        277: (short, [len(bits)]),
        278: (long_, [height]),
        279: (long_, [len(data)]),
    }
    if colormap is not None:
        entries[320] = (short, colormap)
    if extra is not None:
        entries[338] = (short, extra)
    if orientation is not None:
        entries[274] = (short, [orientation])
    directory_len = 2 + 12 * len(entries) + 4
    tail_at = 8 + directory_len
    tail = b""
    body = struct.pack(order + "H", len(entries))
    packed = {}
    for tag, (kind, values) in sorted(entries.items()):
        packed[tag] = b"".join(struct.pack(order + ("H" if kind == short else "I"), v) for v in values)
        if tag != 273 and len(packed[tag]) > 4:
            tail += packed[tag]
    data_at = tail_at + len(tail)
    packed[273] = struct.pack(order + "I", data_at)
    cursor = tail_at
    for tag, (kind, values) in sorted(entries.items()):
        value = packed[tag]
        if len(value) > 4:
            field, cursor = struct.pack(order + "I", cursor), cursor + len(value)
        else:
            field = value.ljust(4, b"\0")
        body += struct.pack(order + "HHI", tag, kind, len(values)) + field
    body += struct.pack(order + "I", 0)
    return struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 8) + body + tail + data


def bmp16(height, width, values, masks=None):
    """A 16-bit BMP file, 5-5-5 unless `masks` (red, green, blue) are given; bottom row first."""
    compression = 3 if masks else 0
    row_len = (width * 2 + 3) // 4 * 4
    pixels = b"".join(values[y].astype("<u2").tobytes().ljust(row_len, b"\0") for y in range(height - 1, -1, -1))
    extra = struct.pack("<III", *masks) if masks else b""
    offset = 14 + 40 + len(extra)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 16, compression, len(pixels), 2835, 2835, 0, 0)
    return struct.pack("<2sIHHI", b"BM", offset + len(pixels), 0, 0, offset) + header + extra + pixels


def bmp_rle8(indices, palette):
    """A run-length encoded 8-bit BMP file, bottom row first."""
    height, width = indices.shape
    data = b""
    for y in range(height - 1, -1, -1):
        x = 0
        while x < width:
            run = 1
            while x + run < width and run < 255 and indices[y, x + run] == indices[y, x]:
                run += 1
            data += bytes([run, int(indices[y, x])])
            x += run
        data += b"\0\0"
    data += b"\0\1"
    table = b"".join(bytes([b, g, r, 0]) for r, g, b in palette)
    offset = 14 + 40 + len(table)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(data), 2835, 2835, len(palette), 0)
    return struct.pack("<2sIHHI", b"BM", offset + len(data), 0, 0, offset) + header + table + data


def saved(image, kind, **options):
    """The bytes that Pillow saves."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
