"""The first phase: both towers from random weights, on ALIGN's own loss."""

import random

from transformers.models.align.modeling_align import align_loss

import recipe
from augment import Augment
from phase import Phase, batch_rows, cooled
from towers import embed_pictures, embed_texts


class Joint(Phase):
    name = "joint"

    def __init__(self, model, tokenizer, pictures, said, steps):
        super().__init__(model, [(list(model.parameters()), recipe.LEARNING_RATE)])
        self.tokenizer, self.said, self.steps = tokenizer, said, steps
        self.augment = Augment(pictures, recipe.SEED)
        model.train()

    def loss(self, step):
        rows = batch_rows(len(self.said), step)
        small = step < int(recipe.SMALL_PART * self.steps)
        self.augment.seed(recipe.SEED + step)
        image = embed_pictures(self.model, self.augment.batch(rows, recipe.SMALL_SIZE if small else recipe.IMAGE_SIZE))
        chance = random.Random(recipe.SEED + step)
        captions = [self.said[row].sample(chance) for _ in range(recipe.CAPTIONS) for row in rows.tolist()]
        text = embed_texts(self.model, self.tokenizer, captions)
        logits = (text @ image.T / self.model.temperature).split(len(rows))
        return sum(align_loss(one) for one in logits) / len(logits), logits[0]

    def rate(self, step):
        return cooled(step, self.steps, recipe.SMALL_PART, recipe.WARM_UP_STEPS)
