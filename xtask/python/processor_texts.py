"""Strings that try every rule of BERT's tokenizer, and a small vocabulary for them."""

import random
import unicodedata

# A word or two of many scripts: what people caption pictures with.
WORDS = """
a the of cat dog photo picture two red blue sitting on grass running mountain sunset city street night lake café naïve
Zürich Straße STRASSE Ångström façade Crème brûlée résumé El Niño jalapeño smörgåsbord Łódź Đà Nẵng İstanbul ISTANBUL
ırmak Ærø œuvre ﬁnal ﬂower Ǆungla ŉ ß ẞ ſtill K Å Ω µm ½ ² ₂ № ™ ℃ Ⅷ ①
кошка Собака ЁЖИК ёжик Україна їжак фотография σκύλος Γάτα ΦΩΤΟΓΡΑΦΊΑ Ὀδυσσεύς
猫 犬 写真 東京タワー ネコ ﾈｺ ひらがな がぎぐげご 中文测试 繁體字 𠀀𠀁 㐀 豈 々 〆 〇 한국어 강아지 사진 ㄱㄴㄷ
שלום כֶּלֶב תמונה قطة صُورَة كلب۱۲۳ فارسی می‌خواهم گربه اردو
कुत्ता बिल्ली की फ़ोटो বিড়াল தமிழ் పిల్లి ಕನ್ನಡ മലയാളം ਪੰਜਾਬੀ ગુજરાતી සිංහල แมวน่ารัก ພາສາລາວ မြန်မာ ខ្មែរ བོད་ཡིག
ქართული ᲥᲐᲠᲗᲣᲚᲘ հայերեն ՀԱՅԵՐԵՆ አማርኛ ᏣᎳᎩ ᮞᮥᮔ᮪ᮓ ᠮᠣᠩᠭᠣᠯ ⵜⵉⴼⵉⵏⴰⵖ 𐍈 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ＦＵＬＬＷＩＤＴＨ ｆｕｌｌ
don't can't it's rock'n'roll e-mail state-of-the-art 3.14 1,000 $5 €10 50% #tag @user C++ f(x)=y² a/b \\n <b> & | ~ ^ `
hello world unaffable playing embedding tokenization photographs photographer 2024 007 x86 mp3
""".split()

EMOJI = "😀 😺 🐶 👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 ❤️ ☃ ✈︎ 🧑🏿‍🚀 1️⃣ ⌚️ 🫠".split()

# Every kind of space that Unicode has, and what only looks like one or like nothing.
SPACES = " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
INVISIBLE = "\0\x01\x07\x08\x1b\x7f\x80\x9f\xad\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2066\ufe0f\ufeff\ufffc\ufffd\ufff9\U000e0001\U000e0100\ue000\U000f0000"
COMBINING = "\u0300\u0301\u0308\u0323\u0327\u0338\u0345\u0483\u05b0\u064b\u0651\u093c\u09bc\u0e31\u0f71\u1ab0\u20d0\u20e3\u3099\ufe20\U0001d165"
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡§«¶·»¿‐–—‘’“”†•…‰′‹›‽⁄⁇€₿∀∑√∞≠⟨⟩、。「」〜・！，．？｡؟،٪।॥፠᙮⸮︙﹏𐄀"
SPECIAL = ["[CLS]", "[SEP]", "[PAD]", "[MASK]", "[UNK]", "[cls]", "a[SEP]b", "[ MASK ]", "[unused1]", "##ing", "[[PAD]]"]


def texts():
    """At least 1,000 strings, always the same."""
    rng = random.Random(7)
    out = ["", " ", "a photo of a cat", "a photo of a dog", "This is a photo of {}.", "[PAD]"]
    out += WORDS + EMOJI + SPECIAL
    out += [unicodedata.normalize(form, w) for form in ("NFD", "NFKC") for w in WORDS if not w.isascii()]
    out += [w.upper() for w in WORDS if not w.isascii()] + [w.title() for w in WORDS if not w.isascii()]
    out += [f"a{c}b {c}" for c in SPACES + INVISIBLE + COMBINING + PUNCTUATION]
    out += ["x" * n for n in (99, 100, 101, 300)] + ["é" * 100, "e\u0301" * 100, "猫" * 120, "ab-" * 40, "𝔘" * 101]
    out += ["e" + "\u0301" * 30, "\u0301" * 5, "\u200d".join("猫犬"), "ｶﾞ", "각", "\u1100\u1161\u11a8"]
    # Edges of the CJK blocks that get spaces around them, and their neighbours.
    edges = [0x4E00, 0x9FFF, 0x3400, 0x4DBF, 0x20000, 0x2A6DF, 0x2A700, 0x2B73F, 0x2B740, 0x2B81F, 0x2B820, 0x2CEAF]
    edges += [0xF900, 0xFAFF, 0x2F800, 0x2FA1F, 0x30000, 0x3040, 0x30FF, 0xAC00]
    out += [f"a{chr(c)}b" for edge in edges for c in (edge - 1, edge, edge + 1)]
    while len(out) < 1400:
        parts = []
        for _ in range(rng.randint(1, 9)):
            kind = rng.random()
            if kind < 0.62:
                word = rng.choice(WORDS)
                parts.append(rng.choice([word, word, word.upper(), word.title(), word.swapcase()]))
            elif kind < 0.70:
                parts.append(rng.choice(EMOJI))
            elif kind < 0.76:
                parts.append(rng.choice(SPECIAL))
            elif kind < 0.86:
                parts.append(rng.choice(PUNCTUATION) * rng.randint(1, 3))
            elif kind < 0.92:
                parts.append(rng.choice("aeiouncszgyAEIOU") + rng.choice(COMBINING) * rng.randint(1, 2))
            elif kind < 0.96:
                parts.append(rng.choice(INVISIBLE))
            else:
                # Any assigned character at all.
                parts.append(chr(rng.choice([c for c in (rng.randrange(0x20, 0x1FFFF) for _ in range(9)) if not 0xD800 <= c < 0xE000])))
        out.append("".join(p + rng.choice([" ", " ", "", rng.choice(SPACES)]) for p in parts))
    return out


def vocabulary(words, size=3500):
    """WordPiece tokens, one per line of vocab.txt: specials, characters, then frequent pieces of `words`.

    `words` are normalised, pre-tokenised words with their counts.
    """
    specials = ["[PAD]", "[unused0]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    counts = {}
    for word, count in words.items():
        for start in range(min(len(word), 20)):
            for end in range(start + 1, min(len(word), start + 12) + 1):
                piece = ("##" if start else "") + word[start:end]
                counts[piece] = counts.get(piece, 0) + count * (end - start)
    # A third of the rare characters stay unknown, so that [UNK] is met too.
    singles = sorted(p for p in counts if len(p.removeprefix("##")) == 1)
    singles = [p for i, p in enumerate(singles) if i % 3 or p.isascii()]
    pieces = sorted((p for p in counts if len(p.removeprefix("##")) > 1), key=lambda p: (-counts[p], p))
    tokens = specials + singles + pieces
    tokens = [t for t in dict.fromkeys(tokens) if not any(c in "\r\n" for c in t)]
    return tokens[:size]
