"""Remakes fixtures/tiny: `tiny_goldens.py FIXTURES_DIR`."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from transformers import AlignConfig, AlignModel, AlignTextConfig, AlignTextModel, AlignVisionConfig, AlignVisionModel

import oracle
from tiny_configs import CONFIGS


def build(tiny):
    """The model with seeded weights, none of them trivial (no zero bias, no unit norm)."""
    if tiny.vision is None:
        model = AlignTextModel(AlignTextConfig(**tiny.text))
    elif tiny.text is None:
        model = AlignVisionModel(AlignVisionConfig(**tiny.vision))
    else:
        vision_config = AlignVisionConfig(**tiny.vision)
        width = AlignVisionModel(vision_config).encoder.blocks[-1].projection.project_conv.out_channels
        model = AlignModel(
            AlignConfig(
                text_config=tiny.text, vision_config=vision_config.to_dict(), projection_dim=width,
                temperature_init_value=tiny.stored_temperature_init,
            )
        )
        model.temperature.data.fill_(tiny.temperature)
    randomise(model, np.random.default_rng(tiny.seed))
    return model


def randomise(model, rng):
    def normal(parameter, deviation, mean=0.0):
        parameter.data.copy_(torch.from_numpy(rng.normal(mean, deviation, tuple(parameter.shape))))

    def uniform(parameter, low, high):
        parameter.data.copy_(torch.from_numpy(rng.uniform(low, high, tuple(parameter.shape))))

    for _, module in sorted(model.named_modules()):
        match module:
            case nn.Conv2d() | nn.Linear():
                normal(module.weight, 1.3 / np.sqrt(module.weight[0].numel()))
                if module.bias is not None:
                    normal(module.bias, 0.3)
            case nn.BatchNorm2d():
                uniform(module.weight, 0.6, 1.5)
                normal(module.bias, 0.2)
                normal(module.running_mean, 0.2)
                uniform(module.running_var, 0.4, 1.5)
                module.num_batches_tracked.fill_(int(rng.integers(1, 10_000)))
            case nn.LayerNorm():
                uniform(module.weight, 0.6, 1.5)
                normal(module.bias, 0.2)
            case nn.Embedding():
                normal(module.weight, 0.6)


def store(model, tiny, folder):
    """The checkpoint folder, as the oracle saves it or as an older release did."""
    if tiny.dtype != "float32":
        model = model.to(getattr(torch, tiny.dtype))
    model.save_pretrained(folder, max_shard_size=tiny.shard or "1GB")
    if tiny.legacy or tiny.drop_batch_counts:
        rewrite_weights(folder / "model.safetensors", tiny)
    if tiny.legacy or tiny.minimal is not None:
        path = folder / "config.json"
        config = json.loads(path.read_text())
        config = older_config(config) if tiny.legacy else minimal_config(config, tiny)
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def rewrite_weights(path, tiny):
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    if tiny.drop_batch_counts:
        tensors = {name: tensor for name, tensor in tensors.items() if not name.endswith("num_batches_tracked")}
    if tiny.legacy:
        length = tiny.text["max_position_embeddings"]
        tensors["text_model.embeddings.position_ids"] = torch.arange(length).unsqueeze(0)
    save_file(tensors, path, metadata={"format": "pt"})


def older_config(config):
    """Fields that releases before 5 wrote, one of them wrong (the repeats summed, times four)."""
    labels = {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}}
    config["text_config"] |= labels | {
        "position_embedding_type": "absolute", "use_cache": True, "is_decoder": False, "torch_dtype": None,
        "chunk_size_feed_forward": 0, "pruned_heads": {}, "tie_word_embeddings": True,
    }
    config["vision_config"] |= labels | {
        "num_hidden_layers": 4 * sum(config["vision_config"]["num_block_repeats"]), "torch_dtype": None,
    }
    config |= {"torch_dtype": "float32", "transformers_version": None, "initializer_range": 0.02, "tie_word_embeddings": True}
    config.pop("dtype", None)
    return config


def minimal_config(config, tiny):
    """Only the fields that are not the default (and `model_type`)."""
    top, text, vision = tiny.minimal
    if tiny.text is None:
        return {key: config[key] for key in ("model_type", *vision)}
    return {key: config[key] for key in ("model_type", *top)} | {
        "text_config": {key: config["text_config"][key] for key in text},
        "vision_config": {key: config["vision_config"][key] for key in vision},
    }


def inputs_of(call, tiny, config, rng):
    """The arguments of one call: f32 pixels, i64 ids."""
    inputs = {}
    if call.images:
        channels = (config.vision_config if tiny.text else config).num_channels
        pixels = rng.uniform(-1, 1, (call.images, channels, *call.image_size))
        inputs["pixel_values"] = pixels.astype(np.float32)
    if call.lengths:
        text_config = config.text_config if tiny.vision else config
        rows, width = len(call.lengths), max(call.lengths)
        mask = np.zeros((rows, width), np.int64)
        for row, length in enumerate(call.lengths):
            mask[row, :length] = 1
        ids = rng.integers(2, text_config.vocab_size, (rows, width))
        inputs["input_ids"] = np.where(mask == 1, ids, text_config.pad_token_id)
        if call.use_mask:
            inputs["attention_mask"] = mask if call.masks is None else np.array(call.masks, np.int64)
        if call.token_types:
            inputs["token_type_ids"] = rng.integers(0, text_config.type_vocab_size, (rows, width))
        if call.positions == "reversed":
            inputs["position_ids"] = np.arange(width, dtype=np.int64)[::-1].reshape(1, width)
        elif call.positions == "rows":
            inputs["position_ids"] = np.arange(width)[None] + np.arange(rows)[:, None] * 2
    return inputs


def outputs_of(model, inputs, dtype):
    """Every output of one call by its golden name."""
    given = {
        name: torch.from_numpy(np.ascontiguousarray(value)).to(dtype if name == "pixel_values" else torch.int64)
        for name, value in inputs.items()
    }
    pixels = {name: given[name] for name in given if name == "pixel_values"}
    tokens = {name: given[name] for name in given if name != "pixel_values"}
    whole = isinstance(model, AlignModel)
    results = {}
    if pixels:
        tower = model.vision_model if whole else model
        seen = tower(**pixels, output_hidden_states=True)
        assert len(seen.hidden_states) == len(tower.encoder.blocks) + 1
        results |= numbered("vision.hidden_states", seen.hidden_states)
        results["vision.last_hidden_state"] = seen.last_hidden_state
        results["vision.pooler_output"] = seen.pooler_output
    if tokens:
        tower = model.text_model if whole else model
        read = tower(**tokens, output_hidden_states=True, output_attentions=True)
        assert len(read.hidden_states) == len(tower.encoder.layer) + 1
        results |= numbered("text.hidden_states", read.hidden_states)
        results |= numbered("text.attentions", read.attentions)
        results["text.last_hidden_state"] = read.last_hidden_state
        results["text.pooler_output"] = read.pooler_output
    if whole and pixels:
        results["image_features"] = model.get_image_features(**pixels).pooler_output
    if whole and tokens:
        results["text_features"] = model.get_text_features(**tokens).pooler_output
    if whole and pixels and tokens:
        square = len(pixels["pixel_values"]) == len(tokens["input_ids"])
        joined = model(**given, return_loss=square)
        for name in ("text_embeds", "image_embeds", "logits_per_text", "logits_per_image"):
            results[name] = joined[name]
        if square:
            results["loss"] = joined.loss
    return results


def numbered(prefix, tensors):
    return {f"{prefix}.{index}": tensor for index, tensor in enumerate(tensors)}


def check_uniform_rows(call, outputs):
    """A row with nothing to attend to attends to all alike, in both precisions."""
    for row, mask in enumerate(call.masks or []):
        if not any(mask):
            for truth, narrow in (pair for name, pair in outputs.items() if name.startswith("text.attentions")):
                assert np.all(truth[row] == 1 / len(mask)) and np.all(narrow[row] == np.float32(1 / len(mask)))


def remake(name, tiny, fixtures):
    folder = fixtures / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    built = build(tiny)
    store(built, tiny, folder)
    # From here on only the folder counts: the goldens are what the oracle makes of the files.
    model = type(built).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    rng = np.random.default_rng(1000 + tiny.seed)
    worst = ("", 0.0)
    for call in tiny.calls:
        inputs = inputs_of(call, tiny, model.config, rng)
        outputs = oracle.run_both(model, lambda m, dtype: outputs_of(m, inputs, dtype))
        check_uniform_rows(call, outputs)
        stored = dict(inputs)
        for key, (truth, narrow) in outputs.items():
            stored |= oracle.with_errors(key, truth, narrow)
            worst = max(worst, (key, float(stored[f"err.{key}"] / np.abs(truth).max())), key=lambda pair: pair[1])
        oracle.save_atomically(stored, folder / f"{call.name}.safetensors")
    sizes = ", ".join(f"{path.name} {path.stat().st_size // 1024}K" for path in sorted(folder.iterdir()))
    print(f"{name}: {sizes}; worst f32 error {worst[1]:.1e} of {worst[0]}")


def main():
    oracle.prepare()
    fixtures = Path(sys.argv[1]) / "tiny"
    for name, tiny in CONFIGS.items():
        remake(name, tiny, fixtures)


if __name__ == "__main__":
    main()
