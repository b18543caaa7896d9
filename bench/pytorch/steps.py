"""Training steps, plain and with rollouts, as PyTorch users write them."""

import torch
import torch.nn.functional as F


class Training:
    """Clipping, AdamW and, if asked for, a moving average of the weights."""

    def __init__(self, model, compiled, average):
        self.model = model
        self.forward = torch.compile(model) if compiled else model
        self.parameters = list(model.parameters())
        self.average = [p.detach().clone() for p in self.parameters] if average else None
        self.optimizer = torch.optim.AdamW(self.parameters, lr=1e-4, fused=True)

    def descend(self, loss):
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        if self.average is not None:
            with torch.no_grad():
                torch._foreach_lerp_(self.average, self.parameters, 1e-3)
        return loss.item()


def plain(training, batch):
    """Teacher forcing with a squared error."""
    x, t, label, velocity = batch["latents"], batch["timesteps"], batch["label"], batch["velocity"]
    return training.descend(F.mse_loss(training.forward(x, t, label), velocity))


def drifted_loss(prediction, clean, biased, latents, x0, velocity, rolled, alpha=1.0, beta1=10.0, beta2=1.0):
    """ReflexFlow: a frequency-compensated squared error plus anti-drift, the latter where samples were rolled out."""
    delta = clean - biased
    weight = 1 + alpha * delta / (delta.abs().flatten(1).sum(1).clamp_min(1e-6).view(-1, 1, 1, 1))
    squared = (weight * (prediction - velocity) ** 2).flatten(1).mean(1)
    drift = (F.normalize(prediction.flatten(1), dim=1) - F.normalize((latents - x0).flatten(1), dim=1)).square().sum(1)
    return (beta2 * squared + beta1 * drift * rolled).mean()


def noised(x0, noise, t):
    share = (t / 1000).view(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise


def one_by_one(training, batch, spans):
    """The rollout as SimpleTuner runs it: sample by sample and timestep by timestep, with a clean prediction for every sample
    and a final one for each that moved."""
    x0, noise, label, velocity = batch["x0"], batch["noise"], batch["label"], batch["velocity"]
    # Where each sample goes is known to the host; only what the model reads is on its device.
    targets, sources = spans["target"].to(x0.device), spans["source"].to(x0.device)
    latents = noised(x0, noise, targets)
    clean, biased = torch.zeros_like(x0), torch.zeros_like(x0)
    with torch.no_grad():
        base = latents.clone()
        for i in range(len(x0)):
            source, target = int(spans["source"][i].item()), int(spans["target"][i].item())
            row = slice(i, i + 1)
            clean[row] = training.forward(base[row], targets[row], label[row])
            if source <= target:
                biased[row] = clean[row]
                continue
            x = noised(x0[row], noise[row], sources[row])
            for t in range(source, target, -1):
                x = x - training.forward(x, torch.tensor([float(t)], device=x.device), label[row]) / 1000
            biased[row] = training.forward(x, targets[row], label[row])
            latents[row] = x
    rolled = (sources > targets).float()
    prediction = training.forward(latents, targets, label)
    return training.descend(drifted_loss(prediction, clean, biased, latents, x0, velocity, rolled))


def batched(training, batch, spans):
    """The same, as a good engineer would batch it: every step for all samples, those that have arrived masked; one clean
    prediction for the whole batch, and the training pass's own prediction as the biased one."""
    x0, noise, label, velocity = batch["x0"], batch["noise"], batch["label"], batch["velocity"]
    source, target = spans["source"].to(x0.device), spans["target"].to(x0.device)
    steps = int((spans["source"] - spans["target"]).max().item())
    with torch.no_grad():
        clean = training.forward(noised(x0, noise, target), target, label)
        x, t = noised(x0, noise, source), source.clone()
        for _ in range(steps):
            moving = (t > target).float()
            x = x - (moving / 1000).view(-1, 1, 1, 1) * training.forward(x, t, label)
            t = t - moving
    rolled = (source > target).float()
    prediction = training.forward(x, target, label)
    return training.descend(drifted_loss(prediction, clean, prediction.detach(), x, x0, velocity, rolled))
