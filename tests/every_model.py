"""The classification models of torchvision and timm, each traced and held against the model itself.

The model is made by its own library here, not by netcalc, and PyTorch's FlopCounterMode counts it.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import timm
import torch
import torchvision
from torch import nn
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

import netcalc as nc
from netcalc.core.analyse import Result
from netcalc.core.analyse import analyse as fold
from netcalc.pytorch.blind import cause
from netcalc.pytorch.nodes import Builder
from netcalc.pytorch.passes import passed
from netcalc.pytorch.paths import named_inputs
from tests.reference import quiet

TORCHVISION = tuple(torchvision.models.list_models(module=torchvision.models))

TIMM = tuple(
    """
    beit_base_patch16_224 halonet_h1 mobileone_s1 cait_xxs24_224 coat_tiny convit_tiny
    convmixer_768_32 convnext_zepto_rms cpubone_nano crossvit_tiny_240 csatv2 cs3darknet_focus_s
    cspnext_tiny davit_tiny deepseek_vit_412m deit_tiny_patch16_224 densenet121 dla46x_c dpn48b
    edgenext_xx_small efficientformer_l1 efficientformerv2_s0 mobilenetv2_035 efficientvim_m1
    efficientvit_b0 efficientvit_m0 vit_tiny_patch16_dinov3_qkvb fasternet_t0 fastvit_t8
    focalnet_tiny_srf gcvit_xxtiny gemma4_vit_167m ghostnet_050 hardcorenas_b hgnetv2_b0
    hiera_tiny_224 sam2_hiera_tiny hrnet_w18_small iformer_t inception_next_atto
    inception_resnet_v2 inception_v3 inception_v4 lcnetv2_small levit_128s lowformer_b0
    mambaout_femto maxvit_pico_rw_256 poolformerv2_s12 gmlp_ti16_224 mobilenetv3_small_050
    mobilenetv5_base mobilevit_xxs mvitv2_tiny naflexvit_base_patch16_parfac_gap nasnetalarge
    nest_tiny nextvit_small nf_regnet_b0 pit_ti_224 pnasnet5large pvt_v2_b0 qwen3_vit_88m rdnet_tiny
    regnetx_002 repghostnet_050 repvit_m1 res2next50 resnest14d resnet10t resnetv2_18 rexnet_100
    selecsls42 legacy_seresnet18 sequencer2d_s shvit_s1 skresnet18 starnet_s050 swiftformer_xs
    swin_tiny_patch4_window7_224 swinv2_tiny_window16_256 swinv2_cr_tiny_224 tiny_vit_5m_224
    tnt_s_legacy_patch16_224 tresnet_m twins_svt_small vgg11 visformer_tiny vit_tiny_patch16_224
    vit_tiny_r_s16_p8_224 vit_srelpos_small_patch16_224 samvit_base_patch16_224 vitamin_small_224
    volo_d1_224 ese_vovnet19b_slim_dw legacy_xception xception41p xcit_nano_12_p8_224
    """.split()  # noqa: SIM905  (a list of words)
)
"""Of each family of timm 1.0.31, a family being a file of its models: the model with the fewest
parameters, of equal ones that with the smallest input, without those made for timm's own tests."""

NETS = (*(f"torchvision:{n}" for n in TORCHVISION), *(f"timm:{n}" for n in TIMM))
SAMPLE = (*NETS[: len(TORCHVISION) : 10], *NETS[len(TORCHVISION) :: 10])

# Their heads for training, which are on by default, are no part of the network.
ARGUMENTS: dict[str, dict[str, Any]] = {
    name: {"aux_logits": False, "init_weights": False} for name in ("googlenet", "inception_v3")
}


class Witnessed(NamedTuple):
    """What a model says of itself, and what FlopCounterMode counts of it."""

    params: int
    buffers: int
    macs: int
    outputs: tuple[tuple[int, ...], ...]


class Facts(NamedTuple):
    """A line of reports/models.md; nothing is wrong where ``problems`` is empty."""

    net: str
    input: str
    params: int
    macs: int
    counted: int
    cause: str
    derived: int
    stated: int
    how: str
    problems: tuple[str, ...]


def known(net: str) -> bool:
    """Whether the library that is installed has the model; older ones lack some of timm's."""
    source, _, name = net.partition(":")
    return source != "timm" or timm.is_model(name)


