"""The fourth phase: all of the picture tower learns to meet the new text tower, again on pictures that are wider than before.

The third phase saw only so many views; here no two are alike, and every text stays as it is, embedded once.
"""

import random

import torch

import recipe
from lexicon import Lexicon
from towers import embed_texts
from wider import Wider


class Meeting(Wider):
    name = "meeting"
    steps = recipe.MEETING_STEPS
    SHIFT = 200_000

    def __init__(self, model, tokenizer, pictures, said, lexicon: Lexicon):
        super().__init__(model, tokenizer, pictures, said)
        self.lexicon = lexicon

    @torch.no_grad()
    def prepare(self):
        super().prepare()
        texts = self.lexicon.texts
        parts = [texts[first : first + recipe.BATCH] for first in range(0, len(texts), recipe.BATCH)]
        self.taught = torch.cat([embed_texts(self.model, self.tokenizer, part) for part in parts])

    def loss(self, step):
        rows, image = self.pictures_of(step)
        of_captions, logits = self.loss_of_captions(step, rows, image)
        taught = self.lexicon.sample(recipe.TAUGHT, random.Random(recipe.SEED + step))
        of_taught = self.taught[taught] @ image.T / self.model.temperature.detach()
        return recipe.CAPTION_WEIGHT * of_captions + self.lexicon.distilled(taught, rows, of_taught), logits
