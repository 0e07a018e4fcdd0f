"""The weights of a synthetic checkpoint, twin of `align_synthetic` to the bit.

`synth.py MODEL SEED` writes every tensor, a line of name, shape and byte count before its bytes, for
`cargo xtask synth --check`.
Names and shapes are those of the oracle's own model, so the check also proves the Rust list against it.
"""

import json
import math
import sys
from functools import cache
from pathlib import Path

import numpy as np
import torch
from transformers import AlignConfig, AlignModel

import counter

TABLES = Path(__file__).parents[2] / "crates/align-synthetic/src"

# Where a normalisation finds the convolution it follows.
CONVOLUTIONS = {
    "batchnorm": "convolution.weight",
    "expand_bn": "expand_conv.weight",
    "depthwise_norm": "depthwise_conv.weight",
    "project_bn": "project_conv.weight",
}

# (end of the name, centre, half width) of tensors uniform about a constant. First match counts.
UNIFORM = [
    ("project_bn.weight", 0.25, 0.0625),
    ("project_bn.bias", 0.0, 0.015625),
    ("batchnorm.weight", 1.0, 0.25),
    ("expand_bn.weight", 1.0, 0.25),
    ("depthwise_norm.weight", 1.0, 0.25),
    ("batchnorm.bias", 0.0, 0.125),
    ("expand_bn.bias", 0.0, 0.125),
    ("depthwise_norm.bias", 0.0, 0.125),
    ("squeeze_excite.reduce.bias", 0.0, 0.125),
    ("squeeze_excite.expand.bias", 1.5, 0.5),
    ("word_embeddings.weight", 0.0, 1.0),
    ("position_embeddings.weight", 0.0, 0.25),
    ("token_type_embeddings.weight", 0.0, 0.25),
    ("LayerNorm.weight", 1.0, 0.25),
    ("LayerNorm.bias", 0.0, 0.125),
    ("temperature", 0.0625, 0.0),
    (".bias", 0.0, 0.125),
]

# (part of the name, variance gain) of the other weights: variance gain / fan-in.
GAINS = [
    ("attention.self.query.", 3.0),
    ("attention.self.key.", 3.0),
    ("attention.self.value.", 2.0),
    ("attention.output.dense.", 2.0),
    ("", 1.0),
]


def config(model):
    return AlignConfig.from_dict(json.loads((TABLES / f"{model}.config.json").read_text()))


def shapes(model):
    """Every tensor of the checkpoint as the oracle names it: {name: (shape, is integer)}."""
    with torch.device("meta"):
        state = AlignModel(config(model)).state_dict()
    return {name: (tuple(tensor.shape), tensor.dtype == torch.int64) for name, tensor in sorted(state.items())}


@cache
def calibration(model):
    """{normalisation: (mean, own variance, shared variance) of the input of the convolution before it}."""
    lines = (TABLES / f"{model}.calibration.txt").read_text().splitlines()
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    return {name: tuple(map(float, numbers)) for name, *numbers in rows}


def half_width(name, shape):
    """Of a uniform weight with variance gain / fan-in: sqrt(3 gain / fan-in), rounded to f32."""
    gain = next(gain for part, gain in GAINS if part in name)
    return np.float32(math.sqrt(3.0 * gain / math.prod(shape[1:])))


def statistics(name, all_shapes, seed, layer):
    """Running mean or variance that a channel has when its inputs have that mean, own and shared variance.

    Weights w give mean * sum(w), and own * sum(w^2) + shared * sum(w)^2. Sums are of integers, so they do not depend
    on their order.
    """
    norm, kind = name.rsplit(".", 1)
    parent, last = norm.rsplit(".", 1)
    convolution = f"{parent}.{CONVOLUTIONS[last]}"
    shape = all_shapes[convolution][0]
    weights = counter.integers(seed, convolution, math.prod(shape)).reshape(shape[0], -1)
    width = float(half_width(convolution, shape))
    mean, own, shared = layer[norm]
    sums = width * (weights.sum(axis=1).astype(np.float64) * 2.0**-23)
    if kind == "running_mean":
        return (mean * sums).astype(np.float32)
    # Products reach 2^46 and rows 5000 of them: below 2^59.
    squares = width * width * ((weights * weights).sum(axis=1).astype(np.float64) * 2.0**-46)
    return (own * squares + shared * (sums * sums)).astype(np.float32)


def fill(name, all_shapes, seed, layer):
    """The values of one tensor."""
    shape, integer = all_shapes[name]
    if integer:
        return np.full(shape, 1, np.int64)
    if name.endswith(("running_mean", "running_var")):
        return statistics(name, all_shapes, seed, layer)
    units = counter.signed_units(seed, name, math.prod(shape)).reshape(shape)
    for ending, centre, width in UNIFORM:
        if name.endswith(ending):
            return np.asarray(np.float32(centre) + np.float32(width) * units, np.float32)
    return half_width(name, shape) * units


def state_dict(model, seed, layer=None):
    """The whole checkpoint for the oracle."""
    layer = calibration(model) if layer is None else layer
    all_shapes = shapes(model)
    return {name: torch.from_numpy(fill(name, all_shapes, seed, layer)) for name in all_shapes}


def load(model, seed, layer=None):
    """The oracle's model with these weights."""
    with torch.device("meta"):
        built = AlignModel(config(model))
    # Buffers that no checkpoint holds are made anew off the meta device.
    built = built.to_empty(device="cpu")
    embeddings = built.text_model.embeddings
    embeddings.position_ids.copy_(torch.arange(embeddings.position_ids.shape[-1])[None])
    embeddings.token_type_ids.zero_()
    built.load_state_dict(state_dict(model, seed, layer), assign=True)
    built.set_attn_implementation("eager")
    return built.eval()


def images(seed, count, channels, side):
    """Test images [count, channels, side, side] in [-1, 1): three quarters cells, one quarter noise.

    `image.cells.N` holds 17 x 17 square cells (of side ceil(side / 17)) per channel, `image.noise.N` a number per pixel.
    """
    cell = -(-side // 17)
    result = np.empty((count, channels, side, side), np.float32)
    for image in range(count):
        cells = counter.signed_units(seed, f"image.cells.{image}", channels * 17 * 17).reshape(channels, 17, 17)
        noise = counter.signed_units(seed, f"image.noise.{image}", channels * side * side).reshape(channels, side, side)
        squares = cells.repeat(cell, 1).repeat(cell, 2)[:, :side, :side]
        result[image] = np.float32(0.75) * squares + np.float32(0.25) * noise
    return result


def captions(seed, lengths, vocabulary):
    """Token ids: `caption.N`, each 1 + an unsigned 24-bit number modulo (vocabulary - 1), so never the padding."""
    return [
        1 + (counter.integers(seed, f"caption.{row}", length) + (1 << 23)) % (vocabulary - 1)
        for row, length in enumerate(lengths)
    ]


def main():
    model, seed = sys.argv[1], int(sys.argv[2])
    all_shapes, layer = shapes(model), calibration(model)
    for name, (shape, _) in all_shapes.items():
        values = np.ascontiguousarray(fill(name, all_shapes, seed, layer))
        header = f"{name} {'x'.join(map(str, shape))} {values.nbytes}\n"
        sys.stdout.buffer.write(header.encode() + values.tobytes())


if __name__ == "__main__":
    main()
