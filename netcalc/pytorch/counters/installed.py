"""The counters themselves, run as their documentation says: what each prints for a model."""

from __future__ import annotations

import inspect
import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map

Args = tuple[Any, ...]
Named = dict[str, Any]
Run = Callable[[nn.Module, Args, Named], int]


def _fvcore(model: nn.Module, args: Args, named: Named) -> int:
    from fvcore.nn import FlopCountAnalysis

    found = FlopCountAnalysis(model, _positional(model, args, named))
    found.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    return int(found.total())


def _torchinfo(model: nn.Module, args: Args, named: Named) -> int:
    import torchinfo

    given: Any = _bound(model, args, named) if named else list(args)
    with torch.no_grad():
        found = torchinfo.summary(model, input_data=given, verbose=0)
    return int(found.total_mult_adds)


def _thop(model: nn.Module, args: Args, named: Named) -> int:
    import thop

    with torch.no_grad():
        macs, _ = thop.profile(model, inputs=_positional(model, args, named), verbose=False)
    return int(macs)


def _ptflops(backend: str) -> Run:
    def run(model: nn.Module, args: Args, named: Named) -> int:
        from ptflops import get_model_complexity_info

        inputs = tree_map(first_of, _bound(model, args, named))
        with redirect_stdout(io.StringIO()) as told:
            macs, _ = get_model_complexity_info(
                model,
                (1,),
                as_strings=False,
                print_per_layer_stat=False,
                backend=backend,
                input_constructor=lambda shape: _shaped(inputs),
            )
        if macs is None:
            raise RuntimeError(_swallowed(told.getvalue()))
        return int(macs)

    return run


def _swallowed(told: str) -> str:
    """The exception that it prints in place of raising it."""
    said = " ".join(told.rpartition("following exception:")[2].split())
    return f"it prints an exception and returns None: {said}" if said else "it returns None"


def _shaped(inputs: Named) -> Any:
    """One tensor by itself, as the counter makes it; several by name."""
    (only,) = inputs.values() if len(inputs) == 1 else (None,)
    return only if isinstance(only, torch.Tensor) else inputs


def _calflops(at: int) -> Run:
    def run(model: nn.Module, args: Args, named: Named) -> int:
        from calflops import calculate_flops

        options = {"print_results": False, "print_detailed": False, "output_as_string": False}
        given = {"args": list(args), "kwargs": named}
        return int(calculate_flops(model=model, **given, **options)[at])

    return run


def _flop_counter_mode(device: str) -> Run:
    def run(model: nn.Module, args: Args, named: Named) -> int:
        from torch.utils.flop_counter import FlopCounterMode

        if device == "meta":
            model = model.to("meta").requires_grad_(False)
            args, named = torch.utils._pytree.tree_map(_on_meta, (args, named))
        with torch.no_grad(), FlopCounterMode(display=False) as found:
            model(*args, **named)
        return int(found.get_total_flops())

    return run


def _torchprofile(model: nn.Module, args: Args, named: Named) -> int:
    from torchprofile import profile_macs

    macs: Any = profile_macs(model, _positional(model, args, named))
    return int(macs)


def _flopth(model: nn.Module, args: Args, named: Named) -> int:
    from flopth import flopth

    macs, _ = flopth(model, inputs=_positional(model, args, named), bare_number=True)
    return int(macs)


def _torchscan(total: str) -> Run:
    def run(model: nn.Module, args: Args, named: Named) -> int:
        from torchscan import crawl_module

        found: Any = crawl_module(model, args=args, kwargs=named)["totals"][total]
        if found["known_value"] is None:
            raise RuntimeError("it has no value")
        return int(found["known_value"])

    return run


def _torchlens(model: nn.Module, args: Args, named: Named) -> int:
    import torchlens

    return int(torchlens.trace(model, args, named).total_macs_forward)


def _on_meta(x: Any) -> Any:
    return x.to("meta") if isinstance(x, torch.Tensor) else x


def _bound(model: nn.Module, args: Args, named: Named) -> Named:
    return dict(inspect.signature(model.forward).bind(*args, **named).arguments)


def _positional(model: nn.Module, args: Args, named: Named) -> Args:
    """All arguments in their order, for counters that take no others."""
    kinds = inspect.signature(model.forward).parameters
    alone = [n for n in named if n in kinds and kinds[n].kind is inspect.Parameter.KEYWORD_ONLY]
    if alone:
        raise TypeError(f"it gives inputs by position, and {', '.join(alone)} goes by name alone")
    bound = inspect.signature(model.forward).bind(*args, **named)
    if bound.kwargs:
        bound.apply_defaults()
    return (*bound.args, *bound.kwargs.values())


def first_of(x: Any) -> Any:
    """The first image of a batch: these counters take no more."""
    return x[:1] if isinstance(x, torch.Tensor) and x.dim() else x


COUNTERS: dict[str, Run] = {
    "fvcore": _fvcore,
    "torchinfo": _torchinfo,
    "ptflops-pytorch": _ptflops("pytorch"),
    "ptflops-aten": _ptflops("aten"),
    "thop": _thop,
    "calflops-macs": _calflops(1),
    "calflops-flops": _calflops(0),
    "flopcountermode-cpu": _flop_counter_mode("cpu"),
    "flopcountermode-meta": _flop_counter_mode("meta"),
    "torchprofile": _torchprofile,
    "flopth": _flopth,
    "torchscan-macs": _torchscan("macs"),
    "torchscan-flops": _torchscan("module_flops"),
    "torchlens": _torchlens,
}
"""By the names that netcalc has for them. Each damages models: give it a copy, in a process."""


def printed(name: str, model: nn.Module, args: Args, named: Named) -> int:
    """What a counter prints for a model in eval mode on real tensors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return COUNTERS[name](model.eval(), args, named)
