"""What to write instead, where a file has PyTorch's word for something that is no type or key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netcalc.errors import did_you_mean

_FOLLOWS = "it follows from what comes in; leave it out"
_NOTHING = "it changes no number; leave it out"

KEYS: Mapping[str, str] = {
    **dict.fromkeys(("in_channels", "in_features", "in1_features", "in2_features"), _FOLLOWS),
    **dict.fromkeys(("num_features", "num_channels", "input_size"), _FOLLOWS),
    **dict.fromkeys(("inplace", "device"), _NOTHING),
    "dtype": "the type of number is that of the input",
    "padding_mode": "put a layer of type Pad in front, with its mode",
}
"""For arguments of PyTorch's modules that no type has by that name."""

_LOSS = "the losses are MSELoss and NLLLoss"
_TRANSFORMER = (
    "write its Linear layers around a ScaledDotProductAttention, as"
    " `netcalc export torchvision:vit_b_16` does"
)
_PARTS = "write it as the layers that it is made of"

_MODULES: Mapping[str, str] = {
    "Identity": "an empty list, [], passes the input on",
    "Sequential Container Module ModuleList ModuleDict ParameterList ParameterDict DataParallel": (
        "a list of named layers is a module"
    ),
    "MultiheadAttention": _TRANSFORMER,
    "Transformer TransformerEncoder TransformerEncoderLayer": _TRANSFORMER,
    "TransformerDecoder TransformerDecoderLayer": _TRANSFORMER,
    "ZeroPad1d ZeroPad2d ZeroPad3d ConstantPad1d ConstantPad2d ConstantPad3d": (
        "write {type: Pad, pad: [...]}"
    ),
    "ReflectionPad1d ReflectionPad2d ReflectionPad3d": (
        "write {type: Pad, pad: [...], mode: reflect}"
    ),
    "ReplicationPad1d ReplicationPad2d ReplicationPad3d": (
        "write {type: Pad, pad: [...], mode: replicate}"
    ),
    "CircularPad1d CircularPad2d CircularPad3d": "write {type: Pad, pad: [...], mode: circular}",
    "Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout": (
        "write Dropout, which costs nothing either"
    ),
    "Softmax2d": "write {type: Softmax, dim: 1}",
    "Softmin": "write {type: Pointwise, function: neg, then: Softmax}",
    "RReLU": "write LeakyReLU, which it is outside training",
    "UpsamplingNearest2d": "write {type: Upsample, scale_factor: 2}",
    "UpsamplingBilinear2d": "write {type: Upsample, mode: bilinear, align_corners: true}",
    "Unflatten": "write {type: Reshape, size: [...]}",
    "SyncBatchNorm": "write BatchNorm2d, which counts as it does",
    "MaxUnpool1d MaxUnpool2d MaxUnpool3d": "write {type: MaxUnpool, output_size: [...]}",
    "CrossMapLRN2d": "write LocalResponseNorm",
    "NLLLoss2d": "write NLLLoss",
    "CrossEntropyLoss": "write {type: LogSoftmax, dim: 1} and a NLLLoss",
    "AdaptiveLogSoftmaxWithLoss BCELoss CTCLoss CosineEmbeddingLoss": _LOSS,
    "GaussianNLLLoss HingeEmbeddingLoss KLDivLoss L1Loss LinearCrossEntropyLoss": _LOSS,
    "MarginRankingLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss": _LOSS,
    "PoissonNLLLoss SoftMarginLoss TripletMarginLoss": _LOSS,
    "TripletMarginWithDistanceLoss": _LOSS,
    "CosineSimilarity PairwiseDistance FractionalMaxPool2d FractionalMaxPool3d": _PARTS,
    "LPPool1d LPPool2d LPPool3d Softsign Tanhshrink GRUCell LSTMCell RNNCell": _PARTS,
    "RNNBase RNNCellBase": "the recurrent layers are RNN, GRU and LSTM",
}

MODULES: Mapping[str, str] = {
    name: told for names, told in _MODULES.items() for name in names.split()
}
"""For each module of PyTorch that is no type, what stands for it."""


def for_type(name: str, known: Iterable[str]) -> str:
    """What to do about a type that is not known; empty where there is nothing to say.

    Names that differ in case only are meant, as are those that lack the number of axes.
    """
    names = list(known)
    of_axes = [f"{name}{n}d" for n in (1, 2, 3) if f"{name}{n}d" in names]
    lazy = name.removeprefix("Lazy")
    same = [n for n in names if n.lower() == name.lower()]
    if name in MODULES:
        return MODULES[name]
    if of_axes:
        return f"did you mean {', '.join(of_axes[:-1])} or {of_axes[-1]}?"
    if same or lazy in names:
        return f"did you mean {(*same, lazy)[0]}?"
    return did_you_mean(name, names)
