"""The pictures that show the demo model at work: `examples.py FONT ANNOTATIONS OUT`.

Emoji of another size, angle and place than the middle, before a scene that training never shows: a sky over a ground.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import emoji

# (file, name, width, angle, centre, sky, ground)
EXAMPLES = [
    ("apple.png", "red apple", 104, 12, (100, 112), (206, 226, 240), (196, 160, 120)),
    ("dog.png", "dog face", 120, -9, (164, 108), (245, 232, 205), (150, 190, 130)),
    ("rainbow.png", "rainbow", 128, 6, (128, 96), (160, 190, 225), (110, 150, 90)),
    ("car.png", "automobile", 112, -4, (94, 122), (225, 225, 230), (120, 120, 126)),
    ("smile.png", "smiling face with smiling eyes", 100, 14, (160, 100), (190, 225, 215), (235, 215, 190)),
]
WIDTH, HEIGHT, HORIZON = 256, 216, 148


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("font", type=Path)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    named = {one.name: one for one in emoji.load(arguments.font, arguments.annotations)}
    for file, name, *placed in EXAMPLES:
        scene(named[name].picture, *placed).save(arguments.out / file, optimize=True)


def scene(picture, width, angle, centre, sky, ground):
    """One emoji before a sky that brightens towards the horizon, and a ground."""
    brighter = np.linspace(0, 24, HEIGHT)[:, None, None]
    rows = np.where(np.arange(HEIGHT)[:, None, None] < HORIZON, np.array(sky) + brighter, np.array(ground))
    pixels = np.broadcast_to(rows, (HEIGHT, WIDTH, 3)).clip(0, 255).astype(np.uint8)
    canvas = Image.fromarray(pixels, "RGB").convert("RGBA")
    height = round(width * picture.height / picture.width)
    turned = picture.resize((width, height), Image.Resampling.LANCZOS).rotate(angle, Image.Resampling.BICUBIC, expand=True)
    canvas.alpha_composite(turned, (centre[0] - turned.width // 2, centre[1] - turned.height // 2))
    return canvas.convert("RGB")


if __name__ == "__main__":
    main()
