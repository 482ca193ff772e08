"""Faults of counters that were found while their conventions were established."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """What is wrong, a small example, and what is printed beside what would be right."""

    counter: str
    what: str
    example: str
    printed: str


FAULTS: tuple[Fault, ...] = (
    Fault(
        "thop",
        "a module under k parents counts k * k times",
        "layer = nn.Linear(16, 16)\nmodel = nn.Sequential(nn.Sequential(layer),"
        " nn.Sequential(layer))\nthop.profile(model, inputs=(torch.rand(1, 16),))",
        "Prints 2,048; the two calls take 512. Afterwards the model cannot run: the attribute"
        " total_ops that its hooks need is gone.",
    ),
    Fault(
        "thop",
        "an unbatched convolution reads its height as channels",
        "thop.profile(nn.Conv2d(4, 8, 3), inputs=(torch.rand(4, 16, 16),))",
        "Prints 225,792; right is 56,448.",
    ),
    Fault(
        "thop, torchinfo",
        "transposed convolutions at output size",
        "thop.profile(nn.ConvTranspose2d(4, 8, 3, stride=2), inputs=(torch.rand(1, 4, 16, 16),))",
        "thop prints 313,632, torchinfo 322,344 with the bias; right is 73,728.",
    ),
    Fault(
        "thop",
        "a subclass of a layer counts as nothing",
        "class Own(nn.Conv2d): ...\nthop.profile(Own(4, 8, 3), inputs=(torch.rand(1, 4, 8, 8),))",
        "Prints 0; right is 10,368. In torchvision's r3d_18 that leaves out 39.2 G.",
    ),
    Fault(
        "thop",
        "trilinear upsampling has a formula that is never reached",
        "thop.profile(nn.Upsample(scale_factor=2, mode='trilinear'),"
        " inputs=(torch.rand(2, 4, 4, 4, 4),))",
        "Prints 0, where bilinear counts 11 and bicubic 259 for each element.",
    ),
    Fault(
        "thop",
        "the state_dict keeps its counters",
        "thop.profile(resnet18, inputs=(torch.rand(1, 3, 224, 224),))\nresnet18.state_dict()",
        "18 keys named total_ops and total_params are in it.",
    ),
    Fault(
        "torchinfo",
        "linear layers once for each sample, whatever the number of tokens",
        "torchinfo.summary(nn.Linear(32, 16), input_data=torch.rand(2, 10, 32))",
        "total_mult_adds is 1,056; right is 10,240. On one vector it is 8,448, right is 512.",
    ),
    Fault(
        "torchinfo",
        "an embedding is multiplied out",
        "torchinfo.summary(nn.Embedding(1000, 64), input_data=torch.zeros(2, 10,"
        " dtype=torch.long))",
        "total_mult_adds is 128,000; looking rows up multiplies nothing.",
    ),
    Fault(
        "torchinfo",
        "a class counts by what its name contains",
        "class ConvTok(nn.Module):  # holds an 8x8 weight, forward is F.linear\n    ...",
        "On 2x5x8 the same module counts 1,024 as ConvTok and 128 as Tok; right is 640.",
    ),
    Fault(
        "torchinfo, thop",
        "attention as a module counts as nothing",
        "torchinfo.summary(nn.MultiheadAttention(32, 4, batch_first=True),"
        " input_data=[torch.rand(2, 10, 32)] * 3)",
        "Both print 0 for it; right is 94,720.",
    ),
    Fault(
        "flopth",
        "linear layers by the first two axes of what comes out",
        "flopth(nn.Linear(32, 16), inputs=(torch.rand(2, 10, 32),))",
        "Prints 200, 2 * 10 * 10; right is 10,240.",
    ),
    Fault(
        "flopth",
        "only the last call of a module counts",
        "layer = nn.Linear(16, 16)\nflopth(nn.Sequential(layer, layer), ...)",
        "Prints 256; the two calls take 512.",
    ),
    Fault(
        "flopth",
        "layers stay patched for the whole process",
        "flopth(model, ...)\nnn.Linear.__call__",
        "It is another function afterwards, and a subclass of Linear raises KeyError when called.",
    ),
    Fault(
        "fvcore",
        "padding by name is not counted",
        "FlopCountAnalysis(nn.Conv2d(4, 8, 3, padding='same'), torch.rand(2, 4, 16, 16)).total()",
        "Prints 0; right is 147,456.",
    ),
    Fault(
        "fvcore",
        "products whose right operand has more axes",
        "torch.matmul of 8x16 and 2x16x8",
        "Counted as 1,024; right is 2,048.",
    ),
    Fault(
        "fvcore",
        "einsum rounded to four digits",
        "torch.einsum('ij,jk->ik', x, y) of 123x457 and 457x89",
        "The count is read from a text of numpy's that rounds; right is 5,002,779.",
    ),
    Fault(
        "fvcore, torchprofile",
        "code that no output depends on",
        "a layer whose output is thrown away",
        "The trace drops it, so that it counts as nothing, although it runs.",
    ),
    Fault(
        "ptflops, calflops",
        "broadcasting aligned from the left",
        "torch.add(x, y) of 2x16 and 16",
        "Counted as 256; 32 elements are added.",
    ),
    Fault(
        "ptflops",
        "activations and pools counted as modules and as functions",
        "get_model_complexity_info(nn.Sequential(nn.ReLU()), (8, 16, 16), backend='pytorch')",
        "nn.ReLU calls F.relu, both are counted, and the number is twice the elements.",
    ),
    Fault(
        "ptflops",
        "attention of timm drops its linear layers, if timm can be imported",
        "a ViT of timm",
        "Its Attention has a formula for the products alone, and the linear layers in it are left"
        " out; without timm in the environment the number is another.",
    ),
    Fault(
        "calflops",
        "grouped transposed convolutions are divided by the groups twice",
        "nn.ConvTranspose2d(8, 8, 2, 2, groups=8)",
        "0 multiply-adds; each is taken once.",
    ),
    Fault(
        "calflops",
        "an even kernel with padding by name",
        "nn.Conv2d(4, 8, 4, padding='same') on 2x4x16x16",
        "230,400 multiply-adds, since the output's size is worked out anew; right is 262,144.",
    ),
    Fault(
        "FlopCounterMode",
        "attention on the CPU",
        "F.scaled_dot_product_attention(q, k, v) on 2x4x16x8, under torch.no_grad()",
        "0 on the CPU, where it runs as one fused operator; 65,536 FLOPs on the meta device.",
    ),
    Fault(
        "torchprofile",
        "products of sizes count as multiplications",
        "x.view(x.shape[0] * 3, -1)",
        "1 for each product of whole numbers that stays in the trace.",
    ),
    Fault(
        "torchscan",
        "an unbatched convolution reads its height as channels",
        "crawl_module(nn.Conv2d(4, 8, 3), args=(torch.rand(4, 16, 16),))",
        "225,792 MACs; right is 56,448.",
    ),
    Fault(
        "torchscan",
        "transposed convolutions at output size",
        "crawl_module(nn.ConvTranspose2d(4, 8, 3, stride=2), args=(torch.rand(1, 4, 16, 16),))",
        "313,640 MACs, 8 of them for padding; right is 73,728, half of its own operator FLOPs.",
    ),
    Fault(
        "torchscan",
        "the window of a pool by one of its sides",
        "crawl_module(nn.MaxPool2d(3), args=(torch.rand(1, 4, 9, 9),))",
        "72, 2 for each window; nn.MaxPool2d((3, 3)), the same pool, counts 288, which is right.",
    ),
    Fault(
        "torchscan",
        "adaptive pools by the remainder of their sizes",
        "crawl_module(nn.AdaptiveAvgPool2d(7), args=(torch.rand(1, 3, 13, 13),))",
        "7,350, as if each window had 7x7 elements; none has more than 3x3. On 14x14 it is 735.",
    ),
    Fault(
        "torchscan",
        "Dropout counts in evaluation",
        "crawl_module(nn.Dropout(), args=(torch.rand(2, 16),))",
        "32 module FLOPs; it runs in evaluation mode, in which nothing is dropped. Its formula for"
        " nn.Transformer leaves dropout out.",
    ),
    Fault(
        "torchscan",
        "attention has FLOPs and no MACs",
        "crawl_module(nn.MultiheadAttention(32, 4, batch_first=True),"
        " args=(torch.rand(2, 10, 32),) * 3)",
        "191,761 module FLOPs and 0 MACs, which it calls partial; right is 94,720.",
    ),
    Fault(
        "torchscan",
        "an encoder with a padding mask cannot be counted",
        "layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)\n"
        "crawl_module(nn.TransformerEncoder(layer, 2), args=(torch.rand(2, 10, 32),),\n"
        "    kwargs={'src_key_padding_mask': torch.zeros(2, 10, dtype=torch.bool)})",
        "Raises RuntimeError: it asks a nested tensor for its shape. The model itself runs, also"
        " with hooks.",
    ),
    Fault(
        "torchlens",
        "the first parameter among the arguments is taken to be the weight",
        "nn.Linear(8, 4) on an nn.Parameter of 1x5x8, as learned queries are",
        "100 MACs; right is 160. nn.Conv2d(4, 8, 3) on a parameter of 1x4x8x8 counts 73,728; right"
        " is 10,368.",
    ),
    Fault(
        "torchlens",
        "layers whose weights are computed count as nothing",
        "trace = torchlens.trace(weight_norm(nn.Linear(16, 8)), torch.rand(2, 16))\n"
        "trace.total_macs_forward",
        "0; right is 256. timm's nfnet_l0 has 13,215,744 of 4,255,094,784. It names these layers as"
        " unknown.",
    ),
    Fault(
        "torchlens",
        "operands that are given by name are not seen",
        "F.scaled_dot_product_attention(query=q, key=k, value=v) on 2x4x16x8",
        "0; by position it is 32,768, which is right. torch.matmul(x, other=y) is 0 too.",
    ),
    Fault(
        "torchlens",
        "projections of cross attention count as nothing",
        "attention = nn.MultiheadAttention(32, 4, batch_first=True)\n"
        "torchlens.trace(attention, (x, y, y)).total_macs_forward"
        "  # of 2x10x32 and 2x7x32",
        "29,440; right is 78,592. The weights of the three projections are views of a parameter.",
    ),
)
