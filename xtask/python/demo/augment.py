"""Pictures of emoji at random places, sizes and angles, in random colours, before random backgrounds."""

import math

import torch
import torch.nn.functional as F


class Augment:
    """Draws batches of emoji as training sees them, f32 [N, 3, size, size] in -1..1, as the processor's pixel values."""

    # Width of the emoji as a share of the picture's.
    SCALES = (0.4, 1.05)
    # Above 1, more are small.
    SMALLNESS = 1.0
    # The shares of shaded, clouded, striped and spotted backgrounds, and of mosaics; the others are plain.
    BACKGROUNDS = (0.12, 0.15, 0.18, 0.25, 0.0)
    # Most pictures turn by up to the first, the others by up to the second, in degrees.
    ANGLES = (18.0, 38.0)

    def __init__(self, pictures: torch.Tensor, seed: int):
        """`pictures`: u8 [M, 4, S, S], colours multiplied by alpha."""
        self.fine = pictures
        # Half the size, for small drawings: sampling the fine ones there would skip pixels.
        self.coarse = F.avg_pool2d(pictures.float(), 2).round().to(torch.uint8)
        self.generator = torch.Generator()
        self.seed(seed)

    def seed(self, seed: int):
        """What is drawn from here on depends on `seed` alone."""
        self.generator.manual_seed(seed)

    def batch(self, rows: torch.Tensor, size: int) -> torch.Tensor:
        """The emoji of `rows`, each drawn at random."""
        n = len(rows)
        low, high = self.SCALES
        scale = low + (high - low) * self._uniform(n, 0, 1) ** self.SMALLNESS
        fine = scale * size > 0.6 * self.fine.shape[-1]
        grid = self._grid(scale, size)
        layer = torch.empty(n, 4, size, size)
        for pictures, chosen in ((self.fine, fine), (self.coarse, ~fine)):
            if chosen.any():
                drawn = pictures[rows[chosen]].float().div_(255)
                layer[chosen] = F.grid_sample(drawn, grid[chosen], mode="bilinear", align_corners=False)
        colour, alpha = layer[:, :3], layer[:, 3:]
        colour = self._tint(colour, alpha)
        picture = colour + self._background(n, size) * (1 - alpha)
        picture = self._blur(picture)
        noise = self._uniform(n, 0, 0.03).view(n, 1, 1, 1)
        picture = picture + torch.randn(picture.shape, generator=self.generator) * noise
        return picture.clamp_(0, 1).mul_(2).sub_(1).contiguous(memory_format=torch.channels_last)

    def _grid(self, scale, size):
        """Where each pixel of the output lies in the picture of the emoji."""
        n = len(scale)
        angle = self._uniform(n, -1, 1) * torch.where(self._chance(n, 0.7), *self.ANGLES) * (math.pi / 180)
        aspect = self._uniform(n, -0.12, 0.12).exp()
        shear = self._uniform(n, -0.1, 0.1)
        room = (1.08 - scale).clamp_min(0.06)
        shift_x, shift_y = self._uniform(n, -1, 1) * room, self._uniform(n, -1, 1) * room
        cos, sin = angle.cos() / scale, angle.sin() / scale
        matrix = torch.stack(
            [
                torch.stack([cos * aspect, (sin + shear * cos) * aspect], 1),
                torch.stack([-sin / aspect, (cos - shear * sin) / aspect], 1),
            ],
            1,
        )
        offset = -(matrix @ torch.stack([shift_x, shift_y], 1).unsqueeze(2))
        return F.affine_grid(torch.cat([matrix, offset], 2), (n, 1, size, size), align_corners=False)

    def _tint(self, colour, alpha):
        """Brightness, contrast, saturation and a slight cast; `colour` is multiplied by `alpha`."""
        n = len(colour)
        gray = colour.mean(1, keepdim=True)
        colour = gray + (colour - gray) * self._uniform(n, 0.75, 1.3).view(n, 1, 1, 1)
        gain = self._uniform(n, 0.8, 1.15).view(n, 1, 1, 1) * self._uniform(n * 3, 0.93, 1.07).view(n, 3, 1, 1)
        return (colour * gain + alpha * self._uniform(n, -0.06, 0.06).view(n, 1, 1, 1)).clamp_(0, 1).minimum(alpha)

    def _background(self, n, size):
        """Plain, shaded, clouded, striped and spotted backgrounds, and mosaics, [N, 3, size, size]."""
        first, second, third = self._colours(n), self._colours(n), self._colours(n)
        kind = torch.rand(n, generator=self.generator)
        mix = torch.zeros(n, 1, size, size)
        bounds = torch.tensor([1 - sum(self.BACKGROUNDS), *self.BACKGROUNDS]).cumsum(0)
        shaded, clouded, striped, spotted, mosaic = torch.bucketize(kind, bounds, right=True) == torch.arange(1, 6).view(5, 1)
        angle = self._uniform(n, 0, 2 * math.pi).view(n, 1, 1)
        line = torch.linspace(-0.7, 0.7, size)
        across = angle.cos() * line.view(1, 1, -1) + angle.sin() * line.view(1, -1, 1)
        mix[shaded] = (across[shaded] + 0.5).clamp(0, 1).unsqueeze(1)
        mix[clouded] = self._clouds(int(clouded.sum()), size).clamp_(0, 1)
        waves = self._uniform(n, 2, 14).view(n, 1, 1)
        mix[striped] = ((across * waves * 2 * math.pi).sin() > 0)[striped].float().unsqueeze(1)
        mix[spotted] = (self._clouds(int(spotted.sum()), size) > 0.5).float()
        background = first + (second - first) * mix
        # A third colour in spots upon the two.
        above = (self._clouds(int(spotted.sum()), size) > 0.6).float()
        background[spotted] += (third[spotted] - background[spotted]) * above
        if mosaic.any():
            background[mosaic] = self._mosaics(int(mosaic.sum()), size)
        return background

    def _mosaics(self, n, size):
        """Cells around random points, each in a colour of its own, [N, 3, size, size]."""
        cells = int(torch.randint(4, 20, (1,), generator=self.generator))
        points = self._uniform(n * cells * 2, -1, 1).view(n, cells, 2, 1, 1)
        line = torch.linspace(-1, 1, size)
        distance = (points[:, :, 0] - line.view(1, -1)) ** 2 + (points[:, :, 1] - line.view(-1, 1)) ** 2
        cell = distance.argmin(1).flatten(1).unsqueeze(1).expand(n, 3, size * size)
        colours = self._colours(n * cells).view(n, cells, 3).transpose(1, 2)
        return colours.gather(2, cell).view(n, 3, size, size)

    def _clouds(self, n, size):
        """Smooth noise of one random coarseness, about 0..1, [N, 1, size, size]."""
        cells = int(torch.randint(3, 15, (1,), generator=self.generator))
        noise = torch.rand(n, 1, cells, cells, generator=self.generator)
        return F.interpolate(noise, size=(size, size), mode="bicubic") if n else noise.new_zeros(0, 1, size, size)

    def _colours(self, n):
        """A colour for each, often white, sometimes near black, [N, 3, 1, 1]."""
        colours = torch.rand(n, 3, generator=self.generator)
        colours[self._chance(n, 0.3)] = 1.0
        dark = self._chance(n, 0.1)
        colours[dark] *= 0.15
        return colours.view(n, 3, 1, 1)

    def _blur(self, picture):
        """A soft picture in one of four cases."""
        soft = self._chance(len(picture), 0.25)
        if soft.any():
            picture[soft] = F.avg_pool2d(F.pad(picture[soft], (1, 1, 1, 1), mode="replicate"), 3, 1)
        return picture

    def _uniform(self, n, low, high):
        return torch.rand(n, generator=self.generator) * (high - low) + low

    def _chance(self, n, probability):
        return torch.rand(n, generator=self.generator) < probability


