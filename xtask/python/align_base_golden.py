"""Remakes fixtures/align-base, the oracle's answers for the synthetic align-base: `align_base_golden.py FIXTURES_DIR`."""

import sys
from pathlib import Path

import numpy as np
import torch

import oracle
import synth

WEIGHTS_SEED = 0
INPUT_SEED = 1
IMAGES = 2
LENGTHS = (3, 9, 24, 64)
SAMPLES = 256


def inputs(config):
    """Two images, and four captions padded with their mask."""
    vision, text = config.vision_config, config.text_config
    ids = np.full((len(LENGTHS), max(LENGTHS)), text.pad_token_id, np.int64)
    mask = np.zeros_like(ids)
    for row, caption in enumerate(synth.captions(INPUT_SEED, LENGTHS, text.vocab_size)):
        ids[row, : len(caption)] = caption
        mask[row, : len(caption)] = 1
    return synth.images(INPUT_SEED, IMAGES, vision.num_channels, vision.image_size), ids, mask


def outputs_of(model, pixels, ids, mask, dtype):
    tokens = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
    images = torch.from_numpy(pixels).to(dtype)
    joined = model(**tokens, pixel_values=images, output_hidden_states=True)
    seen, read = joined.vision_model_output, joined.text_model_output
    results = {
        "image_features": seen.pooler_output,
        "text_features": model.text_projection(read.last_hidden_state[:, 0]),
        "text.pooler_output": read.pooler_output,
        "image_embeds": joined.image_embeds,
        "text_embeds": joined.text_embeds,
        "logits_per_text": joined.logits_per_text,
        "logits_per_image": joined.logits_per_image,
    }
    for index, state in enumerate(seen.hidden_states):
        results[f"vision.hidden_states.{index}"] = state
    valid = torch.from_numpy(mask == 1)
    for index, state in enumerate(read.hidden_states):
        # Padding is left out: rows of real tokens, caption after caption.
        results[f"text.hidden_states.{index}"] = state[valid]
    return results


def samples(array):
    """At most SAMPLES elements of the flattened array, evenly strided."""
    flat = array.reshape(-1)
    return flat[:: max(1, flat.size // SAMPLES)][:SAMPLES]


def stored_form(name, truth, narrow):
    """Small outputs whole; hidden states as samples, with the mean of all elements."""
    stored = oracle.with_errors(name, truth, narrow)
    if ".hidden_states." in name:
        stored[f"sample.{name}"] = samples(stored.pop(name))
        stored[f"mean.{name}"] = truth.mean()
    return stored


def cosines(rows):
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return np.round(unit @ unit.T, 3)


def main():
    oracle.prepare()
    model = synth.load("align-base", WEIGHTS_SEED)
    pixels, ids, mask = inputs(model.config)
    outputs = oracle.run_both(model, lambda m, dtype: outputs_of(m, pixels, ids, mask, dtype))
    stored = {"input_ids": ids, "attention_mask": mask, "sample.pixel_values": samples(pixels)}
    worst = ("", 0.0)
    for name, (truth, narrow) in outputs.items():
        stored |= stored_form(name, truth, narrow)
        worst = max(worst, (name, float(stored[f"err.{name}"] / np.abs(truth).max())), key=lambda pair: pair[1])
    folder = Path(sys.argv[1]) / "align-base"
    folder.mkdir(exist_ok=True)
    oracle.save_atomically(stored, folder / "golden.safetensors")
    print(f"align-base: worst f32 error {worst[1]:.1e} of {worst[0]}")
    print(f"cosines of images\n{cosines(outputs['image_features'][0])}\nof captions\n{cosines(outputs['text_features'][0])}")


if __name__ == "__main__":
    main()
