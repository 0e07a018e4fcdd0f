"""Trains the demo model: `train.py FONT ANNOTATIONS WORK OUT --steps N`.

WORK keeps what a stopped run goes on from; OUT becomes a checkpoint folder in half precision.
"""

import argparse
import copy
from pathlib import Path

import torch
from transformers import logging

import captions
import emoji
import recipe
from clutter import Clutter
from joint import Joint
from lexicon import Lexicon
from meaning import Meaning
from meeting import Meeting
from towers import make_model, make_tokenizer, mixed, save
from wider import Wider


def main():
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    arguments = parse_arguments()
    work = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.SEED)
    everything = emoji.load(arguments.font, arguments.annotations)
    said = captions.make([one.name for one in everything], [one.keywords for one in everything], recipe.SEED)
    print(f"{len(everything)} emoji, {sum(one.held_out is not None for one in said)} held-out paraphrases", flush=True)
    pictures = torch.from_numpy(emoji.premultiplied(everything, recipe.CACHED_SIZE))

    tokenizer = make_tokenizer(captions.corpus(said, recipe.SEED), recipe.VOCABULARY, work / Joint.name)
    model = make_model(recipe.VOCABULARY)
    Joint(model, tokenizer, pictures, said, arguments.steps).run(work)
    Wider(model, tokenizer, pictures, said).run(work)
    lexicon = Lexicon(said, captions.thesaurus())
    print(f"{len(lexicon.texts)} texts with senses", flush=True)
    meaning = Meaning(model, pictures, said, lexicon, work)
    meaning.run(work)
    model, tokenizer = meaning.model, meaning.tokenizer
    Meeting(model, tokenizer, pictures, said, lexicon).run(work)
    met = copy.deepcopy(model.state_dict())
    Clutter(model, tokenizer, pictures, said, lexicon).run(work)
    model.load_state_dict(mixed(met, model.state_dict(), recipe.CLUTTER_PART))
    save(model, tokenizer, arguments.out)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("font", type=Path)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, required=True, help="steps of the first phase")
    return parser.parse_args()


if __name__ == "__main__":
    main()
