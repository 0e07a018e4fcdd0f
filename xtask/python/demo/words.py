"""The fifth phase: the text tower alone goes on with captions and senses, now that the pictures stay.

They are embedded once, in a number of views, so that a step costs nothing but texts, and every text sees all emoji.
"""

import random

import torch
from transformers.models.align.modeling_align import align_loss

import recipe
from augment import WiderAugment
from lexicon import Lexicon
from phase import Phase, batch_rows, cooled
from towers import embed_pictures, embed_texts


class Words(Phase):
    name = "words"
    steps = recipe.WORDS_STEPS
    # Seeds and batches other than those of the phases before.
    SHIFT = 300_000

    def __init__(self, model, tokenizer, pictures, said, lexicon: Lexicon):
        texts = [*model.text_model.parameters(), *model.text_projection.parameters()]
        super().__init__(model, [(texts, recipe.WORDS_LEARNING_RATE)])
        self.tokenizer, self.said, self.lexicon = tokenizer, said, lexicon
        self.all = torch.arange(len(said))
        model.eval()
        with torch.no_grad():
            self.views = torch.stack([self._view(pictures, view) for view in range(recipe.WORDS_VIEWS)])
        model.train()

    def loss(self, step):
        rows = batch_rows(len(self.said), step + self.SHIFT)
        generator = torch.Generator().manual_seed(recipe.SEED + step + self.SHIFT)
        image = self.views[torch.randint(recipe.WORDS_VIEWS, (len(self.all),), generator=generator), self.all]
        chance = random.Random(recipe.SEED + step + self.SHIFT)
        captions = [self.said[row].sample(chance) for row in rows.tolist()]
        taught = self.lexicon.sample(recipe.BATCH, chance)
        text = embed_texts(self.model, self.tokenizer, captions + [self.lexicon.texts[row] for row in taught])
        logits = text @ image.T / self.model.temperature.detach()
        of_captions, of_taught = logits.split([len(captions), len(taught)])
        of_captions = of_captions[:, rows]
        return align_loss(of_captions) + self.lexicon.distilled(taught, self.all, of_taught), of_captions

    def rate(self, step):
        return cooled(step, self.steps, 0.0, recipe.WARM_UP_STEPS // 2)

    def _view(self, pictures, view):
        """Embeddings of one view of every emoji, [emoji, dimensions]."""
        augment = WiderAugment(pictures, recipe.SEED - 1_001 - view)
        parts = self.all.split(recipe.BATCH)
        return torch.cat([embed_pictures(self.model, augment.batch(rows, recipe.IMAGE_SIZE)) for rows in parts])
