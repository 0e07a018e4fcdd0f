"""The tiny checkpoints: their configs, how they are stored, and the calls made on them.

Together they exercise every field and rule of the model; fixtures/tiny/README.md says which does what.
"""

from dataclasses import dataclass


@dataclass
class Call:
    """One forward pass. `lengths` are the captions' token counts; `masks` overrides the padding mask."""

    name: str = "golden"
    images: int = 0
    image_size: tuple = (0, 0)
    lengths: tuple = ()
    masks: list | None = None
    use_mask: bool = True
    token_types: bool = False
    positions: str | None = None  # "reversed" or "rows" (each row its own offset)


@dataclass
class Tiny:
    """A checkpoint. `text` or `vision` None makes a standalone tower."""

    seed: int
    vision: dict | None
    text: dict | None
    calls: list
    temperature: float = 1.0
    stored_temperature_init: float = 1.0
    dtype: str = "float32"
    shard: str | None = None
    drop_batch_counts: bool = False
    legacy: bool = False
    minimal: tuple | None = None  # the config fields kept in config.json, as (top, text, vision)


def vision(stages, stem, **fields):
    """`stages`: (kernel, in, out, stride, repeats, expand) rows, channels as they are at width 1."""
    kernels, ins, outs, strides, repeats, expands = (list(column) for column in zip(*stages))
    assert ins[0] == stem
    config = {
        "kernel_sizes": kernels, "in_channels": ins, "out_channels": outs, "strides": strides,
        "num_block_repeats": repeats, "expand_ratios": expands,
        "width_coefficient": 1.0, "depth_coefficient": 1.0, "depth_divisor": 4, "hidden_dim": 32,
    }
    return config | fields


def text(hidden, heads, intermediate, layers, **fields):
    config = {
        "vocab_size": 61, "hidden_size": hidden, "num_attention_heads": heads,
        "intermediate_size": intermediate, "num_hidden_layers": layers, "max_position_embeddings": 20,
    }
    return config | fields


# The stem has round_filters(32) channels whatever in_channels says, so width 0.25 makes it 8.
SEVEN_STAGES = [
    (3, 32, 16, 1, 1, 1), (3, 16, 32, 2, 2, 6), (5, 32, 32, 2, 2, 6), (3, 32, 48, 2, 1, 6),
    (5, 48, 48, 1, 1, 6), (5, 48, 64, 2, 2, 4), (3, 64, 80, 1, 1, 2),
]
TWO_STAGES = [(3, 32, 32, 1, 1, 1), (5, 32, 48, 2, 1, 3)]

PADDED = Call(images=3, image_size=(33, 33), lengths=(9, 4, 6))

