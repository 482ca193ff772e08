"""What the counters print, written to tests/counters/<name>.json: run with the counters installed.

``python -m tests.counters.record [NAME...]``: read the diff. The tests hold netcalc's conventions
against these numbers without any counter. A counter that raises stands there by the exception.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map

from netcalc.pytorch.counters import conventions, installed
from netcalc.pytorch.named import ready
from netcalc.pytorch.twin import with_values
from tests.counters.probes import PROBES

HERE = Path(__file__).parent

TORCHVISION = (
    *("alexnet", "vgg16", "googlenet", "inception_v3", "resnet50", "resnext50_32x4d"),
    *("densenet121", "mobilenet_v3_small", "efficientnet_b0", "convnext_tiny", "vit_b_16"),
    *("swin_t", "shufflenet_v2_x0_5", "mnasnet0_5", "regnet_y_400mf", "maxvit_t", "swin_v2_t"),
    "squeezenet1_0",
)
TIMM = (
    *("levit_128s", "mixer_s32_224", "xcit_nano_12_p16_224", "poolformer_s12", "nfnet_l0"),
    *("convit_tiny", "coat_tiny", "crossvit_tiny_240", "pvt_v2_b0", "sequencer2d_s"),
)
MODELS = (*(f"torchvision:{name}" for name in TORCHVISION), *(f"timm:{name}" for name in TIMM))


COUNTERS = installed.COUNTERS
"""By the names that netcalc has for them."""


def convention(name: str) -> Any:
    return conventions.load(name)


def printed(name: str, model: nn.Module, args: Any, named: Any) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return COUNTERS[name](model.eval(), args, named)


def of_model(name: str, net: str) -> int:
    model, args, kwargs, _ = ready(net, None, {}, weights=True)
    real = tree_map(lambda x: with_values(x) if isinstance(x, torch.Tensor) else x, (args, kwargs))
    return printed(name, model, *real)


def of_probe(name: str, probe: str) -> int:
    torch.manual_seed(0)
    model, args = PROBES[probe]()
    return printed(name, model, args, {})


def alone(count: Callable[[], int]) -> int | str:
    """A number from a process of its own, or the name of what is raised."""
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        try:
            said: int | str = count()
        except BaseException as problem:  # whatever a counter does
            said = type(problem).__name__
        os.write(writes, json.dumps(said).encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return json.loads(answer) if answer else "died"


def record(name: str) -> dict[str, Any]:
    package = convention(name).package
    return {
        "counter": name,
        "version": metadata.version(package),
        "torch": torch.__version__.partition("+")[0],
        "models": {net: alone(lambda net=net: of_model(name, net)) for net in MODELS},
        "probes": {probe: alone(lambda probe=probe: of_probe(name, probe)) for probe in PROBES},
    }


if __name__ == "__main__":
    for chosen in sys.argv[1:] or COUNTERS:
        text = json.dumps(record(chosen), indent=1)
        (HERE / f"{chosen}.json").write_text(f"{text}\n", "utf-8")
        print(chosen, flush=True)
