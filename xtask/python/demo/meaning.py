"""The third phase: a new text tower learns the senses of words, and the late picture blocks learn to meet it.

The early blocks of the picture tower stay, and what they make of a number of views of every emoji is computed once.
"""

import random

import torch
from torch.nn import functional as F
from transformers.models.align.modeling_align import align_loss

import captions
import recipe
from augment import WiderAugment
from lexicon import Lexicon
from phase import Phase, batch_rows
from towers import embed_texts, make_model, make_tokenizer


class Meaning(Phase):
    name = "meaning"
    steps = recipe.MEANING_STEPS

    def __init__(self, trained, pictures, said, lexicon: Lexicon, work):
        """`trained`: the model whose picture tower goes on."""
        self.pictures, self.said, self.lexicon = pictures, said, lexicon
        corpus = captions.corpus(said, recipe.SEED) + 2 * self.lexicon.texts
        self.tokenizer = make_tokenizer(corpus, recipe.MEANING_VOCABULARY, work / self.name)
        torch.manual_seed(recipe.SEED + 1)
        model = make_model(recipe.MEANING_VOCABULARY)
        model.vision_model.load_state_dict(trained.vision_model.state_dict())
        with torch.no_grad():
            model.temperature.copy_(trained.temperature)
        self.late = model.vision_model.encoder.blocks[recipe.EARLY_BLOCKS :]
        texts = [*model.text_model.parameters(), *model.text_projection.parameters()]
        super().__init__(model, [(texts, recipe.LEARNING_RATE), (list(self.late.parameters()), recipe.LATE_LEARNING_RATE)])

    def prepare(self):
        self.model.eval()
        self.views = torch.stack([self._early(view) for view in range(recipe.VIEWS)])
        self.model.train()

    def loss(self, step):
        rows = batch_rows(len(self.said), step)
        generator = torch.Generator().manual_seed(recipe.SEED + step)
        image = self._late(self.views[torch.randint(recipe.VIEWS, (len(rows),), generator=generator), rows])
        chance = random.Random(recipe.SEED + step)
        spoken = [self.said[row].sample(chance) for row in rows.tolist()]
        taught = self.lexicon.sample(recipe.BATCH, chance)
        text = embed_texts(self.model, self.tokenizer, spoken + [self.lexicon.texts[row] for row in taught])
        logits = text @ image.T / self.model.temperature.detach()
        logits, of_taught = logits.split([len(spoken), len(taught)])
        return align_loss(logits) + self.lexicon.distilled(taught, rows, of_taught), logits

    @torch.no_grad()
    def _early(self, view):
        """What the early blocks make of one view of every emoji, f16 [emoji, channels, height, width]."""
        augment = WiderAugment(self.pictures, recipe.SEED - 1 - view)
        maps = []
        for rows in torch.arange(len(self.said)).split(recipe.BATCH):
            hidden = self.model.vision_model.embeddings(augment.batch(rows, recipe.IMAGE_SIZE))
            for block in self.model.vision_model.encoder.blocks[: recipe.EARLY_BLOCKS]:
                hidden = block(hidden)
            maps.append(hidden.half())
        return torch.cat(maps)

    def _late(self, maps):
        """Unit embeddings of pictures from what the early blocks made of them."""
        hidden = maps.float().contiguous(memory_format=torch.channels_last)
        for block in self.late:
            hidden = block(hidden)
        return F.normalize(hidden.mean((2, 3)), dim=-1)
