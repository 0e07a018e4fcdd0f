"""The emoji of the demo model: their pictures (Noto Color Emoji) and English words (CLDR annotations)."""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# The one size at which the font holds bitmaps, and the width of one glyph of that size.
FONT_SIZE = 109
GLYPH_WIDTH, GLYPH_HEIGHT = 136, 128
SKIN_TONES = {chr(code) for code in range(0x1F3FB, 0x1F400)}
# Asks for the picture form of a character that also has a text form.
PICTURE_FORM = "\ufe0f"


@dataclass
class Emoji:
    """One emoji: its characters, CLDR's short name, CLDR's keywords without the name, and its picture."""

    characters: str
    name: str
    keywords: list[str]
    picture: Image.Image = field(repr=False)


def load(font_file: Path, annotations: Path) -> list[Emoji]:
    """Every emoji that the font draws as one glyph, without skin tones.

    Of emoji with equal pictures one stays, under the shortest of their names: flags of islands that fly their country's.
    `annotations` is CLDR's `common` folder. The order is CLDR's, in which neighbours are alike.
    """
    font = ImageFont.truetype(font_file, FONT_SIZE, layout_engine=ImageFont.Layout.RAQM)
    found = {}
    for characters, name, keywords in _annotated(annotations):
        picture = None if SKIN_TONES & set(characters) else _picture(font, characters)
        if picture is None:
            continue
        keywords = [keyword for keyword in keywords if keyword.lower() != name.lower()]
        one = Emoji(characters, name, keywords, picture)
        same = found.setdefault(picture.tobytes(), one)
        if len(name) < len(same.name):
            found[picture.tobytes()] = one
    return list(found.values())


def premultiplied(emoji: list[Emoji], size: int) -> np.ndarray:
    """All pictures on transparent squares of `size` pixels, u8 [N, 4, size, size], colours multiplied by alpha."""
    pixels = np.empty((len(emoji), 4, size, size), np.uint8)
    for row, one in zip(pixels, emoji):
        row[...] = np.moveaxis(np.asarray(square(one.picture).resize((size, size), Image.Resampling.BOX)), 2, 0)
    return pixels


def square(picture: Image.Image) -> Image.Image:
    """A picture in the middle of a transparent square, its colours multiplied by alpha."""
    side = max(picture.size)
    canvas = Image.new("RGBA", (side, side))
    canvas.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    pixels = np.asarray(canvas).astype(np.float32)
    pixels[..., :3] *= pixels[..., 3:] / 255
    return Image.fromarray(np.rint(pixels).astype(np.uint8), "RGBA")


def _annotated(annotations: Path):
    """(characters, name, keywords) of everything that CLDR names in English."""
    names, keywords = {}, {}
    for part in ("annotations", "annotationsDerived"):
        for entry in ElementTree.parse(annotations / part / "en.xml").getroot().iter("annotation"):
            if entry.get("type") == "tts":
                names[entry.get("cp")] = entry.text.strip()
            else:
                keywords[entry.get("cp")] = [word.strip() for word in entry.text.split("|")]
    return [(characters, name, keywords.get(characters, [])) for characters, name in names.items()]


def _picture(font, characters: str) -> Image.Image | None:
    """The glyph of some characters, or nothing if the font has no such single glyph."""
    for text in (characters, characters + PICTURE_FORM):
        if round(font.getlength(text)) == GLYPH_WIDTH:
            picture = Image.new("RGBA", (GLYPH_WIDTH, GLYPH_HEIGHT))
            ImageDraw.Draw(picture).text((0, 0), text, font=font, embedded_color=True)
            return picture if picture.getbbox() else None
    return None