def made(net: str, device: str) -> nn.Module:
    """A model as its library makes it."""
    source, _, name = net.partition(":")
    with quiet(), torch.device(device):
        if source == "timm":
            model = timm.create_model(name, pretrained=False)
        else:
            options = ARGUMENTS.get(name, {})
            model = torchvision.models.get_model(name, weights=None, **options)
    return model.eval().requires_grad_(False)


def witnessed(model: nn.Module, *xs: torch.Tensor) -> Witnessed:
    """The model's tensors as it is made, and one forward pass under FlopCounterMode."""
    params = sum(p.numel() for p in model.parameters())
    buffers = sum(b.numel() for b in model.buffers())
    counter = FlopCounterMode(display=False)
    with quiet(), torch.no_grad(), counter:
        out = model(*xs)
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    shapes = tuple(tuple(t.shape) for t in tree_leaves(out) if isinstance(t, torch.Tensor))
    return Witnessed(params, buffers, flops // 2, shapes)


def asked(model: nn.Module, *xs: torch.Tensor) -> Result:
    """A trace in which every operator is left to PyTorch, whose shapes then check each rule's."""
    ran = passed(model, xs, {}, quick=False)
    builder = Builder(ran.model, ran.seen, named_inputs(ran.model, ran.args, ran.kwargs))
    return fold(builder.graph(ran.out))


def both(net: str, dims: tuple[int, ...]) -> tuple[Result, Witnessed]:
    """On the meta device; on the CPU if making or running the model reads values."""
    for device in ("meta", "cpu"):
        try:
            model, x = made(net, device), torch.zeros(dims, device=device)
            return asked(model, x), witnessed(model, x)
        except (RuntimeError, NotImplementedError):
            if device == "cpu":
                raise
    raise AssertionError  # the CPU returns or raises


def problems(result: Result, checked: Result, seen: Witnessed) -> tuple[str, ...]:
    """All that is wrong with a traced model, in words."""
    t, told = result.totals, [*result.graph.remarks, *checked.graph.remarks]
    found = [f"no rule for {operator}" for operator in result.unknown]
    found += [remark for remark in told if "differs" in remark]
    outs = tuple(x.dims for x in result.outputs.values())
    for what, mine, theirs in (
        ("parameters", t.params, seen.params),
        ("buffers", t.buffers, seen.buffers),
        ("outputs", outs, seen.outputs),
    ):
        if mine != theirs:
            found.append(f"{what}: {mine}, but the model has {theirs}")
    if t.macs != sum(row.counts.macs for row in result.rows):
        found.append("MACs: the layers do not add up to the total")
    if t.macs != seen.macs and not cause("flopcounter", result.rows, t.macs, seen.macs):
        found.append(f"MACs: {t.macs:,}, but FlopCounterMode counts {seen.macs:,}")
    mine, theirs = ({r.name: (r.node.op, r.outs) for r in x.rows} for x in (result, checked))
    other = [name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)]
    if other:
        found.append(f"shapes: {len(other)} layers differ where PyTorch is asked, {other[0]} first")
    return tuple(found)


def facts(net: str) -> Facts:
    """A model traced, analysed and held against itself."""
    result = nc.analyse(net).result
    (x,) = result.inputs.values()
    return described(net, result, *both(net, tuple(x.dims)))


SHAPES = re.compile(r"shapes: ([\d,]+) derived, ([\d,]+) stated")


def described(net: str, result: Result, checked: Result, seen: Witnessed) -> Facts:
    """What the report says of a model."""
    remarks = result.graph.remarks
    (shapes,) = (found for r in remarks if (found := SHAPES.fullmatch(r)))
    derived, stated = (int(n.replace(",", "")) for n in shapes.groups())
    how = "; ".join(r for r in remarks if not SHAPES.fullmatch(r) and "differs" not in r)
    macs = result.totals.macs
    why = cause("flopcounter", result.rows, macs, seen.macs)
    (x,) = result.inputs.values()
    size = "x".join(map(str, x.dims))
    wrong = problems(result, checked, seen)
    params = result.totals.params
    return Facts(net, size, params, macs, seen.macs, why, derived, stated, how, wrong)
