"""What is said of an emoji: captions for training, and the paraphrases that training never says."""

import random
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

SYNONYMS = Path(__file__).with_name("synonyms.txt")
PHRASES = Path(__file__).with_name("phrases.txt")
DESCRIPTIONS = Path(__file__).with_name("descriptions.txt")
THESAURUS = Path(__file__).with_name("thesaurus.txt")

TEMPLATES = [
    "a {}",
    "the {}",
    "{} emoji",
    "an emoji of {}",
    "a picture of {}",
    "a picture of a {}",
    "a drawing of a {}",
    "an icon of {}",
    "a small {}",
    "this is a {}",
]
# A keyword of more emoji than this describes none of them alone.
RARE = 12
# Only emoji with so many keywords lose one to the held-out paraphrases.
KEYWORDS_TO_SPARE = 3
# Words that carry no meaning of their own and may fall away.
SMALL_WORDS = {"a", "an", "and", "at", "for", "in", "of", "on", "or", "the", "to", "with"}

# What a phrase loses where a template has its own.
ARTICLE = re.compile(r"^(a|an|the) ")


@dataclass
class Captions:
    """What may be said of one emoji; `held_out` and `description` are said in evaluation alone."""

    name: str
    rare: list[str]
    common: list[str]
    rewordings: list[str]
    phrases: list[str]
    held_out: str | None
    description: str | None

    def sample(self, chance: random.Random) -> str:
        """A caption for one step of training, in which nothing of evaluation is said."""
        for _ in range(8):
            caption = self._sample(chance)
            if not self.never_says(caption):
                return caption
        return self.name

    def never_says(self, text: str) -> bool:
        """Whether a text says what is kept for evaluation."""
        return any(_says(text, never) for never in (self.held_out, self.description) if never is not None)

    def _sample(self, chance: random.Random) -> str:
        kind = chance.random()
        if kind < 0.30:
            return self.name
        if kind < 0.45 and self.rewordings:
            return _in_template(chance.choice(self.rewordings), chance)
        if kind < 0.70 and self.phrases:
            return _in_template(chance.choice(self.phrases), chance)
        if kind < 0.82 and self.rare:
            return _in_template(chance.choice(self.rare), chance)
        if kind < 0.92:
            return _mixed(self.name, self.rare + self.phrases, self.common, chance)
        return _in_template(self.name, chance)


def make(names: list[str], keywords: list[list[str]], seed: int) -> list[Captions]:
    """The captions of every emoji.

    Each emoji with three or more keywords loses one caption to the held-out paraphrases: a keyword that describes two
    to twelve emoji and shares no word with the name, if it has one (so that its words can be learnt from the others);
    else a reworded name that training never says: "a GROUP made of PARTS", or its two rarest keywords and an "and".
    """
    chance = random.Random(seed)
    frequency = Counter(keyword.lower() for some in keywords for keyword in set(some))
    synonyms, phrases, described = _synonyms(), _table(PHRASES), descriptions()
    result = []
    for name, own in zip(names, keywords):
        held_out, own = _hold_out(name, own, frequency, chance)
        rewordings = sorted(set(_rewordings(name, synonyms)))
        rare = [keyword for keyword in own if frequency[keyword.lower()] <= RARE]
        common = [keyword for keyword in own if frequency[keyword.lower()] > RARE]
        said = phrases.get(name, [])
        for never in (held_out, described.get(name)):
            if never is not None:
                rewordings, said = ([text for text in some if not _says(text, never)] for some in (rewordings, said))
        result.append(Captions(name, rare, common, rewordings, said, held_out, described.get(name)))
    return result


def descriptions() -> dict[str, str]:
    """The free descriptions of evaluation by the emoji's name, which may itself hold a colon."""
    lines = [line for line in DESCRIPTIONS.read_text().splitlines() if not line.startswith("#")]
    return dict(line.rsplit(": ", 1) for line in lines)


def thesaurus() -> dict[str, list[str]]:
    """Other ways to say a word, whatever it is said of."""
    return _table(THESAURUS)


def corpus(said: list[Captions], seed: int) -> list[str]:
    """Captions of every emoji for a vocabulary to be made from."""
    chance = random.Random(seed)
    return [one.sample(chance) for one in said for _ in range(40)]


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return re.findall(r"[\w’'!]+", text.lower())


def _hold_out(name, own, frequency, chance):
    if len(own) < KEYWORDS_TO_SPARE:
        return None, own
    words = set(words_of(name))
    spare = [word for word in own if 2 <= frequency[word.lower()] <= RARE and not words & set(words_of(word))]
    if spare:
        held_out = chance.choice(spare)
        return held_out, [word for word in own if word != held_out and not _says(word, held_out)]
    if ": " in name:
        return "a {} made of {}".format(*name.split(": ", 1)), own
    rarest = sorted(own, key=lambda word: (frequency[word.lower()], word))[:2]
    return " and ".join(rarest), own


def _rewordings(name, synonyms):
    """The name said otherwise: its parts turned round, and synonyms of its words."""
    if ": " in name:
        group, rest = name.split(": ", 1)
        yield from (f"{rest} {group}", f"{group} of {rest}", f"{group} {rest}", f"{group} with {rest}")
        if group == "flag":
            yield from (f"the flag of {rest}", rest, f"national flag of {rest}")
    if " with " in name:
        head, rest = name.split(" with ", 1)
        yield from (f"{rest} on {head}", f"{head} and {rest}", f"{rest} {head}")
    for phrase, others in synonyms.items():
        if re.search(rf"\b{re.escape(phrase)}\b", name.lower()):
            for other in others:
                yield re.sub(rf"\b{re.escape(phrase)}\b", other, name.lower(), count=1)


def _mixed(name, rare, common, chance):
    """A keyword or two beside most of the name's words, in any order; beside none only if a keyword is a rare one."""
    words = [word for word in name.split() if word.lower() not in SMALL_WORDS]
    said = chance.sample(rare + common, min(len(rare + common), chance.choice((1, 1, 2))))
    kept = [word for word in words if chance.random() < 0.8] or words
    if chance.random() < 0.3 and set(said) & set(rare):
        kept = []
    parts = [" ".join(kept), *said]
    chance.shuffle(parts)
    return " ".join(part for part in parts if part)


def _in_template(text, chance):
    return chance.choice(TEMPLATES).format(ARTICLE.sub("", text)) if chance.random() < 0.5 else text


def _synonyms():
    """Lines `phrase: other, other` as a table."""
    lines = [line for line in SYNONYMS.read_text().splitlines() if line and not line.startswith("#")]
    pairs = [line.split(":", 1) for line in lines]
    return {phrase.strip(): [other.strip() for other in others.split(",")] for phrase, others in pairs}


def _table(file):
    """Lines `name<tab>text | text` as a table."""
    lines = [line.split("\t") for line in file.read_text().splitlines() if not line.startswith("# ")]
    return {name: texts.split(" | ") for name, texts in lines}


def _says(text, phrase):
    """Whether the words of a phrase, if it has any, stand in a text, one after the other."""
    words, wanted = words_of(text), words_of(phrase)
    return bool(wanted) and any(words[start : start + len(wanted)] == wanted for start in range(len(words)))