CONFIGS = {
    "base": Tiny(
        seed=1,
        vision=vision(SEVEN_STAGES, 32, width_coefficient=0.25, hidden_act="swish"),
        text=text(32, 4, 64, 2, hidden_act="gelu"),
        temperature=0.7,
        calls=[PADDED, Call("golden.uneven", images=2, image_size=(32, 40), lengths=(3, 5, 1))],
    ),
    "padding": Tiny(
        seed=2,
        vision=vision(
            [(3, 32, 32, 2, 2, 1), (5, 32, 44, 2, 1, 3), (7, 44, 36, 1, 2, 2), (7, 36, 60, 2, 1, 2), (5, 60, 52, 1, 1, 2)],
            32, width_coefficient=0.25, depth_divisor=5, depthwise_padding=[0, 1, 5], hidden_act="relu",
            pooling_type="max", image_size=[46, 38], batch_norm_eps=0.02,
        ),
        text=text(20, 5, 33, 1, hidden_act="gelu_new", layer_norm_eps=1e-5),
        temperature=2.5, stored_temperature_init=0.3,
        calls=[Call(images=2, image_size=(46, 38), lengths=(7, 7)),
               Call("golden.odd", images=2, image_size=(35, 45), lengths=(2, 5))],
    ),
    "gray": Tiny(
        seed=3,
        vision=vision(
            [(3, 32, 24, 1, 2, 1), (3, 24, 40, 2, 2, 2), (5, 40, 56, 1, 1, 3)], 32,
            width_coefficient=0.25, depth_coefficient=1.1, depth_divisor=1, hidden_act="gelu", num_channels=1,
            squeeze_expansion_ratio=0.05,
        ),
        text=text(18, 2, 40, 2, hidden_act="relu", type_vocab_size=3),
        temperature=0.25,
        calls=[Call(images=2, image_size=(24, 31), lengths=(6, 6), use_mask=False, token_types=True)],
    ),
    "half-f16": Tiny(
        seed=4, dtype="float16",
        vision=vision(TWO_STAGES, 32, width_coefficient=0.5, hidden_act="gelu_new", depth_divisor=8),
        text=text(32, 2, 48, 2, hidden_act="silu"),
        temperature=0.9,
        calls=[Call(images=2, image_size=(21, 21), lengths=(8, 3))],
    ),
    "half-bf16": Tiny(
        seed=5, dtype="bfloat16",
        vision=vision(TWO_STAGES, 32, width_coefficient=0.5, hidden_act="gelu_pytorch_tanh", depth_divisor=8),
        text=text(48, 3, 64, 1, hidden_act="relu6"),
        temperature=1.1,
        calls=[Call(images=2, image_size=(20, 22), lengths=(2, 11))],
    ),
    "sharded": Tiny(
        seed=6, shard="40KB",
        vision=vision([(3, 32, 32, 2, 1, 1), (5, 32, 52, 2, 2, 4)], 32, width_coefficient=0.25, hidden_act="relu6"),
        text=text(28, 7, 56, 2, hidden_act="tanh"),
        temperature=0.5,
        calls=[Call(images=2, image_size=(27, 18), lengths=(5, 10))],
    ),
    "legacy": Tiny(
        seed=7, legacy=True,
        vision=vision([(3, 32, 40, 1, 1, 1), (3, 40, 60, 2, 2, 4)], 32, width_coefficient=0.25, hidden_act="tanh"),
        text=text(24, 6, 72, 2, hidden_act="gelu_pytorch_tanh"),
        temperature=1.5,
        calls=[Call(images=2, image_size=(17, 19), lengths=(4, 12))],
    ),
    "masks": Tiny(
        seed=8,
        vision=vision([(3, 32, 32, 2, 1, 1), (3, 32, 44, 1, 1, 2)], 32, width_coefficient=0.25, hidden_act="sigmoid"),
        text=text(32, 4, 40, 3, hidden_act="swish", max_position_embeddings=16),
        temperature=0.8,
        calls=[
            # Holes, left padding, a row with nothing to attend to, right padding.
            Call(images=1, image_size=(16, 16), lengths=(8, 8, 8, 8), masks=[
                [1, 0, 1, 1, 0, 1, 1, 0], [0, 0, 0, 1, 1, 1, 1, 1], [0] * 8, [1, 1, 1, 0, 0, 0, 0, 0],
            ]),
            Call("golden.positions", lengths=(6, 4), positions="reversed"),
            Call("golden.rows", lengths=(7, 5, 6), positions="rows", token_types=True),
            Call("golden.single", lengths=(1,)),
            Call("golden.longest", lengths=(16, 2)),
        ],
    ),
    "minimal": Tiny(
        # projection_dim, text depth aside everything that may be missing is missing.
        seed=9, drop_batch_counts=True,
        vision={
            "width_coefficient": 0.1, "depth_coefficient": 0.1,
            "out_channels": [16, 24, 40, 80, 112, 192, 6400], "expand_ratios": [1, 6, 6, 6, 6, 6, 1],
        },
        text={"vocab_size": 37, "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2},
        minimal=((), ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers"),
                 ("width_coefficient", "depth_coefficient", "out_channels", "expand_ratios")),
        temperature=1.0,
        calls=[Call(images=2, image_size=(37, 37), lengths=(5, 3))],
    ),
    "text-only": Tiny(
        seed=10, vision=None,
        text=text(30, 3, 50, 2, hidden_act="sigmoid", pad_token_id=1),
        calls=[Call(lengths=(5, 9)), Call("golden.unmasked", lengths=(6, 6), use_mask=False)],
    ),
    "vision-only": Tiny(
        seed=11, text=None,
        vision={"width_coefficient": 0.1, "depth_coefficient": 0.1, "hidden_dim": 2},
        minimal=((), (), ("width_coefficient", "depth_coefficient", "hidden_dim")),
        calls=[Call(images=2, image_size=(66, 40)), Call("golden.smallest", images=1, image_size=(32, 33))],
    ),
}
