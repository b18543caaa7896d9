"""Times steps on request. Reads one line of JSON that says what to build, then one line with a contestant's name for every
step to take; answers each with the seconds it took, those of the processor, and the largest resident size of the process so far. Started by the benchmarks of this folder's parent: `--python PATH`."""

import json
import resource
import sys
import time

import torch

from models import build
from steps import Training, batched, one_by_one, plain

setup = json.loads(sys.stdin.readline())
torch.set_num_threads(setup["threads"])
torch.manual_seed(1)


def in_bfloat16(forward, device):
    """Autocast, with predictions in float32 as the loss wants them."""

    def cast(*inputs):
        with torch.autocast(device, torch.bfloat16):
            return forward(*inputs).float()

    return cast


ways = {"plain": plain, "one_by_one": one_by_one, "batched": batched}
contestants = {}
for name, spec in setup["contestants"].items():
    device = spec.get("device", "cpu")
    if device == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
    model = build(spec["model"]).to(device)
    size = spec["batch"]
    shape = (size, *spec["model"]["sample"])
    x0, noise = torch.randn(shape), torch.randn(shape)
    batch = {
        "x0": x0,
        "noise": noise,
        "latents": noise,
        "velocity": noise - x0,
        "timesteps": 1000 * torch.arange(1, size + 1) / size,
        "label": torch.arange(size) % 10,
    }
    batch = {key: value.to(device) for key, value in batch.items()}
    training = Training(model, spec.get("compiled", False), spec["average"])
    if spec.get("precision") == "bfloat16":
        training.forward = in_bfloat16(training.forward, device)
    contestants[name] = (ways[spec["way"]], training, batch)

print(json.dumps({"torch": torch.__version__}), flush=True)

for line in sys.stdin:
    asked = json.loads(line)
    way, training, batch = contestants[asked["run"]]
    spans = asked.get("spans")
    arguments = [] if spans is None else [{k: torch.tensor(v, dtype=torch.float32) for k, v in spans.items()}]
    started, worked = time.perf_counter(), time.process_time()
    loss = way(training, batch, *arguments)
    answer = {"seconds": time.perf_counter() - started, "processor": time.process_time() - worked, "loss": loss}
    answer["mebibytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(answer), flush=True)
