"""What torchscan counts as FLOPs of nn.MultiheadAttention, nn.LayerNorm and nn.Transformer."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

from torch import nn
from torch.nn import functional

from netcalc.pytorch.counters.calls import Call, Sized
from netcalc.pytorch.counters.convention import Count, beside, over

Given = tuple[Any, ...]

FORMULA = "attention and its layers by formulas"


def norm(call: Call, module: Any, given: Given) -> Iterator[Count]:
    """Six for each element, one more for each of weight and bias, and two for each mean."""
    n = given[0].numel
    each = 6 + (module.weight is not None) + (module.bias is not None)
    yield beside(f"LayerNorm as {each} per element", each * n, call)
    yield beside("LayerNorm as 2 per mean", 2 * (n // prod(module.normalized_shape)), call)


def _can(module: nn.MultiheadAttention, given: Given) -> bool:
    """Whether it has a formula, or raises."""
    three = all(isinstance(x, Sized) and len(x.shape) == 3 for x in given[:3])
    more = module.bias_k is not None or module.bias_v is not None or module.add_zero_attn
    return three and not more


def attention(call: Call, module: Any, given: Given, out: Any = None) -> Iterator[Count]:
    """Products, what is added to them, scale, masks, softmax, and a mean of all heads' weights.

    Masks are seen among the arguments alone, and those means by the shape of what comes out.
    """
    if not _can(module, given):
        return
    q, k, v = (x.shape for x in given[:3])
    tokens, sources = (x[1 if module.batch_first else 0] for x in (q, k))
    heads = q[0 if module.batch_first else 1] * module.num_heads
    scores, inner = heads * tokens * sources, heads * tokens * module.head_dim
    projected = [(prod(x[:-1]) * module.embed_dim, x[-1]) for x in (q, k, v)]
    last = module.out_proj.out_features * prod(q[:-1])
    macs = sum(n * size for n, size in projected) + last * module.out_proj.in_features
    yield over(FORMULA, macs + 2 * scores * module.head_dim, call)
    outputs = sum(n for n, _ in projected)
    yield beside("first terms of sums", -(outputs + scores + inner + last), call)
    biases = outputs * (module.in_proj_bias is not None)
    yield beside("bias additions", biases + last * (module.out_proj.bias is not None), call)
    yield beside("attention's scale as 1 per element of the queries and 1", 1 + inner, call)
    masks = sum(len(given) > at and given[at] is not None for at in (3, 5))
    yield beside("masks as 1 per score", masks * scores, call)
    yield beside("softmax as 3n - 1 for n scores", 3 * scores - heads * tokens, call)
    out = call.output if out is None else out
    if isinstance(out, tuple) and len(out) > 1 and isinstance(out[1], Sized):
        mean = scores * (len(out[1].shape) == 3)
        yield beside("means of all heads' scores as 1 per score", mean, call)


def transformer(call: Call, module: Any, given: Given) -> Iterator[Count]:
    """Its layers one after another; nothing at all where one of them is of another kind."""
    encoder, decoder = module.encoder, module.decoder
    if not isinstance(encoder, nn.TransformerEncoder):
        return
    if not isinstance(decoder, nn.TransformerDecoder):
        return
    x, y = given[:2]
    own_x, own_y, cross, pad_x, pad_y, pad_cross = (*given[2:], *(None,) * 6)[:6]
    layers = [_Layer(each, x, (_args(x, x, pad_x, own_x),)) for each in encoder.layers]
    masked = (_args(y, y, pad_y, own_y), _args(y, x, pad_cross, cross))
    layers += [_Layer(each, y, masked) for each in decoder.layers]
    if all(layer.known() for layer in layers):
        for layer in layers:
            yield from layer.counts(call)
        for last, z in ((encoder.norm, x), (decoder.norm, y)):
            if isinstance(last, nn.LayerNorm):
                yield from norm(call, last, (z,))


def _args(x: Any, memory: Any, padding: Any, mask: Any) -> Given:
    """An attention's arguments in their order."""
    return (x, memory, memory, padding, False, mask)


class _Layer(NamedTuple):
    """A layer of an encoder or a decoder, and the arguments of each of its attentions."""

    layer: Any
    x: Any
    given: tuple[Given, ...]

    def attentions(self) -> tuple[Any, ...]:
        """The modules: a decoder has two."""
        both = (self.layer.self_attn, getattr(self.layer, "multihead_attn", None))
        return both[: len(self.given)]

    def known(self) -> bool:
        """Whether it has a formula, or raises."""
        pairs = zip(self.attentions(), self.given, strict=True)
        return self.layer.activation is functional.relu and all(_can(*pair) for pair in pairs)

    def counts(self, call: Call) -> Iterator[Count]:
        """Attentions, two linear layers, and after each of them a sum and a norm."""
        for module, given in zip(self.attentions(), self.given, strict=True):
            yield from attention(call, module, given, ())
        tokens = prod(self.x.shape[:-1])
        for linear in (self.layer.linear1, self.layer.linear2):
            outputs = tokens * linear.out_features
            yield over(FORMULA, outputs * linear.in_features, call)
            yield beside("first terms of sums", -outputs, call)
            yield beside("bias additions", outputs * (linear.bias is not None), call)
        yield beside("ReLU as 1 per element", tokens * self.layer.linear1.out_features, call)
        for name in ("norm1", "norm2", "norm3")[: 1 + len(self.given)]:
            yield beside("elementwise sums as 1 per element", self.x.numel, call)
            yield from norm(call, getattr(self.layer, name), (self.x,))
