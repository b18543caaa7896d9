"""The denoisers of lib/model, written for PyTorch as its users would: the other side of the benchmarks."""

import math

import torch
import torch.nn.functional as F
from torch import nn


def timestep_features(t: torch.Tensor, features: int = 64) -> torch.Tensor:
    n = features // 2
    omega = torch.exp(-math.log(10_000) * torch.arange(n, dtype=torch.float32, device=t.device) / n)
    angles = t[:, None] * omega
    return torch.cat([angles.cos(), angles.sin()], 1)


class Conditioning(nn.Module):
    def __init__(self, width: int, classes: int):
        super().__init__()
        self.time_in, self.time_out = nn.Linear(64, width), nn.Linear(width, width)
        self.table = nn.Embedding(classes + 1, width)

    def forward(self, t, label):
        return F.silu(self.time_out(F.silu(self.time_in(timestep_features(t)))) + self.table(label))


class Block(nn.Module):
    def __init__(self, width: int, heads: int, ratio: int = 4):
        super().__init__()
        self.heads = heads
        self.modulation = nn.Linear(width, 6 * width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp_in, self.mlp_out = nn.Linear(width, ratio * width), nn.Linear(ratio * width, width)

    def forward(self, x, told):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(told)[:, None].chunk(6, 2)
        b, n, d = x.shape
        norm = lambda y: F.layer_norm(y, (d,), eps=1e-6)
        q, k, v = (
            self.qkv(norm(x) * (1 + scale1) + shift1).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        )
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, d)
        x = x + gate1 * self.out(attended)
        return x + gate2 * self.mlp_out(F.silu(self.mlp_in(norm(x) * (1 + scale2) + shift2)))


class DiT(nn.Module):
    def __init__(self, sample, classes, patch, width, depth, heads):
        super().__init__()
        self.sample, self.patch = sample, patch
        channels, height, columns = sample
        self.told = Conditioning(width, classes)
        self.embed = nn.Linear(channels * patch * patch, width)
        tokens = (height // patch) * (columns // patch)
        # Positions are constants there too; which ones does not matter to a clock.
        self.register_buffer("positions", torch.randn(1, tokens, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.modulation = nn.Linear(width, 2 * width)
        self.head = nn.Linear(width, channels * patch * patch)

    def forward(self, x, t, label):
        b, (c, h, w), p = x.shape[0], self.sample, self.patch
        told = self.told(t, label)
        tokens = x.view(b, c, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5).reshape(b, -1, c * p * p)
        y = self.embed(tokens) + self.positions
        for block in self.blocks:
            y = block(y, told)
        shift, scale = self.modulation(told)[:, None].chunk(2, 2)
        y = self.head(F.layer_norm(y, (y.shape[-1],), eps=1e-6) * (1 + scale) + shift)
        return y.view(b, h // p, w // p, c, p, p).permute(0, 3, 1, 4, 2, 5).reshape(b, c, h, w)


class Residual(nn.Module):
    def __init__(self, inputs: int, channels: int, told: int, groups: int):
        super().__init__()
        self.groups = groups
        self.norm1 = nn.GroupNorm(groups, inputs)
        self.modulation = nn.Linear(told, 2 * channels)
        self.conv1 = nn.Conv2d(inputs, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.short = nn.Identity() if inputs == channels else nn.Conv2d(inputs, channels, 1)

    def forward(self, x, told):
        scale, shift = self.modulation(told)[:, :, None, None].chunk(2, 1)
        y = self.conv1(F.silu(self.norm1(x)))
        return self.short(x) + self.conv2(F.silu(F.group_norm(y, self.groups) * (1 + scale) + shift))


class Level(nn.Module):
    def __init__(self, inputs, channels, told, groups, depth):
        super().__init__()
        self.blocks = nn.ModuleList(Residual(inputs if i == 0 else channels, channels, told, groups) for i in range(depth))

    def forward(self, x, told):
        for block in self.blocks:
            x = block(x, told)
        return x


class Attention(nn.Module):
    def __init__(self, channels, heads, groups):
        super().__init__()
        self.heads, self.groups = heads, groups
        self.qkv, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)

    def forward(self, x):
        b, c, h, w = x.shape
        tokens = F.group_norm(x, self.groups).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(tokens).view(b, h * w, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, h * w, c)
        return x + self.out(mixed).transpose(1, 2).reshape(b, c, h, w)


class UNet(nn.Module):
    def __init__(self, sample, classes, width, levels, depth, patch, heads, groups=8):
        super().__init__()
        channels, told = sample[0] * patch * patch, 4 * width
        at = lambda level: width * 2**level
        level = lambda inputs, i: Level(inputs, at(i), told, groups, depth)
        self.patch = patch
        self.told = Conditioning(told, classes)
        self.enter = nn.Conv2d(channels, width, 3, padding=1)
        self.down = nn.ModuleList(level(at(i), i) for i in range(levels - 1))
        self.fall = nn.ModuleList(nn.Conv2d(at(i), at(i + 1), 3, stride=2, padding=1) for i in range(levels - 1))
        self.before, self.after = level(at(levels - 1), levels - 1), level(at(levels - 1), levels - 1)
        self.attention = Attention(at(levels - 1), heads, groups) if heads else nn.Identity()
        self.rise = nn.ModuleList(nn.Conv2d(at(i + 1), 4 * at(i), 1) for i in range(levels - 1))
        self.up = nn.ModuleList(level(2 * at(i), i) for i in range(levels - 1))
        self.norm = nn.GroupNorm(groups, width)
        self.head = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, x, t, label):
        told = self.told(t, label)
        x = self.enter(F.pixel_unshuffle(x, self.patch))
        skips = []
        for down, fall in zip(self.down, self.fall):
            x = down(x, told)
            skips.append(x)
            x = fall(x)
        x = self.after(self.attention(self.before(x, told)), told)
        for i in reversed(range(len(self.up))):
            x = self.up[i](torch.cat([F.pixel_shuffle(self.rise[i](x), 2), skips[i]], 1), told)
        return F.pixel_shuffle(self.head(F.silu(self.norm(x))), self.patch)


def build(spec: dict) -> nn.Module:
    options = {k: v for k, v in spec.items() if k != "type"}
    return {"dit": DiT, "unet": UNet}[spec["type"]](**options)
