"""Texts with the emoji that their senses mean: what the student's logits should come to.

The senses are the teacher (Hinton et al. 2015, "Distilling the Knowledge in a Neural Network"): which emoji a word of the
thesaurus has to do with, and how much. So words are learnt that no caption of an emoji says.
"""

import numpy as np
import torch
from torch.nn import functional as F

import recipe
from senses import Senses


class Lexicon:
    """Texts that have a sense, with it."""

    def __init__(self, said, thesaurus):
        senses = Senses(said, thesaurus)
        keywords = {keyword for one in said for keyword in (*one.rare, *one.common)}
        paraphrases = {text for texts in thesaurus.values() for text in texts}
        longer = {text for one in said for text in (one.name, *one.phrases)}
        words = set(thesaurus) | keywords
        known = {text: senses.of_text(text) for text in sorted(words | paraphrases | longer)}
        known = {text: sense for text, sense in known.items() if sense is not None}
        self.texts = list(known)
        self.senses = torch.from_numpy(np.stack(list(known.values()))).float()
        self.emoji = torch.from_numpy(senses.emoji).float()
        rows = range(len(self.texts))
        self.words = [row for row in rows if self.texts[row] in words]
        self.short = [row for row in rows if len(self.texts[row].split()) <= 2]

    def sample(self, count, chance):
        """Rows of texts: words most of all, then short texts, then any."""
        words, short = recipe.LEXICON_SHARES
        kinds = chance.choices([self.words, self.short, range(len(self.texts))], [words, short, 1 - words - short], k=count)
        return [chance.choice(kind) for kind in kinds]

    def distilled(self, taught, emoji, logits):
        """How far the logits [taught texts, emoji] are from what the senses say, as texts see emoji and the other way."""
        teacher = self.senses[taught] @ self.emoji[emoji].T / recipe.TEACHER_TEMPERATURE
        return _divergence(teacher, logits) + _divergence(teacher.T, logits.T)


def _divergence(teacher, student):
    """The mean Kullback-Leibler divergence of the rows' softmax."""
    return F.kl_div(student.log_softmax(1), teacher.log_softmax(1), log_target=True, reduction="batchmean")
