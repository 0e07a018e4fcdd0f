"""The fifth phase: as the fourth, with pictures before pieces of other emoji."""

import recipe
from augment import ClutteredAugment
from meeting import Meeting


class Clutter(Meeting):
    name = "clutter"
    steps = recipe.CLUTTER_STEPS
    SHIFT = 400_000
    PICTURES = ClutteredAugment