class WiderAugment(Augment):
    """More small emoji, and busier backgrounds."""

    SMALLNESS = 1.5
    BACKGROUNDS = (0.10, 0.12, 0.13, 0.20, 0.20)


class ClutteredAugment(WiderAugment):
    """Still more small emoji, many before large pieces of others."""

    SMALLNESS = 2.0

    def _background(self, n, size):
        background = super()._background(n, size)
        cluttered = self._chance(n, 0.4)
        background[cluttered] = self._pieces(background[cluttered])
        return background

    def _pieces(self, background):
        """Two emoji upon each other and `background`, turned and mostly beyond the frame."""
        n = len(background)
        for _ in range(2):
            rows = torch.randint(len(self.fine), (n,), generator=self.generator)
            angle, scale = self._uniform(n, 0, 2 * math.pi), self._uniform(n, 1.5, 3.5)
            cos, sin = angle.cos() / scale, angle.sin() / scale
            shift = self._uniform(2 * n, -0.8, 0.8).view(2, n)
            matrix = torch.stack([torch.stack([cos, sin, shift[0]], 1), torch.stack([-sin, cos, shift[1]], 1)], 1)
            grid = F.affine_grid(matrix, background[:, :1].shape, align_corners=False)
            piece = F.grid_sample(self.fine[rows].float().div_(255), grid, mode="bilinear", align_corners=False)
            background = piece[:, :3] + background * (1 - piece[:, 3:])
        return background


class Unfamiliar(Augment):
    """Smaller and more turned emoji, before backgrounds of kinds that training never shows."""

    SCALES = (0.36, 0.55)
    ANGLES = (35.0, 45.0)

    def _background(self, n, size):
        """Checkers, dots, rings and heaps of rectangles, [N, 3, size, size]."""
        first, second = self._colours(n), self._colours(n)
        line = torch.linspace(-1, 1, size)
        x, y = line.view(1, 1, -1), line.view(1, -1, 1)
        waves = self._uniform(n, 2, 7).view(n, 1, 1) * math.pi
        centre_x, centre_y = self._uniform(n, -1, 1).view(n, 1, 1), self._uniform(n, -1, 1).view(n, 1, 1)
        distance = ((x - centre_x) ** 2 + (y - centre_y) ** 2).sqrt()
        across, down = (x * waves).sin(), (y * waves).sin()
        kinds = torch.stack([(across * down > 0).float(), (across * down > 0.5).float(), (distance * waves).sin().mul(0.5).add(0.5)])
        kind = torch.randint(4, (n,), generator=self.generator)
        mix = kinds[kind.clamp(max=2), torch.arange(n)].unsqueeze(1)
        background = first + (second - first) * mix
        for row in (kind == 3).nonzero().flatten().tolist():
            background[row] = self._heap(size)
        return background

    def _heap(self, size):
        """Rectangles of random colours upon each other, [3, size, size]."""
        heap = self._colours(1)[0].expand(3, size, size).clone()
        for _ in range(12):
            top, left, height, width = (torch.rand(4, generator=self.generator) * size * 0.8).int().tolist()
            heap[:, top : top + height, left : left + width] = self._colours(1)[0]
        return heap
