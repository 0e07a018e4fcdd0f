"""Writes the towers of the synthetic align-base as ONNX: `peers_export.py OUT_DIR`.

`image.onnx`: `pixel_values [batch, 3, H, W]` -> `features [batch, projection_dim]`.
`text.onnx`: `input_ids, attention_mask [batch, tokens]` -> `features [batch, projection_dim]`.
The number of images, texts and tokens is left open; who loads the models fixes it.
"""

import sys
from pathlib import Path

import torch

import oracle
import synth


class ImageFeatures(torch.nn.Module):
    """The vision tower, its pooler a plain mean: on align-base's 9 x 9 map that is what the pooler computes."""

    def __init__(self, vision):
        super().__init__()
        self.vision = vision
        vision.pooler = torch.nn.Identity()

    def forward(self, pixel_values):
        hidden = self.vision.encoder(self.vision.embeddings(pixel_values)).last_hidden_state
        return hidden.mean(dim=(2, 3))


class TextFeatures(torch.nn.Module):
    """The text tower and the projection of its first token."""

    def __init__(self, model):
        super().__init__()
        self.text, self.projection = model.text_model, model.text_projection

    def forward(self, input_ids, attention_mask):
        hidden = self.text(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return self.projection(hidden[:, 0])


def export(module, inputs, path, open_axes):
    torch.onnx.export(
        module.eval(),
        tuple(inputs.values()),
        path,
        input_names=list(inputs),
        output_names=["features"],
        dynamic_shapes={name: open_axes for name in inputs},
        external_data=True,
        optimize=True,
    )


def main():
    oracle.prepare()
    folder = Path(sys.argv[1])
    model = synth.load("align-base", 0)
    side = model.config.vision_config.image_size
    pixels = torch.from_numpy(synth.images(1, 2, 3, side))
    ids = torch.ones(2, 16, dtype=torch.int64)
    with torch.no_grad():
        expected = model.vision_model(pixels).pooler_output
        image = ImageFeatures(model.vision_model)
        torch.testing.assert_close(image(pixels), expected, rtol=1e-4, atol=1e-5)
        export(image, {"pixel_values": pixels}, folder / "image.onnx", {0: "batch"})
        text = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        export(TextFeatures(model), text, folder / "text.onnx", {0: "batch", 1: "tokens"})


if __name__ == "__main__":
    main()
