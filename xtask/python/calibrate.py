"""Remakes the calibration tables of the synthetic models: `calibrate.py MODEL...`.

One pass of test images; before each normalisation runs, the mean and variance of its convolution's input are measured
and its statistics set from them, so that later layers see what they will see in use.
"""

import sys

import numpy as np
import torch

import oracle
import synth

SEEDS = range(4)
IMAGES = 4
# The first block of a stage starts a trunk this much wider than a residual block adds to it.
TRUNK = 4.0


def measure(model, seed):
    """{normalisation: (mean, own variance, shared variance)} of one seed's weights, each layer seeing sound inputs."""
    all_shapes = synth.shapes(model)
    names = [name.rsplit(".", 1)[0] for name in all_shapes if name.endswith("running_mean")]
    built = synth.load(model, seed, layer={name: (0.0, 1.0, 0.0) for name in names})
    modules = dict(built.named_modules())
    starts = {
        f"vision_model.encoder.blocks.{index}.projection.project_bn"
        for index, block in enumerate(built.vision_model.encoder.blocks)
        if not block.projection.apply_dropout
    }
    table = {}

    def watch(norm):
        parent, last = norm.rsplit(".", 1)
        convolution = modules[f"{parent}.{synth.CONVOLUTIONS[last]}".removesuffix(".weight")]

        def model_statistic(kind, *entry):
            return synth.fill(f"{norm}.{kind}", all_shapes, seed, {norm: entry})

        def measure_input(_, args):
            table[norm] = args[0].mean().item()

        def normalise(module, args):
            mean = table[norm]
            centre = model_statistic("running_mean", mean, 0.0, 0.0)
            spread = (args[0] - torch.from_numpy(centre)[:, None, None]).square().mean((0, 2, 3)).double().numpy()
            own = model_statistic("running_var", 0.0, 1.0, 0.0).astype(np.float64)
            shared = model_statistic("running_var", 0.0, 0.0, 1.0).astype(np.float64)
            fit = non_negative_fit(np.stack([own / spread, shared / spread], 1), np.ones_like(spread))
            # The fit is relative; scaled so that the channels' variance is one on average.
            fit = fit * (spread / (fit[0] * own + fit[1] * shared)).mean()
            table[norm] = (mean, *fit / (TRUNK**2 if norm in starts else 1.0))
            module.running_mean.copy_(torch.from_numpy(centre))
            module.running_var.copy_(torch.from_numpy(model_statistic("running_var", *table[norm])))

        convolution.register_forward_pre_hook(measure_input)
        modules[norm].register_forward_pre_hook(normalise)

    for name in names:
        watch(name)
    vision = built.config.vision_config
    pixels = synth.images(seed, IMAGES, vision.num_channels, vision.image_size)
    with torch.no_grad():
        built.get_image_features(torch.from_numpy(pixels))
    return table


def non_negative_fit(matrix, target):
    """Least squares of two columns with coefficients that are not negative."""
    fit = np.linalg.lstsq(matrix, target, rcond=None)[0]
    if (fit >= 0).all():
        return fit
    alone = [column @ target / (column @ column) for column in matrix.T]
    candidates = [np.array([alone[0], 0.0]), np.array([0.0, alone[1]])]
    return min(candidates, key=lambda fit: np.square(matrix @ fit - target).sum())


def main():
    oracle.prepare()
    for model in sys.argv[1:]:
        tables = [measure(model, seed) for seed in SEEDS]
        lines = ["# normalisation; mean, own and shared variance of the input of its convolution"]
        for name in sorted(tables[0]):
            mean, own, shared = np.mean([table[name] for table in tables], axis=0)
            # Four digits are the same on any machine, and more would say nothing.
            lines.append(f"{name} {mean:.4g} {own:.4g} {shared:.4g}")
        (synth.TABLES / f"{model}.calibration.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
