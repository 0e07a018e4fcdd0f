"""The counter-based random numbers of the synthetic checkpoints, twin of `align_synthetic`.

Number `i` of the stream `name` under `seed` is `mix(key + (i + 1) * GOLDEN)` with `key = mix(seed ^ fnv1a(name))`, all
modulo 2^64. Its upper 24 bits, less 2^23, are an integer `k`; `k / 2^23` is exact in f32 and uniform on [-1, 1).
"""

import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MASK = (1 << 64) - 1


def mix(z):
    """The finaliser of SplitMix64, on an array of uint64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def fnv1a(name):
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def integers(seed, name, count):
    """`count` integers of [-2^23, 2^23), as int64."""
    key = mix(np.array([seed ^ fnv1a(name)], np.uint64))
    index = np.arange(1, count + 1, dtype=np.uint64)
    return (mix(key + index * GOLDEN) >> np.uint64(40)).astype(np.int64) - (1 << 23)


def signed_units(seed, name, count):
    """`count` exact f32 numbers of [-1, 1)."""
    return integers(seed, name, count).astype(np.float32) * np.float32(2.0**-23)
