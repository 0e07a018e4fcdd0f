"""The second phase: the picture tower alone learns smaller pictures before busier backgrounds.

What the text tower says is embedded once and stays, so that a step costs nothing but pictures.
"""

import random

import torch
from transformers.models.align.modeling_align import align_loss

import recipe
from augment import WiderAugment
from phase import Phase, batch_rows, cooled
from towers import embed_pictures, embed_texts


class Wider(Phase):
    name = "wider"
    steps = recipe.WIDER_STEPS
    # Seeds and batches other than those of the phase before.
    SHIFT = 100_000
    PICTURES = WiderAugment

    def __init__(self, model, tokenizer, pictures, said):
        super().__init__(model, [(list(model.vision_model.parameters()), recipe.WIDER_LEARNING_RATE)])
        self.tokenizer, self.said = tokenizer, said
        self.augment = self.PICTURES(pictures, recipe.SEED)

    def prepare(self):
        self.model.eval()
        self.captions = _embedded_captions(self.model, self.tokenizer, self.said)
        self.model.train()

    def loss(self, step):
        rows, image = self.pictures_of(step)
        return self.loss_of_captions(step, rows, image)

    def pictures_of(self, step):
        """The emoji of a step, and their embeddings."""
        rows = batch_rows(len(self.captions), step + self.SHIFT)
        self.augment.seed(recipe.SEED + step + self.SHIFT)
        return rows, embed_pictures(self.model, self.augment.batch(rows, recipe.IMAGE_SIZE))

    def loss_of_captions(self, step, rows, image):
        generator = torch.Generator().manual_seed(recipe.SEED + step)
        logits = []
        for _ in range(recipe.CAPTIONS):
            chosen = torch.randint(recipe.WIDER_CAPTIONS, (len(rows),), generator=generator)
            logits.append(self.captions[rows, chosen] @ image.T / self.model.temperature.detach())
        return sum(align_loss(one) for one in logits) / len(logits), logits[0]

    def rate(self, step):
        return cooled(step, self.steps, 0.0, recipe.WARM_UP_STEPS // 2)


@torch.no_grad()
def _embedded_captions(model, tokenizer, said):
    """Some captions of every emoji, [emoji, captions, dimensions]."""
    chance = random.Random(recipe.SEED)
    return torch.stack(
        [embed_texts(model, tokenizer, [one.sample(chance) for _ in range(recipe.WIDER_CAPTIONS)]) for one in said]
    )
