"""Goldens of the processor: `python processor_goldens.py <fixtures folder>`.

Writes `processor`:

- `formats/*`: one small file for each kind of image; `decoded.json`: the checksum of its RGB pixels as the
  oracle loads it. JPEG and lossy WebP have their pixels in `decoded/*.png` too, so that a difference can be measured;
- `pixel_values.json`: configs, input sizes, and the checksum and first values of the oracle's pixel_values;
- `texts.json`, `token_ids.json`: strings and their ids under four tokenizer configs, `bert-*/`;
- `legacy`, `nested`: the two layouts of a checkpoint's processor files; `settings`: the latter with padding and
  truncation inside tokenizer.json.
"""

import io
import json
import shutil
import struct
import sys
import warnings
from pathlib import Path

import numpy as np
from PIL import Image
from transformers import AutoTokenizer, BertTokenizer, EfficientNetImageProcessorPil
from transformers.image_utils import load_image
from transformers.models.align.processing_align import AlignProcessor

import processor_pictures as pictures
import processor_texts
from processor_pictures import adam7_rows, checksum, pack_bits, pattern, png, png_chunk, saved, tiff

ALIGN_BASE = {
    "crop_size": {"height": 289, "width": 289},
    "do_center_crop": True,
    "do_normalize": False,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "EfficientNetImageProcessor",
    "image_std": [0.5, 0.5, 0.5],
    "include_top": False,
    "resample": 2,
    "rescale_factor": 0.00784313725490196,
    "rescale_offset": True,
    "size": {"height": 346, "width": 346},
}


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=True) + "\n")


