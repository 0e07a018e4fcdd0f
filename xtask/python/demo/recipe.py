"""The shape of the demo model and how it is trained."""

from transformers import AlignConfig

SEED = 20_230_601
# Emoji of one step; no emoji comes twice.
BATCH = 464
# In every second epoch a batch is made of runs of so many neighbours, which are alike.
RUN = 58
# Captions of an emoji in one step: the loss is the mean over them, and the pictures, which cost most, are embedded once.
CAPTIONS = 2
# The captions of a step are embedded in so many parts.
TEXT_PARTS = 6
# Side of the square that every picture becomes.
IMAGE_SIZE = 64
# Side of the squares that the first part of the training sees, and that part: a step costs half as much. The learning
# rate falls in the second part alone, so that a run can be shortened or prolonged while it is in the first.
SMALL_SIZE, SMALL_PART = 48, 0.65
# Side of the cached emoji that training draws.
CACHED_SIZE = 72
VOCABULARY = 6000

# The second phase. So many captions of every emoji are embedded for it.
WIDER_STEPS, WIDER_LEARNING_RATE, WIDER_CAPTIONS = 1500, 6e-4, 20

# The third phase. Its text tower is new, the picture tower keeps its first blocks, up to maps of 8 x 8, and embeds so many
# views of every emoji.
MEANING_STEPS, MEANING_VOCABULARY = 4400, 7000
EARLY_BLOCKS, VIEWS, LATE_LEARNING_RATE = 4, 80, 1e-3
# What part of the taught texts are words, and short ones; and how sharply the senses tell emoji apart.
LEXICON_SHARES, TEACHER_TEMPERATURE = (0.6, 0.25), 0.05
# The fourth phase, how many taught texts are beside the captions of its steps, and the captions' weight beside them.
MEETING_STEPS, TAUGHT, CAPTION_WEIGHT = 1500, 2 * BATCH, 1.5
# The fifth phase, and how far its weights, from those before it, become the model's.
CLUTTER_STEPS, CLUTTER_PART = 650, 0.875
# The part of the steps at the highest learning rate.
LEVEL_PART = 0.3

LEARNING_RATE, WEIGHT_DECAY, WARM_UP_STEPS = 2e-3, 0.05, 100
# PyTorch's meaning: the share of the new batch. The config's 0.99 is Keras', the share of the old.
BATCH_NORM_MOMENTUM = 0.1
LARGEST_GRADIENT = 1.0
# Below it, the smoothed labels of the loss pull no more.
LOWEST_TEMPERATURE = 0.01


def config(vocabulary: int) -> AlignConfig:
    """An ALIGN of 3 M parameters: five stages on maps of 16, 16, 8, 4 and 4, and three text layers."""
    text = {
        "vocab_size": vocabulary,
        "hidden_size": 192,
        "num_hidden_layers": 3,
        "num_attention_heads": 6,
        "intermediate_size": 640,
        "max_position_embeddings": 64,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    vision = {
        "image_size": IMAGE_SIZE,
        "width_coefficient": 1.0,
        "depth_coefficient": 1.0,
        "in_channels": [32, 24, 32, 64, 128],
        "out_channels": [24, 32, 64, 128, 256],
        "kernel_sizes": [3, 3, 5, 3, 5],
        "strides": [2, 1, 2, 2, 1],
        "num_block_repeats": [1, 1, 2, 3, 1],
        "expand_ratios": [1, 4, 4, 4, 4],
        "hidden_dim": 256,
        "drop_connect_rate": 0.0,
        "dropout_rate": 0.0,
    }
    return AlignConfig(text_config=text, vision_config=vision, projection_dim=256, temperature_init_value=0.07)
