"""What the demo model is evaluated on: `pictures.py FONT ANNOTATIONS OUT`.

OUT becomes a folder of
- `familiar/` and `unfamiliar/`: a picture of every emoji as training draws them, from seeds that training does not use,
  and a picture of every emoji that is smaller, more turned, and before other kinds of backgrounds;
- `texts.txt`: every text that is asked for, one a line;
- `retrieval.csv`: pictures and names, for `align eval retrieval`;
- `questions.jsonl`: `{"set", "picture", "texts"}`: a picture's path, and the lines of the texts to choose from, of which
  the first is right.
"""

import argparse
import csv
import json
import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import captions
import emoji
import recipe
from augment import Augment, Unfamiliar

SIZE = 128
SEED = 1_000_003
# Random questions about each picture.
QUESTIONS = 4


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("font", type=Path)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    everything = emoji.load(arguments.font, arguments.annotations)
    names = [one.name for one in everything]
    said = captions.make(names, [one.keywords for one in everything], recipe.SEED)
    pixels = torch.from_numpy(emoji.premultiplied(everything, emoji.GLYPH_WIDTH))
    for folder, kind, seed in (("familiar", Augment, SEED), ("unfamiliar", Unfamiliar, SEED + 1)):
        draw(kind(pixels, seed), len(names), arguments.out / folder)
    paraphrases = {row: one.held_out for row, one in enumerate(said) if one.held_out is not None}
    keywords = {row: text for row, text in paraphrases.items() if text in everything[row].keywords}
    descriptions = {names.index(name): text for name, text in captions.descriptions().items()}
    write_questions(names, paraphrases, keywords, descriptions, arguments.out)


def draw(augment, count, folder):
    """A picture of every emoji, `0000.png` and on."""
    folder.mkdir(parents=True, exist_ok=True)
    for rows in torch.arange(count).split(128):
        pictures = ((augment.batch(rows, SIZE) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        for row, picture in zip(rows.tolist(), pictures):
            Image.fromarray(np.ascontiguousarray(picture)).save(folder / file_name(row))


def write_questions(names, paraphrases, keywords, descriptions, out):
    texts = list(dict.fromkeys([*names, *paraphrases.values(), *descriptions.values()]))
    line = {text: number for number, text in enumerate(texts)}
    (out / "texts.txt").write_text("".join(f"{text}\n" for text in texts))
    with open(out / "retrieval.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["image", "caption"])
        rows.writerows([f"familiar/{file_name(row)}", name] for row, name in enumerate(names))
    chance = random.Random(SEED)
    named = dict(enumerate(names))
    rewordings = {row: text for row, text in paraphrases.items() if row not in keywords}
    # Whose texts are asked for, and whose are offered beside them.
    sets = [
        ("names, of 20", "familiar", named, named, 20),
        ("names, of 100", "familiar", named, named, 100),
        ("names on unfamiliar pictures, of 20", "unfamiliar", named, named, 20),
        ("held-out paraphrases, of 20", "familiar", paraphrases, paraphrases, 20),
        ("free descriptions, of 20", "familiar", descriptions, descriptions, 20),
        ("held-out paraphrases, those that are keywords, of 20", "familiar", keywords, paraphrases, 20),
        ("held-out paraphrases, those that are reworded names, of 20", "familiar", rewordings, paraphrases, 20),
    ]
    with open(out / "questions.jsonl", "w") as file:
        for name, folder, asked_for, offered, choices in sets:
            for row, right in asked_for.items():
                wrong = sorted(set(offered.values()) - {right})
                for _ in range(QUESTIONS):
                    asked = [line[text] for text in (right, *chance.sample(wrong, choices - 1))]
                    question = {"set": name, "picture": f"{folder}/{file_name(row)}", "texts": asked}
                    file.write(json.dumps(question) + "\n")


def file_name(row):
    return f"{row:04}.png"


if __name__ == "__main__":
    main()
