"""What words mean, learnt from texts alone: latent semantic analysis of the captions and of a thesaurus.

Deerwester et al. 1990, "Indexing by Latent Semantic Analysis". The documents are the emoji (all that may be said of each in
training) and the words of the thesaurus with their paraphrases; a word's sense is its row of the truncated singular value
decomposition. What is held out of an emoji's captions is held out here.
"""

import math
from collections import Counter

import numpy as np

import captions

DIMENSIONS = 200
# How much a document says a word: by the kind of text that says it.
NAME, RARE, COMMON, PHRASE, REWORDING = 3.0, 2.0, 1.0, 1.0, 0.5
HEADWORD, PARAPHRASE = 4.0, 1.0
MOST = 6.0
SILENT = captions.SMALL_WORDS | {"is", "as", "by", "it", "its", "that", "from", "your", "s"}
ENDINGS = ("ing", "ed", "es", "s", "ly", "er")


class Senses:
    """Unit vectors of emoji and of texts; the cosine of two says how much they have to do with each other."""

    def __init__(self, said: list[captions.Captions], thesaurus: dict[str, list[str]]):
        emoji = [_of_emoji(one) for one in said]
        documents = emoji + [_of_entry(word, others) for word, others in thesaurus.items()]
        self.row = {word: row for row, word in enumerate(sorted({word for one in documents for word in one}))}
        counts = np.zeros((len(documents), len(self.row)), np.float32)
        for document, said_words in enumerate(documents):
            for word, count in said_words.items():
                counts[document, self.row[word]] = math.sqrt(min(count, MOST))
        # A word of many documents says little (inverse document frequency).
        self.weight = np.log(len(documents) / (1 + (counts > 0).sum(0)))
        weighted = _unit(counts * self.weight)
        squares, left = np.linalg.eigh(weighted @ weighted.T)
        squares, left = squares[-DIMENSIONS:], left[:, -DIMENSIONS:]
        # Singular values to the power of a half: neither the first few senses alone nor all alike.
        self.senses = _unit(weighted.T @ left / squares**0.25) * self.weight[:, None]
        self.emoji = np.stack([self._sum({word: math.sqrt(count) for word, count in one.items()}) for one in emoji])

    def of_text(self, text: str) -> np.ndarray | None:
        """The sense of a text; none if it has no word that any document says."""
        known = Counter(word for word in _stems(text) if word in self.row)
        return self._sum(known) if known else None

    def _sum(self, words):
        return _unit(sum(count * self.senses[self.row[word]] for word, count in words.items()))


def _of_emoji(one):
    """The words that are said of an emoji, with weights."""
    texts = [(one.name, NAME), *((text, RARE) for text in one.rare), *((text, COMMON) for text in one.common)]
    texts += [*((text, PHRASE) for text in one.phrases), *((text, REWORDING) for text in one.rewordings)]
    return _weighted((text, weight) for text, weight in texts if not one.never_says(text))


def _of_entry(word, paraphrases):
    return _weighted([(word, HEADWORD), *((text, PARAPHRASE) for text in paraphrases)])


def _weighted(texts):
    words = Counter()
    for text, weight in texts:
        for word in _stems(text):
            words[word] += weight
    return words


def _stems(text):
    return [_stem(word) for word in captions.words_of(text) if word not in SILENT]


def _stem(word):
    """The word without its ending, crudely: what matters is that forms of one word become equal."""
    word = word.strip("'’!")
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            word = word.removesuffix(ending)
            break
    return word.removesuffix("e") if len(word) > 4 else word


def _unit(vectors):
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-9)
