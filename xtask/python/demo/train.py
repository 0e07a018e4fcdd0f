"""Trains the demo model: `train.py FONT ANNOTATIONS WORK OUT --steps N`.

WORK keeps what a stopped run goes on from; OUT becomes a checkpoint folder in half precision.
"""

import argparse
import math
import os
import random
import shutil
import time
from pathlib import Path

import torch
from tokenizers import BertWordPieceTokenizer
from torch import nn
from torch.nn import functional as F
from transformers import AlignModel, AlignProcessor, BertTokenizerFast, EfficientNetImageProcessor, logging
from transformers.models.align.modeling_align import align_loss

import captions
import emoji
import recipe
from augment import Augment

SAVE_EVERY = 25


def main():
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    arguments = parse_arguments()
    arguments.work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.SEED)
    everything = emoji.load(arguments.font, arguments.annotations)
    said = captions.make([one.name for one in everything], [one.keywords for one in everything], recipe.SEED)
    print(f"{len(everything)} emoji, {sum(one.held_out is not None for one in said)} held-out paraphrases", flush=True)
    tokenizer = make_tokenizer(said, arguments.work)
    pictures = torch.from_numpy(emoji.premultiplied(everything, recipe.CACHED_SIZE))
    model = make_model()
    train(model, tokenizer, Augment(pictures, recipe.SEED), said, arguments)
    save(model, tokenizer, arguments.out)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("font", type=Path)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, required=True)
    return parser.parse_args()


def make_tokenizer(said, work):
    """A WordPiece vocabulary from captions, with BERT's normaliser; that of the run that goes on, if there is one."""
    vocabulary = work / "vocab.txt"
    if not vocabulary.exists():
        chance = random.Random(recipe.SEED)
        corpus = [one.sample(chance) for one in said for _ in range(40)]
        trained = BertWordPieceTokenizer(lowercase=True)
        trained.train_from_iterator(corpus, vocab_size=recipe.VOCABULARY, min_frequency=1, show_progress=False)
        trained.save_model(str(work))
    return BertTokenizerFast(vocab=str(vocabulary), do_lower_case=True, model_max_length=64)


def make_model():
    """An AlignModel whose convolutions are scaled to their fan-in and whose norms follow the batches closely."""
    model = AlignModel(recipe.config())
    for module in model.vision_model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.momentum = recipe.BATCH_NORM_MOMENTUM
    return model.to(memory_format=torch.channels_last)


def train(model, tokenizer, augment, said, arguments):
    """All steps, from where an earlier run stopped."""
    optimizer = make_optimizer(model)
    state_file = arguments.work / "state.pt"
    first = resume(model, optimizer, state_file, arguments.steps)
    model.train()
    started, mean_loss = time.time(), None
    for step in range(first, arguments.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, arguments.steps)
        loss, right = train_step(model, optimizer, tokenizer, augment, said, step, arguments.steps)
        mean_loss = loss if mean_loss is None else 0.98 * mean_loss + 0.02 * loss
        done = step + 1
        if done % 10 == 0 or done == arguments.steps:
            left = (time.time() - started) / (done - first) * (arguments.steps - done)
            temperature = model.temperature.item()
            print(
                f"step {done}/{arguments.steps} loss {mean_loss:.3f} right {right:.3f} "
                f"temperature {temperature:.4f} {left / 60:.1f} min left",
                flush=True,
            )
        if done % SAVE_EVERY == 0 or done == arguments.steps:
            state = {"step": done, "steps": arguments.steps, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(state, state_file.with_suffix(".tmp"))
            os.replace(state_file.with_suffix(".tmp"), state_file)


def resume(model, optimizer, state_file, steps):
    """The step to go on from."""
    if not state_file.exists():
        return 0
    state = torch.load(state_file, weights_only=True)
    # The first part is the same for any number of steps that keeps what was done within it.
    if state["steps"] != steps and state["step"] > min(first_part(steps), first_part(state["steps"])):
        raise SystemExit(f"{state_file}: of a run of {state['steps']} steps, not {steps}; remove it to start anew")
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    print(f"going on from step {state['step']}", flush=True)
    return state["step"]


def make_optimizer(model):
    """AdamW; nothing but matrices and kernels decays."""
    decayed = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    kept = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.WEIGHT_DECAY}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.LEARNING_RATE, betas=(0.9, 0.98), fused=True)


def learning_rate(step, steps):
    """A linear warm-up, then level to the end of the first part, then half a cosine to zero."""
    warm = min(1.0, (step + 1) / recipe.WARM_UP_STEPS)
    first = first_part(steps)
    cooled = max(0.0, (step - first) / (steps - first))
    return recipe.LEARNING_RATE * warm * 0.5 * (1 + math.cos(math.pi * cooled))


def first_part(steps):
    """The steps of small pictures at the full learning rate."""
    return int(recipe.SMALL_PART * steps)


def train_step(model, optimizer, tokenizer, augment, said, step, steps):
    """One step; the loss, and the share of pictures whose own caption was the likeliest of the batch."""
    rows = batch_rows(len(said), step)
    size = recipe.SMALL_SIZE if step < first_part(steps) else recipe.IMAGE_SIZE
    augment.seed(recipe.SEED + step)
    pixel_values = augment.batch(rows, size)
    chance = random.Random(recipe.SEED + step)
    image = model.vision_model(pixel_values=pixel_values).pooler_output.flatten(1)
    captions_of_step = [said[row].sample(chance) for _ in range(recipe.CAPTIONS) for row in rows.tolist()]
    text = F.normalize(embed_texts(model, tokenizer, captions_of_step), dim=-1)
    logits = (text @ F.normalize(image, dim=-1).T / model.temperature).split(len(rows))
    loss = sum(align_loss(logits_per_text) for logits_per_text in logits) / len(logits)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), recipe.LARGEST_GRADIENT)
    optimizer.step()
    with torch.no_grad():
        model.temperature.clamp_(min=recipe.LOWEST_TEMPERATURE)
        right = torch.stack([(part.argmax(0) == torch.arange(len(rows))).float().mean() for part in logits]).mean()
    return loss.item(), right.item()


def embed_texts(model, tokenizer, texts):
    """The projected texts; in parts of similar length, so that few are padded to the longest."""
    length = torch.tensor([len(ids) for ids in tokenizer(texts).input_ids])
    order = length.argsort(stable=True)
    parts = []
    for part in order.chunk(recipe.TEXT_PARTS):
        tokens = tokenizer([texts[row] for row in part.tolist()], padding=True, return_tensors="pt")
        parts.append(model.text_projection(model.text_model(**tokens).last_hidden_state[:, 0]))
    return torch.cat(parts)[order.argsort()]


def batch_rows(emoji_count, step):
    """The emoji of a step: by turns scattered, and in runs of neighbours, which must be told apart by details."""
    steps_of_epoch = emoji_count // recipe.BATCH
    epoch, position = divmod(step, steps_of_epoch)
    generator = torch.Generator().manual_seed(recipe.SEED + epoch)
    run = recipe.RUN if epoch % 2 else 1
    shift = int(torch.randint(emoji_count, (1,), generator=generator))
    order = (torch.arange(emoji_count) + shift) % emoji_count
    runs = order[: emoji_count // run * run].view(-1, run)
    runs = runs[torch.randperm(len(runs), generator=generator)].flatten()
    return runs[position * recipe.BATCH : (position + 1) * recipe.BATCH]


def save(model, tokenizer, out):
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


if __name__ == "__main__":
    main()
