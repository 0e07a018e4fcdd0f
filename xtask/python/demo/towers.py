"""The model of the training, what it embeds, and the checkpoint folder that it becomes."""

import os
import shutil
from pathlib import Path

import torch
from tokenizers import BertWordPieceTokenizer
from torch import nn
from torch.nn import functional as F
from transformers import AlignModel, AlignProcessor, BertTokenizerFast, EfficientNetImageProcessor

import recipe


def make_model(vocabulary: int) -> AlignModel:
    """An AlignModel whose convolutions are scaled to their fan-in and whose norms follow the batches closely."""
    model = AlignModel(recipe.config(vocabulary))
    for module in model.vision_model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.momentum = recipe.BATCH_NORM_MOMENTUM
    return model.to(memory_format=torch.channels_last)


def make_tokenizer(texts: list[str], size: int, folder: Path) -> BertTokenizerFast:
    """A WordPiece vocabulary from texts, with BERT's normaliser; that of the run that goes on, if there is one."""
    vocabulary = folder / "vocab.txt"
    if not vocabulary.exists():
        folder.mkdir(parents=True, exist_ok=True)
        trained = BertWordPieceTokenizer(lowercase=True)
        trained.train_from_iterator(texts, vocab_size=size, min_frequency=1, show_progress=False)
        trained.save_model(str(folder))
    return BertTokenizerFast(vocab=str(vocabulary), do_lower_case=True, model_max_length=64)


def embed_pictures(model: AlignModel, pixel_values: torch.Tensor) -> torch.Tensor:
    """Unit embeddings of pictures."""
    return F.normalize(model.vision_model(pixel_values=pixel_values).pooler_output.flatten(1), dim=-1)


def embed_texts(model: AlignModel, tokenizer: BertTokenizerFast, texts: list[str]) -> torch.Tensor:
    """Unit embeddings of texts; in parts of similar length, so that few are padded to the longest."""
    length = torch.tensor([len(ids) for ids in tokenizer(texts).input_ids])
    order = length.argsort(stable=True)
    parts = []
    for part in order.chunk(recipe.TEXT_PARTS):
        tokens = tokenizer([texts[row] for row in part.tolist()], padding=True, return_tensors="pt")
        parts.append(model.text_projection(model.text_model(**tokens).last_hidden_state[:, 0]))
    return F.normalize(torch.cat(parts)[order.argsort()], dim=-1)


def mixed(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor], part: float) -> dict[str, torch.Tensor]:
    """Weights on the line from the first to the second, trained further, at `part` of the way.

    Wortsman et al. 2022, "Robust fine-tuning of zero-shot models": less of the first's skill is lost.
    """
    return {name: tensor.lerp(second[name], part) if tensor.is_floating_point() else tensor for name, tensor in first.items()}


def save(model: AlignModel, tokenizer: BertTokenizerFast, out: Path):
    """The checkpoint's files, written beside and moved into the folder, which keeps what else it holds."""
    temporary = out.with_name(out.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    side = {"height": recipe.IMAGE_SIZE, "width": recipe.IMAGE_SIZE}
    image_processor = EfficientNetImageProcessor(
        size=side,
        crop_size=side,
        do_center_crop=False,
        resample=2,
        rescale_factor=1 / 127.5,
        rescale_offset=True,
        do_normalize=False,
        include_top=False,
    )
    # The config's meaning of momentum, not the training's.
    AlignProcessor(image_processor, tokenizer).save_pretrained(temporary)
    model.half().save_pretrained(temporary)
    out.mkdir(exist_ok=True)
    for file in temporary.iterdir():
        os.replace(file, out / file.name)
    temporary.rmdir()
