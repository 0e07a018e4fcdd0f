"""What every golden script shares: running the oracle in f64 and f32, and storing both.

The f64 run is the truth. The f32 run of the same weights gives the scale of an honest f32 error,
stored beside the truth as `err.<name>` (largest absolute difference) and `rms.<name>` (root mean square).
"""

import contextlib
import copy
import os
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import logging
from transformers.models.align import modeling_align

# A tensor is well conditioned when the oracle's f32 error is below this share of its largest value.
CONDITIONING = 1e-5


def prepare():
    """One thread, so that sums come in one order and a golden is remade to the bit; no progress chatter."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def attention_in_input_precision(module, query, key, value, attention_mask, scaling, dropout=0.0, **_):
    """Softmax attention that never leaves the precision of its input (the oracle's own drops to f32)."""
    scores = query @ key.transpose(-1, -2) * scaling
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = scores.softmax(dim=-1)
    return (weights @ value).transpose(1, 2).contiguous(), weights


@contextlib.contextmanager
def f64_attention():
    """The eager attention of the oracle replaced by one that keeps f64."""
    original = modeling_align.eager_attention_forward
    modeling_align.eager_attention_forward = attention_in_input_precision
    try:
        yield
    finally:
        modeling_align.eager_attention_forward = original


def run_both(model, call):
    """`call(model, dtype) -> {name: tensor}` in f32, then on the same weights widened to f64.

    Returns `{name: (f64 array, f32 array)}`.
    """
    model.eval()
    with torch.no_grad():
        wide = copy.deepcopy(model).double()
        narrow = call(model, torch.float32)
        with f64_attention():
            truth = call(wide, torch.float64)
    assert narrow.keys() == truth.keys()
    for name, tensor in truth.items():
        assert tensor.dtype == torch.float64 and narrow[name].dtype == torch.float32, name
        assert torch.isfinite(tensor).all(), f"{name} is not finite"
    return {name: (truth[name].numpy(), narrow[name].numpy()) for name in truth}


def with_errors(name, truth, narrow):
    """The stored form of one output: truth, `err.` and `rms.`; asserts that it is well conditioned."""
    difference = np.abs(narrow.astype(np.float64) - truth)
    worst, rms = difference.max(), np.sqrt(np.mean(difference**2))
    scale = np.abs(truth).max()
    assert worst <= CONDITIONING * scale, f"{name}: f32 error {worst:.3e} at scale {scale:.3e}"
    return {
        name: truth,
        f"err.{name}": np.float64(worst),
        f"rms.{name}": np.float64(rms),
    }


def save_atomically(tensors, path, metadata=None):
    """Writes safetensors beside `path`, then renames, so that a golden is whole or absent."""
    path = Path(path)
    temporary = path.with_suffix(".tmp")
    arrays = {name: np.array(value, order="C") for name, value in tensors.items()}
    save_file(arrays, temporary, metadata=metadata)
    os.replace(temporary, path)
