"""One phase of the training: its steps, from where a stopped run left them."""

import math
import os
import time
from pathlib import Path

import torch
from torch import nn

import recipe

SAVE_EVERY = 25


class Phase:
    """Some parameters of a model, trained on one loss. A phase defines `loss`, and may define `prepare` and `rate`."""

    name: str
    steps: int

    def __init__(self, model: nn.Module, rates: list[tuple[list[nn.Parameter], float]]):
        """`rates`: the parameters that are trained, and their highest learning rates. The other parameters stay."""
        self.model = model
        self.parameters = [parameter for parameters, _ in rates for parameter in parameters]
        self.optimizer = torch.optim.AdamW(_groups(rates), betas=(0.9, 0.98), fused=True)

    def prepare(self):
        """What is computed once, before the first step of a run that has any."""

    def loss(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss of a step, and the logits of captions by pictures, whose right ones are on the diagonal."""
        raise NotImplementedError

    def rate(self, step: int) -> float:
        """The learning rate of a step as a share of the highest."""
        return cooled(step, self.steps, recipe.LEVEL_PART, recipe.WARM_UP_STEPS)

    def run(self, work: Path):
        """All steps; `work` keeps the state, which a run that comes after goes on from."""
        state_file = work / f"{self.name}.pt"
        first = self._resume(state_file)
        if first < self.steps:
            self.prepare()
        started, mean_loss = time.time(), None
        for step in range(first, self.steps):
            for group in self.optimizer.param_groups:
                group["lr"] = group["highest"] * self.rate(step)
            loss, logits = self.loss(step)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters, recipe.LARGEST_GRADIENT)
            self.optimizer.step()
            with torch.no_grad():
                self.model.temperature.clamp_(min=recipe.LOWEST_TEMPERATURE)
            mean_loss = loss.item() if mean_loss is None else 0.98 * mean_loss + 0.02 * loss.item()
            done = step + 1
            if done % 10 == 0 or done == self.steps:
                left = (time.time() - started) / (done - first) * (self.steps - done)
                self._report(done, mean_loss, logits, left / 60)
            if done % SAVE_EVERY == 0 or done == self.steps:
                self._save(state_file, done)

    def _report(self, done, loss, logits, minutes):
        right = (logits.argmax(0) == torch.arange(logits.shape[1])).float().mean()
        print(
            f"{self.name}: step {done}/{self.steps} loss {loss:.3f} right {right:.3f} "
            f"temperature {self.model.temperature.item():.4f} {minutes:.1f} min left",
            flush=True,
        )

    def _save(self, state_file, done):
        state = {"step": done, "steps": self.steps, "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        torch.save(state, state_file.with_suffix(".tmp"))
        os.replace(state_file.with_suffix(".tmp"), state_file)

    def _resume(self, state_file):
        """The step to go on from."""
        if not state_file.exists():
            return 0
        state = torch.load(state_file, weights_only=True)
        if state["steps"] != self.steps:
            raise SystemExit(f"{state_file}: of a run of {state['steps']} steps, not {self.steps}; remove it to start anew")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        print(f"{self.name}: going on from step {state['step']}", flush=True)
        return state["step"]


def cooled(step: int, steps: int, level: float, warm_up: int) -> float:
    """A linear warm-up, then level for a part of the steps, then half a cosine to zero."""
    warm = min(1.0, (step + 1) / warm_up)
    cool = max(0.0, (step - int(level * steps)) / (steps - int(level * steps)))
    return warm * 0.5 * (1 + math.cos(math.pi * cool))


def batch_rows(emoji_count: int, step: int) -> torch.Tensor:
    """The emoji of a step: by turns scattered, and in runs of neighbours, which must be told apart by details."""
    steps_of_epoch = emoji_count // recipe.BATCH
    epoch, position = divmod(step, steps_of_epoch)
    generator = torch.Generator().manual_seed(recipe.SEED + epoch)
    run = recipe.RUN if epoch % 2 else 1
    shift = int(torch.randint(emoji_count, (1,), generator=generator))
    order = (torch.arange(emoji_count) + shift) % emoji_count
    runs = order[: emoji_count // run * run].view(-1, run)
    runs = runs[torch.randperm(len(runs), generator=generator)].flatten()
    return runs[position * recipe.BATCH : (position + 1) * recipe.BATCH]


def _groups(rates):
    """Groups for AdamW; nothing but matrices and kernels decays."""
    for parameters, highest in rates:
        decayed = [parameter for parameter in parameters if parameter.ndim > 1]
        kept = [parameter for parameter in parameters if parameter.ndim <= 1]
        yield {"params": decayed, "weight_decay": recipe.WEIGHT_DECAY, "highest": highest}
        yield {"params": kept, "weight_decay": 0.0, "highest": highest}
