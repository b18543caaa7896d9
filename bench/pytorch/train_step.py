"""Training steps of bench/realistic.ts's models in PyTorch, to be compared with deriva's.

Started by bench/train-step.ts, which writes one contestant a line (`dit eager`) and reads back its seconds for one step:
forward, mean squared error, backward, clipping by global norm and AdamW. Nothing is installed with the project:

    python3 -m venv venv && venv/bin/pip install -r bench/pytorch/requirements.txt
    npx tsx bench/train-step.ts --python venv/bin/python
"""

import json
import math
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


def sinusoids(t, features=64):
    frequencies = torch.exp(-math.log(10000) * torch.arange(features // 2) / (features // 2))
    angles = t[:, None] * frequencies[None]
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class Conditioning(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.enter, self.leave = nn.Linear(64, width), nn.Linear(width, width)
        self.table = nn.Embedding(classes + 1, width)

    def forward(self, t, label):
        return F.silu(self.leave(F.silu(self.enter(sinusoids(t)))) + self.table(label))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        b, n, w = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, w))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.modulation = nn.Linear(width, 6 * width)
        self.attention = Attention(width, heads)
        self.enter, self.leave = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, told):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(told)[:, None].chunk(6, dim=2)
        norm = F.layer_norm(x, x.shape[-1:], eps=1e-6)
        x = x + gate1 * self.attention(norm * (1 + scale1) + shift1)
        norm = F.layer_norm(x, x.shape[-1:], eps=1e-6)
        return x + gate2 * self.leave(F.silu(self.enter(norm * (1 + scale2) + shift2)))


class DiT(nn.Module):
    def __init__(self, channels, side, patch, width, depth, heads, classes):
        super().__init__()
        self.patch, self.channels = patch, channels
        self.conditioning = Conditioning(width, classes)
        self.enter = nn.Linear(channels * patch * patch, width)
        self.register_buffer("positions", torch.randn(1, (side // patch) ** 2, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.modulation = nn.Linear(width, 2 * width)
        self.leave = nn.Linear(width, channels * patch * patch)

    def forward(self, x, t, label):
        b, c, h, w = x.shape
        p = self.patch
        told = self.conditioning(t, label)
        tokens = x.view(b, c, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5).reshape(b, -1, c * p * p)
        x = self.enter(tokens) + self.positions
        for block in self.blocks:
            x = block(x, told)
        shift, scale = self.modulation(told)[:, None].chunk(2, dim=2)
        x = self.leave(F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift)
        return x.view(b, h // p, w // p, c, p, p).permute(0, 3, 1, 4, 2, 5).reshape(b, c, h, w)


class Residual(nn.Module):
    def __init__(self, before, channels, told, groups=8):
        super().__init__()
        self.groups = groups
        self.norm = nn.GroupNorm(groups, before)
        self.conv1 = nn.Conv2d(before, channels, 3, padding=1)
        self.modulation = nn.Linear(told, 2 * channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.short = nn.Identity() if before == channels else nn.Conv2d(before, channels, 1)

    def forward(self, x, told):
        scale, shift = self.modulation(told)[:, :, None, None].chunk(2, dim=1)
        y = F.group_norm(self.conv1(F.silu(self.norm(x))), self.groups)
        return self.short(x) + self.conv2(F.silu(y * (1 + scale) + shift))


class UNet(nn.Module):
    def __init__(self, channels, patch, width, levels, depth, heads, classes, groups=8):
        super().__init__()
        told, widths = 4 * width, [width * 2**i for i in range(levels)]
        self.patch, self.groups = patch, groups
        self.conditioning = Conditioning(told, classes)
        self.enter = nn.Conv2d(channels * patch * patch, width, 3, padding=1)

        def blocks(before, after):
            return nn.ModuleList(Residual(before if i == 0 else after, after, told) for i in range(depth))

        pairs = list(zip(widths, widths[1:]))
        self.down = nn.ModuleList(blocks(w, w) for w in widths[:-1])
        self.lower = nn.ModuleList(nn.Conv2d(w, v, 3, stride=2, padding=1) for w, v in pairs)
        self.before, self.after = blocks(widths[-1], widths[-1]), blocks(widths[-1], widths[-1])
        self.attention = Attention(widths[-1], heads) if heads > 0 else None
        self.raise_ = nn.ModuleList(nn.Conv2d(v, 4 * w, 1) for w, v in pairs)
        self.up = nn.ModuleList(blocks(2 * w, w) for w in widths[:-1])
        self.norm = nn.GroupNorm(groups, width)
        self.leave = nn.Conv2d(width, channels * patch * patch, 3, padding=1)

    def forward(self, x, t, label):
        told = self.conditioning(t, label)
        x = self.enter(F.pixel_unshuffle(x, self.patch))
        skips = []
        for blocks, lower in zip(self.down, self.lower):
            for block in blocks:
                x = block(x, told)
            skips.append(x)
            x = lower(x)
        for block in self.before:
            x = block(x, told)
        if self.attention is not None:
            tokens = F.group_norm(x, self.groups).flatten(2).transpose(1, 2)
            x = x + self.attention(tokens).transpose(1, 2).reshape(x.shape)
        for block in self.after:
            x = block(x, told)
        for blocks, up, skip in reversed(list(zip(self.up, self.raise_, skips))):
            x = torch.cat([F.pixel_shuffle(up(x), 2), skip], dim=1)
            for block in blocks:
                x = block(x, told)
        return F.pixel_shuffle(self.leave(F.silu(self.norm(x))), self.patch)


# As in bench/realistic.ts: what is built, the shape of a latent, and the batch.
CASES = {
    "dit": (lambda: DiT(4, 32, 2, 384, 12, 6, 10), (4, 32, 32), 8),
    "unet": (lambda: UNet(4, 1, 128, 3, 2, 4, 10), (4, 32, 32), 8),
    "demo": (lambda: UNet(1, 2, 24, 2, 1, 0, 10), (1, 28, 28), 32),
}


def contestant(name, how):
    build, sample, batch = CASES[name]
    model = build()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    x = torch.randn(batch, *sample)
    t = torch.arange(1, batch + 1) * 1000.0 / batch
    label = torch.arange(batch) % 10
    forward = torch.compile(model) if how == "compiled" else model

    def step():
        optimizer.zero_grad()
        F.mse_loss(forward(x, t, label), x).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    step()
    return step, sum(p.numel() for p in model.parameters())


def main():
    torch.set_num_threads(int(sys.argv[1]))
    torch.manual_seed(0)
    known = {}
    for line in sys.stdin:
        key = tuple(line.split())
        if key not in known:
            known[key] = contestant(*key)
        step, parameters = known[key]
        started = time.perf_counter()
        step()
        seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "parameters": parameters}), flush=True)


main()