def shapes(height=26, width=37):
    """A small colour picture with edges, ramps and some noise."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    red = 255 * x / width
    green = 255 * y / height
    blue = 255 * ((x - 18) ** 2 + (y - 12) ** 2 < 80)
    noise = pattern(height, width, 3).astype(float) / 8
    return np.clip(np.stack([red, green, blue], -1) * 0.9 + noise, 0, 255).astype(np.uint8)


def lossless_formats():
    """(name, file) of every kind that must decode exactly."""
    array = shapes()
    height, width, _ = array.shape
    rgb = Image.fromarray(array)
    gray = rgb.convert("L")
    alpha = Image.fromarray(pattern(height, width, 1, 3)[..., 0])
    rgba = rgb.copy()
    rgba.putalpha(alpha)
    la = Image.merge("LA", (gray, alpha))
    bilevel = gray.convert("1")
    palette = rgb.quantize(37)
    wide = np.arange(height * width, dtype=np.uint32).reshape(height, width) * 68 % 65536
    wide = wide.astype(np.uint16)
    i16 = Image.fromarray(wide)
    rgb16 = np.stack([wide, wide * 3, wide * 7], -1)
    rgba16 = np.concatenate([rgb16, wide[..., None]], -1)
    cmyk = Image.fromarray(pattern(height, width, 4, 5), "CMYK")
    cube = [(r * 85, g * 85, b * 85) for r in range(4) for g in range(4) for b in range(4)]

    for name, image in {"rgb": rgb, "l": gray, "rgba": rgba, "la": la, "1": bilevel, "i16": i16}.items():
        yield f"{name}.png", saved(image, "PNG")
    for colors, bits in ((2, 1), (4, 2), (16, 4), (200, 8)):
        yield f"p{bits}.png", saved(rgb.quantize(colors), "PNG", bits=bits)
    yield "p-transparent-index.png", saved(palette, "PNG", transparency=3)
    yield "p-transparent-bytes.png", saved(palette, "PNG", transparency=bytes(range(0, 185, 5)))
    yield "l-transparent.png", saved(gray, "PNG", transparency=77)
    yield "rgb-transparent.png", saved(rgb, "PNG", transparency=tuple(int(v) for v in array[3, 4]))
    for bits in (2, 4):
        values = np.asarray(gray) >> (8 - bits)
        yield f"l{bits}.png", png(height, width, bits, 0, pack_bits(values, bits))
    yield "la16.png", png(height, width, 16, 4, [r.astype(">u2").tobytes() for r in rgb16[..., :2]])
    yield "rgb16.png", png(height, width, 16, 2, [r.astype(">u2").tobytes() for r in rgb16])
    yield "rgba16.png", png(height, width, 16, 6, [r.astype(">u2").tobytes() for r in rgba16])
    yield "interlaced.png", png(height, width, 8, 2, adam7_rows(array), interlaced=True)
    yield "1x1.png", saved(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG")
    yield "thin.png", saved(Image.fromarray(pattern(1, 700, 3)), "PNG")

    yield "rgb.bmp", saved(rgb, "BMP")
    yield "l.bmp", saved(gray, "BMP")
    yield "1.bmp", saved(bilevel, "BMP")
    yield "p.bmp", saved(palette, "BMP")
    yield "rgba.bmp", saved(rgba, "BMP")
    top_down = bytearray(saved(rgb, "BMP"))
    top_down[22:26] = struct.pack("<i", -height)
    yield "top-down.bmp", bytes(top_down)
    yield "555.bmp", pictures.bmp16(height, width, wide & 0x7FFF)
    yield "565.bmp", pictures.bmp16(height, width, wide, (0xF800, 0x07E0, 0x001F))
    yield "rle8.bmp", pictures.bmp_rle8(np.asarray(rgb.quantize(64)) // 4, cube)

    yield "p.gif", saved(palette, "GIF")
    yield "l.gif", saved(gray, "GIF")
    yield "transparent.gif", saved(palette, "GIF", transparency=5)
    yield "interlaced.gif", saved(palette, "GIF", interlace=1)
    frames = [rgb.transpose(Image.Transpose.FLIP_LEFT_RIGHT).quantize(30)]
    yield "animated.gif", saved(palette, "GIF", save_all=True, append_images=frames)
    for name, background in (("partial", 0), ("partial-background", 7)):
        partial = bytearray(saved(palette, "GIF", background=background))
        partial[6:10] = struct.pack("<HH", width + 9, height + 5)
        yield f"{name}.gif", bytes(partial)
    partial = bytearray(saved(palette, "GIF", transparency=5))
    partial[6:10] = struct.pack("<HH", width + 9, height + 5)
    yield "partial-transparent.gif", bytes(partial)
    overhanging = bytearray(saved(palette, "GIF"))
    overhanging[6:10] = struct.pack("<HH", width - 9, height - 5)
    yield "overhanging.gif", bytes(overhanging)

    for name, image in {"rgb": rgb, "l": gray, "rgba": rgba, "la": la, "1": bilevel, "p": palette, "i16": i16, "cmyk": cmyk}.items():
        yield f"{name}.tiff", saved(image, "TIFF")
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
        yield f"rgb-{compression}.tiff", saved(rgb, "TIFF", compression=compression)
    yield "p-lzw.tiff", saved(palette, "TIFF", compression="tiff_lzw")
    yield "1-group4.tiff", saved(bilevel, "TIFF", compression="group4")
    yield "two-pages.tiff", saved(rgb, "TIFF", save_all=True, append_images=[gray])
    inverted = np.asarray(gray)
    yield "white-is-zero.tiff", tiff(height, width, [8], 0, inverted.tobytes())
    yield "1-white-is-zero.tiff", tiff(height, width, [1], 0, b"".join(pack_bits(inverted >> 7, 1)))
    for bits in (2, 4):
        data = b"".join(pack_bits(inverted >> (8 - bits), bits))
        yield f"l{bits}.tiff", tiff(height, width, [bits], 1, data)
        colormap = [(i * 977 + c * 20011) % 65536 for c in range(3) for i in range(2**bits)]
        yield f"p{bits}.tiff", tiff(height, width, [bits], 3, data, colormap=colormap)
    colormap = [(i * 977 + c * 20011) % 65536 for c in range(3) for i in range(256)]
    yield "p-big-endian.tiff", tiff(height, width, [8], 3, inverted.tobytes(), ">", colormap=colormap)
    yield "rgb16.tiff", tiff(height, width, [16] * 3, 2, rgb16.astype("<u2").tobytes())
    yield "rgb16-big-endian.tiff", tiff(height, width, [16] * 3, 2, rgb16.astype(">u2").tobytes(), ">")
    yield "rgba16.tiff", tiff(height, width, [16] * 4, 2, rgba16.astype("<u2").tobytes(), extra=[2])
    yield "i16-big-endian.tiff", tiff(height, width, [16], 1, wide.astype(">u2").tobytes(), ">")
    yield "cmyk16.tiff", tiff(height, width, [16] * 4, 5, rgba16.astype("<u2").tobytes())
    yield "rgbx.tiff", tiff(height, width, [8] * 4, 2, np.asarray(rgba).tobytes(), extra=[0])

    yield "rgb.webp", saved(rgb, "WEBP", lossless=True)
    yield "rgba.webp", saved(rgba, "WEBP", lossless=True, exact=True)
    yield "animated.webp", saved(rgb, "WEBP", lossless=True, save_all=True, append_images=[rgb.rotate(180)])

    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"orientation-{orientation}.png", saved(rgb, "PNG", exif=exif)
        yield f"orientation-{orientation}.webp", saved(rgb, "WEBP", lossless=True, exif=exif)
        yield f"orientation-{orientation}.tiff", saved(rgb, "TIFF", exif=exif)
    yield "orientation-p.tiff", tiff(height, width, [8], 3, inverted.tobytes(), colormap=colormap, orientation=6)
    xmp = '<x:xmpmeta><rdf:Description tiff:Orientation="8"/></x:xmpmeta>'
    text = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp.encode())
    yield "orientation-xmp.png", png(height, width, 8, 2, [r.tobytes() for r in array], text)
    exif = Image.Exif()
    exif[0x0112] = 6
    late = png_chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    yield "orientation-late.png", png(height, width, 8, 2, [r.tobytes() for r in array], after_data=late)


def lossy_formats():
    """(name, file) of every kind whose decoders may differ."""
    rgb = Image.fromarray(pictures.landscape(97, 131))
    rgba = rgb.copy()
    rgba.putalpha(Image.fromarray(pattern(97, 131, 1)[..., 0]))
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        yield f"{name}.jpg", saved(rgb, "JPEG", quality=85, subsampling=subsampling)
    yield "progressive.jpg", saved(rgb, "JPEG", quality=75, progressive=True)
    yield "restarts.jpg", saved(rgb, "JPEG", quality=75, restart_marker_blocks=3)
    yield "coarse.jpg", saved(rgb, "JPEG", quality=10)
    yield "l.jpg", saved(rgb.convert("L"), "JPEG", quality=85)
    yield "cmyk.jpg", saved(rgb.convert("CMYK"), "JPEG", quality=90)
    yield "rgb.jpg", saved(rgb, "JPEG", quality=90, keep_rgb=True)
    small = rgb.resize((41, 27))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"orientation-{orientation}.jpg", saved(small, "JPEG", quality=95, exif=exif)
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    yield "orientation-xmp.jpg", saved(small, "JPEG", quality=95, xmp=xmp)
    yield "lossy.webp", saved(rgb, "WEBP", quality=80)
    yield "lossy-alpha.webp", saved(rgba, "WEBP", quality=80)


def write_formats(out):
    (out / "formats").mkdir()
    (out / "decoded").mkdir()
    goldens = []
    for exact, formats in ((True, lossless_formats()), (False, lossy_formats())):
        for name, data in formats:
            path = out / "formats" / name
            path.write_bytes(data)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                # From memory: from a path, Pillow maps some TIFF files and turns them twice.
                image = load_image(Image.open(io.BytesIO(data)))
            goldens.append(
                {
                    "file": name,
                    "exact": exact,
                    "width": image.width,
                    "height": image.height,
                    "checksum": checksum(np.asarray(image)),
                }
            )
            if not exact:
                image.save(out / "decoded" / f"{name}.png", optimize=True)
    write_json(out / "decoded.json", goldens)


def preprocess_cases():
    """(config, channels, [(height, width), ...])"""
    usual = [(480, 640), (346, 346), (1, 1), (300, 20), (20, 300), (601, 907), (289, 346)]
    yield ALIGN_BASE, 3, usual
    yield {}, 3, usual[:4]
    # Nothing after the resize but a plain conversion, so that every pixel can be seen.
    bare = {"do_center_crop": False, "do_normalize": False, "include_top": False, "rescale_factor": 1.0}
    sizes = [(1, 1), (1, 60000), (60000, 1), (37, 53), (480, 640), (23, 346), (61, 1000), (1000, 47), (7, 5)]
    for resample in range(8):
        yield bare | {"resample": resample, "size": {"height": 61, "width": 47}}, 3, sizes
        yield bare | {"resample": resample, "size": {"height": 31, "width": 90}}, 1, sizes[3:5]
        yield bare | {"resample": resample, "size": {"height": 346, "width": 346}}, 3, [(2, 3), (401, 299)]
    for crop in ((10, 10), (11, 10), (61, 80), (81, 20), (100, 101), (61, 47)):
        size = {"height": crop[0], "width": crop[1]}
        yield bare | {"do_resize": False, "do_center_crop": True, "crop_size": size}, 3, [(61, 47), (60, 48)]
    shapes = [(37, 53), (53, 37), (40, 40), (33, 100), (100, 33)]
    for size in (
        29,
        [29, 31],
        {"shortest_edge": 29},
        {"shortest_edge": 40},
        {"shortest_edge": 29, "longest_edge": 45},
        {"shortest_edge": 37, "longest_edge": 37},
        {"max_height": 29, "max_width": 61},
    ):
        yield bare | {"size": size}, 3, shapes
    yield bare | {"size": 29, "default_to_square": False}, 3, shapes
    small = {"size": {"height": 19, "width": 23}, "resample": 2}
    for rescale in ({}, {"do_rescale": False}, {"rescale_offset": True}, {"rescale_factor": 0.00784313725490196, "rescale_offset": True}):
        for normalize in (True, False):
            for top in (True, False):
                yield small | rescale | {"do_normalize": normalize, "include_top": top}, 3, [(37, 53)]
    yield small | {"image_mean": 0.3, "image_std": 0.7}, 3, [(37, 53)]
    yield small | {"image_mean": [0.3], "image_std": 0.7}, 1, [(37, 53)]


def write_pixel_values(out):
    goldens = []
    for config, channels, sizes in preprocess_cases():
        processor = EfficientNetImageProcessorPil(**{k: v for k, v in config.items() if k != "image_processor_type"})
        cases = []
        for height, width in sizes:
            array = pattern(height, width, channels, seed=channels)
            image = Image.fromarray(array[..., 0] if channels == 1 else array)
            values = processor(image, return_tensors="np")["pixel_values"][0]
            values = values.astype(np.float32)
            assert values.shape[0] == channels, values.shape
            cases.append(
                {
                    "height": height,
                    "width": width,
                    "shape": list(values.shape),
                    "checksum": checksum(values),
                    "first": [float(v) for v in values.ravel()[:4]],
                }
            )
        goldens.append({"config": config, "channels": channels, "cases": cases})
    write_json(out / "pixel_values.json", goldens)
    # One whole array, for when a checksum differs and one wants to see where.
    processor = EfficientNetImageProcessorPil(size={"height": 19, "width": 23}, resample=2)
    image = Image.fromarray(pattern(37, 53, 3, seed=3))
    np.save(out / "pixel_values.npy", processor(image, return_tensors="np")["pixel_values"][0])


TOKENIZERS = {
    "bert-uncased": {"do_lower_case": True},
    "bert-cased": {"do_lower_case": False},
    "bert-uncased-accents": {"do_lower_case": True, "strip_accents": False},
    "bert-cased-stripped": {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False},
}


def tokenizer_config(**options):
    return {"tokenizer_class": "BertTokenizer", "model_max_length": 512, **options}


def write_texts(out):
    texts = processor_texts.texts()
    write_json(out / "texts.json", texts)

    words = {}
    for lower in (True, False):
        tokenizer = BertTokenizer(do_lower_case=lower)._tokenizer
        for text in texts:
            for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text)):
                words[word] = words.get(word, 0) + 1
    vocab = processor_texts.vocabulary(words)
    ids = {}
    for name, options in TOKENIZERS.items():
        folder = out / name
        folder.mkdir()
        (folder / "vocab.txt").write_text("\n".join(vocab) + "\n", encoding="utf-8", newline="\n")
        write_json(folder / "tokenizer_config.json", tokenizer_config(**options))
        tokenizer = AutoTokenizer.from_pretrained(folder)
        assert len(tokenizer) == len(vocab), (len(tokenizer), len(vocab))
        ids[name] = tokenizer(texts)["input_ids"]
    write_json(out / "token_ids.json", ids)
    return out / "bert-uncased"


def write_layouts(out, tokenizer_folder):
    """A checkpoint folder's processor files as published, and as transformers 5 saves them."""
    legacy = out / "legacy"
    shutil.copytree(tokenizer_folder, legacy)
    write_json(legacy / "preprocessor_config.json", ALIGN_BASE)
    image_processor = EfficientNetImageProcessorPil.from_pretrained(legacy)
    processor = AlignProcessor(image_processor, AutoTokenizer.from_pretrained(legacy))
    nested = out / "nested"
    processor.save_pretrained(nested)
    captions = ["a photo of a cat", "a photo of two dogs sitting on the naïve grass", "猫"]
    tokenizer = processor.tokenizer
    long = " ".join(["unaffable"] * 70)
    batches = {
        "default": dict(processor(text=captions)),
        "longest": dict(processor(text=captions, padding="longest")),
        "truncated": dict(tokenizer([*captions, long], padding="max_length", max_length=8, truncation=True)),
        "long": {"text": long, "tokens": len(tokenizer(long)["input_ids"])},
    }
    # The same tokenizer, last used with other settings: ids stay, the processor's defaults do not.
    settings = out / "settings"
    shutil.copytree(nested, settings)
    path = settings / "tokenizer.json"
    content = json.loads(path.read_text())
    content["truncation"] = {"direction": "Right", "max_length": 9, "strategy": "LongestFirst", "stride": 0}
    content["padding"] = {
        "strategy": {"Fixed": 11},
        "direction": "Left",
        "pad_to_multiple_of": None,
        "pad_id": 3,
        "pad_type_id": 0,
        "pad_token": "[UNK]",
    }
    # A normaliser that tokenizer_config.json contradicts.
    content["normalizer"]["lowercase"] = False
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    processor = AlignProcessor.from_pretrained(settings)
    batches["settings"] = dict(processor(text=["a photo", "Cat"]))
    write_json(out / "batches.json", {"texts": captions, **batches})


def main():
    fixtures = Path(sys.argv[1])
    out = fixtures / "processor"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    write_formats(out)
    write_pixel_values(out)
    write_layouts(out, write_texts(out))


if __name__ == "__main__":
    main()
