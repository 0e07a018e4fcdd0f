"""The oracle's unit embeddings of pictures and texts: `oracle_embeddings.py MODEL FOLDER` writes `FOLDER/oracle.jsonl`.

FOLDER is what `pictures.py` made. A line is `{"image"|"text", "embedding"}`; every twentieth picture and text is taken.
"""

import json
import sys
from pathlib import Path

import torch
from PIL import Image
from torch.nn.functional import normalize
from transformers import AlignModel, AlignProcessor, logging

EVERY = 20


def main():
    logging.set_verbosity_error()
    model_folder, folder = sys.argv[1], Path(sys.argv[2])
    model = AlignModel.from_pretrained(model_folder, dtype=torch.float32).eval()
    processor = AlignProcessor.from_pretrained(model_folder)
    pictures = sorted((folder / "familiar").iterdir())[::EVERY]
    texts = (folder / "texts.txt").read_text().splitlines()[::EVERY]
    with torch.no_grad(), open(folder / "oracle.jsonl", "w") as out:
        for path in pictures:
            pixel_values = processor.image_processor(Image.open(path), return_tensors="pt").pixel_values
            features = model.vision_model(pixel_values=pixel_values).pooler_output.flatten(1)
            write(out, "image", f"familiar/{path.name}", features)
        for text in texts:
            tokens = processor.tokenizer(text, return_tensors="pt")
            features = model.text_projection(model.text_model(**tokens).last_hidden_state[:, 0])
            write(out, "text", text, features)


def write(out, kind, name, features):
    out.write(json.dumps({kind: name, "embedding": normalize(features, dim=-1)[0].tolist()}) + "\n")


if __name__ == "__main__":
    main()
