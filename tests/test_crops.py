"""Testing with many crops, and what training heads cost: counts, boxes, errors, forms."""

from __future__ import annotations

import csv
import io
import json

import pytest
import torch
from torchvision.transforms import InterpolationMode, Resize
from torchvision.transforms import functional as F

import netcalc as nc
from netcalc.core.crops import Box, resized
from netcalc.core.graph import Node
from tests.commands import netcalc

MACS = 1_582_671_872
TABLE_3 = [(1, 1, 1), (1, 10, 10), (1, 144, 144), (7, 1, 7), (7, 10, 70), (7, 144, 1008)]
"""Models, crops and cost as the paper's Table 3 prints them."""


# --- counts ------------------------------------------------------------------------------------


def test_costs_are_those_of_table_3() -> None:
    found = nc.crops("googlenet", models=7)
    assert [cost[:3] for cost in found.costs] == TABLE_3
    assert [cost.macs for cost in found.costs] == [cost * MACS for _, _, cost in TABLE_3]
    assert found.costs[-1].macs == 1_595_333_246_976
    assert found.crops_per_image == 4 * 3 * 6 * 2 == 144
    assert found.boxes == ()


def test_one_model_has_a_line_for_each_number_of_crops() -> None:
    assert [cost[:3] for cost in nc.crops("googlenet").costs] == TABLE_3[:3]


@pytest.mark.parametrize("scales", [(256,), (224, 300, 512), range(224, 234)])
def test_there_are_as_many_boxes_as_crops(scales: tuple[int, ...]) -> None:
    found = nc.crops("googlenet", scales, image=(500, 375))
    assert len(found.boxes) == len(set(found.boxes)) == found.crops_per_image == 36 * len(scales)


def test_heads_and_batch_play_no_part() -> None:
    """One crop costs a forward pass of one image, without what only training runs."""
    for net in ("googlenet@aux=true", nc.analyse("googlenet@aux=true", batch=8)):
        assert nc.crops(net).costs[0].macs == MACS
    v3 = nc.crops("inception_v3@aux=true", [299])
    assert v3.costs[0].macs == nc.analyse("inception_v3").totals.macs == 5_713_216_096
    assert "needs the main output only: aux\n" in v3.table()


def test_the_crops_have_the_size_of_the_input() -> None:
    small = nc.crops(nc.analyse("googlenet", 192), [192, 200], image=(300, 200))
    assert {box.x1 - box.x0 for box in small.boxes if box.crop != "resized"} == {192}
    assert small.costs[0].macs == nc.analyse("googlenet", 192).totals.macs
    assert nc.crops("inception_v3", [299], image=(400, 300)).to_dict()["crop_size"] == 299


# --- boxes -------------------------------------------------------------------------------------


IMAGES = [(500, 375), (375, 500), (333, 501), (641, 427), (427, 640), (256, 256), (257, 256)]
IMAGES += [(225, 911), (97, 31), (1023, 1022)]
CORNERS = {4: "x0", 5: "y0", 6: "x1", 7: "y1"}
SIZES = (224, 225, 226, 227, 256, 257, 259, 353)
"""Images and scales with every remainder of the room that a square and a crop have."""


def cut(image: tuple[int, int], scale: int, side: int) -> dict[tuple[str, str, bool], Box]:
    """The boxes as torchvision's transforms cut them, from pixels that carry their coordinates."""
    width, height = image
    _, h, w = Resize(scale, InterpolationMode.NEAREST)(torch.zeros(1, height, width)).shape
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    pixels = torch.stack([x, y])
    first, right, below, last, middle = F.five_crop(pixels, [scale, scale])
    assert torch.equal(first, below if width >= height else right)
    ends = ("left", "center", "right") if width >= height else ("top", "center", "bottom")
    found = {}
    for square, part in zip(ends, (first, middle, last), strict=True):
        names = ("top_left", "top_right", "bottom_left", "bottom_right", "center", "resized")
        for crop, piece in zip(names, (*F.five_crop(part, [side, side]), part), strict=True):
            for mirror in (False, True):
                seen = F.hflip(piece) if mirror else piece
                (x0, y0), (x1, y1) = seen.amin((1, 2)).tolist(), seen.amax((1, 2)).tolist()
                assert (seen[0, 0, 0] > seen[0, 0, -1]) == mirror
                box = Box(scale, square, crop, mirror, x0, y0, x1 + 1, y1 + 1)
                found[square, crop, mirror] = box
    return found


def unlike_torchvision(boxes: tuple[Box, ...], image: tuple[int, int], side: int) -> list[Box]:
    """The boxes that torchvision cuts elsewhere, or not at all."""
    made = {scale: cut(image, scale, side) for scale in {box.scale for box in boxes}}
    return [box for box in boxes if made[box.scale].get((box.square, box.crop, box.mirror)) != box]


@pytest.mark.parametrize("image", IMAGES, ids=str)
def test_boxes_are_those_of_torchvision(image: tuple[int, int]) -> None:
    found = nc.crops("googlenet", SIZES, image=image)
    assert len(found.boxes) == 36 * len(SIZES)
    assert unlike_torchvision(found.boxes, image, 224) == []


@pytest.mark.parametrize("room", range(1, 8))
def test_halves_are_rounded_as_torchvision_does(room: int) -> None:
    """(room / 2) rounded to the even side, for the middle square and the middle crop."""
    image = (300, 300 - room)
    found = nc.crops(nc.analyse("naive", (1, 192, 32, 32)), [300 - room], image=image)
    assert unlike_torchvision(found.boxes, image, 32) == []


def test_a_box_elsewhere_is_noticed() -> None:
    boxes = nc.crops("googlenet", [259], image=(500, 375)).boxes
    wrong = [boxes[0]._replace(**{name: boxes[0][i] + 1}) for i, name in CORNERS.items()]
    wrong += [boxes[0]._replace(square="top"), boxes[0]._replace(mirror=True, x1=225)]
    assert unlike_torchvision((*boxes[1:], *wrong), (500, 375), 224) == wrong


def test_sizes_are_those_of_torchvisions_resize() -> None:
    for width in (31, 97, 256, 333, 427, 500):
        for height in (31, 100, 255, 375, 499):
            for scale in (224, 256, 288, 353):
                blank = torch.zeros(1, height, width)
                _, h, w = Resize(scale, InterpolationMode.NEAREST)(blank).shape
                assert resized((width, height), scale) == (w, h)


def test_a_square_image_has_the_same_square_three_times() -> None:
    found = nc.crops("googlenet", image=(400, 400))
    assert len(found.boxes) == 144
    assert len({box._replace(square="") for box in found.boxes}) == 48
    assert "its three squares are the same" in found.table(width=200)
    assert "its three squares" not in nc.crops("googlenet", image=(500, 375)).table(width=200)


def test_nearly_square_is_square_at_some_scales() -> None:
    """int(256 * 353 / 352) = 256, int(352 * 353 / 352) = 353."""
    text = nc.crops("googlenet", image=(353, 352)).table(width=200)
    assert "256, 288, 320 is square" in text
    assert "352: 353x352" in text


# --- what cannot be ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ("googlenet --scales 200", "scale 200: a crop of 224x224 does not fit a square of 200x200"),
        ("googlenet --scales 256,223", "use scales from 224 on"),
        ("googlenet --scales 0", "every scale must be an integer from 1 to"),
        ("googlenet --scales -256", "every scale must be an integer from 1 to"),
        ("googlenet --scales 256,288,256", "scale 256 is given 2 times; name it once"),
        ("googlenet --scales 256,big", "--scales takes sizes such as 256,288,320,352, got '256,b"),
        ("googlenet --scales 256x288", "--scales takes sizes such as"),
        ("googlenet --scales ,", "--scales takes sizes such as"),
        (f"googlenet --scales 1{'0' * 5000}", "--scales takes sizes such as"),
        (f"googlenet --scales {10**15 + 1}", "every scale must be an integer from 1 to"),
        ("googlenet --models 0", "0 is not in the range 1<=x"),
        ("googlenet --models two", "'two' is not a valid integer"),
        ("googlenet --image 500", "--image takes a width and height such as 500,375 or 500x375"),
        ("googlenet --image 500,375,3", "--image takes a width and height"),
        ("googlenet --image 0,375", "the image's width must be an integer from 1 to"),
        ("googlenet --image 500x0", "the image's height must be an integer from 1 to"),
        ("googlenet --input 3,224,160", "crops are square; give a square input"),
        ("googlenet --input big", "--input takes a shape such as"),
        ("googlnet", "did you mean googlenet"),
        ("googlenet -o crops.xyz", "no format goes by that ending"),
    ],
)
def test_a_mistake_is_told_in_one_line(args: str, told: str) -> None:
    ran = netcalc("crops", *args.split())
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith("netcalc: ")
    assert told in ran.err


@pytest.mark.parametrize(
    "changes",
    [
        {"scales": ()},
        {"scales": "256"},
        {"scales": 256},
        {"scales": (256.0,)},
        {"scales": (True,)},
        {"models": 0},
        {"models": True},
        {"models": 1.5},
        {"image": "500,375"},
        {"image": (500,)},
        {"image": (500, None)},
        {"image": 500},
    ],
    ids=str,
)
def test_a_wrong_argument_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(nc.InputError, match=r"integer|scale|image"):
        nc.crops("googlenet", **changes)


def test_networks_that_take_no_images_are_refused() -> None:
    features = nc.network(nc.chain(fc=nc.Linear(10)), input=(1, 784))
    with pytest.raises(nc.InputError, match=r"takes 1x784: only images \(N,C,H,W\) have crops"):
        nc.crops(features)
    single = nc.network(nc.chain(conv=nc.Conv2d(8, 3)), input=(3, 2, 32, 32), batched=False)
    with pytest.raises(nc.InputError, match="only images"):
        nc.crops(single)


# --- forms -------------------------------------------------------------------------------------


def test_the_text_shows_its_working() -> None:
    for columns in (80, 160):
        out = netcalc("crops", "googlenet", "--models", "7", columns=columns).out
        assert "4 scales x 3 squares x 6 crops x 2 mirrors = 144 crops\n" in out
        assert "7 models x 144 crops = 1,008 forward passes\n" in out
        assert "1,008 x 1,582,671,872 MACs = 1,595,333,246,976 MACs (1.60 T)\n" in out
        assert "     7   144   1,008 1,595,333,246,976\n" in out
        assert max(map(len, out.splitlines())) <= columns
    one = netcalc("crops", "googlenet", "--scales", "256").out
    assert "1 scale x 3 squares x 6 crops x 2 mirrors = 36 crops\n" in one
    assert "1 model x 36 crops = 36 forward passes\n" in one


def test_boxes_in_every_form_are_the_same() -> None:
    args = ("crops", "googlenet", "--image", "500x375")
    boxes = nc.crops("googlenet", image=(500, 375)).boxes
    document = json.loads(netcalc(*args, "--format", "json").out)
    assert [Box(**box) for box in document["boxes"]] == list(boxes)
    lines = list(csv.reader(io.StringIO(netcalc(*args, "--format", "csv").out)))
    assert lines[0] == ["scale", "square", "crop", "mirror", "x0", "y0", "x1", "y1"]
    assert lines[1:] == [[str(value) for value in box] for box in boxes]
    text = netcalc(*args).out.split("\n\n")[1].splitlines()[2:]
    shown = [
        [*map(str, box[:3]), "yes" if box.mirror else "no", *map(str, box[4:])] for box in boxes
    ]
    assert [line.split() for line in text] == shown
    frame = nc.crops("googlenet", image=(500, 375)).to_frame()
    assert frame.to_dict("records") == document["boxes"]
    assert list(nc.crops("googlenet").to_frame().columns) == list(Box._fields)


def test_json_has_the_fields_of_the_contract() -> None:
    document = json.loads(netcalc("crops", "googlenet", "--models", "7", "--format", "json").out)
    assert document == nc.crops("googlenet", models=7).to_dict()
    costs = document.pop("costs")
    assert document == {
        "schema": 1,
        "network": "googlenet",
        "factory": "googlenet()",
        "crop_size": 224,
        "image": None,
        "scales": [256, 288, 320, 352],
        "models": 7,
        "crops_per_image": 144,
        "forward_passes": 1008,
        "macs_per_crop": MACS,
        "macs": 1008 * MACS,
        "boxes": [],
    }
    assert costs == [
        {"models": m, "crops": c, "forward_passes": n, "macs": n * MACS} for m, c, n in TABLE_3
    ]


def test_costs_are_the_csv_where_there_is_no_image() -> None:
    lines = netcalc("crops", "googlenet", "--models", "7", "--format", "csv").out.splitlines()
    assert lines[0] == "models,crops,forward_passes,macs"
    assert lines[-1] == f"7,144,1008,{1008 * MACS}"


def test_in_a_notebook_and_on_a_prompt() -> None:
    found = nc.crops("googlenet", models=7)
    assert "<table>" in found._repr_html_()
    assert repr(found) == "<Crops of googlenet(): 144 crops, 1,008 forward passes>"
    assert str(found) + "\n" == netcalc("crops", "googlenet", "--models", "7").out


# --- training heads ----------------------------------------------------------------------------


def test_the_loss_and_the_cost_of_heads_stand_below_the_table() -> None:
    """Each head: 1x1 to 128 on 4x4, 2,048 to 1,024, 1,024 to 1,000 features."""
    work = [16 * c * 128 + 2048 * 1024 + 1024 * 1000 for c in (512, 528)]
    assert sum(work) == 8_372_224
    loss = "training: loss = main + 0.3 aux1 + 0.3 aux2; the heads add 6,379,728 params (91.2%) and"
    for layout in ("paper", "modules", "layers"):
        out = netcalc("table", "googlenet", "--aux", "--layout", layout, columns=200).out
        assert f"{loss} 8,372,224 MACs (0.5%) to a forward pass\n" in out
        assert "inference: without the heads, 6,998,552 params and 1,582,671,872 MACs\n" in out
        assert "training" not in netcalc("table", "googlenet", "--layout", layout).out


def test_the_same_for_machines() -> None:
    document = nc.analyse("googlenet@aux=true").to_dict()
    assert document["training"] == {
        "loss_weights": {"aux1": 0.3, "aux2": 0.3},
        "heads": {"params": 6_379_728, "macs": 8_372_224},
        "inference": {"params": 6_998_552, "macs": MACS},
    }
    assert json.loads(json.dumps(document)) == document
    assert "training" not in nc.analyse("googlenet").to_dict()


@pytest.mark.parametrize("batch", [1, 4])
def test_heads_cost_what_the_network_has_more_with_them(batch: int) -> None:
    whole, plain = (nc.analyse(n, 192 + 32, batch) for n in ("googlenet@aux=true", "googlenet"))
    training = whole.to_dict()["training"]
    assert training["heads"]["macs"] == whole.totals.macs - plain.totals.macs
    assert training["heads"]["params"] == whole.totals.params - plain.totals.params


def two_headed(weights: dict[str, float]) -> nc.Graph:
    """A head of which a part is shared with the main path."""
    return nc.network(
        nc.chain(
            stem=nc.Conv2d(4, 3, padding=1),
            early=nc.head(pool=nc.AdaptiveAvgPool2d(1), flatten=nc.Flatten(), fc=nc.Linear(2)),
            late=nc.chain(conv=nc.Conv2d(4, 1)),
        ),
        input=(1, 3, 8, 8),
        loss_weights=weights,
    )


def test_one_head_of_your_own() -> None:
    a = nc.analyse(two_headed({"early": 0.5}))
    assert a.to_dict()["training"]["heads"] == {"params": 4 * 2 + 2, "macs": 8}
    assert "loss = main + 0.5 early; the head adds 10 params" in a.table(width=200)


def test_tied_weights_are_not_the_heads_alone() -> None:
    """The head runs first and holds the tensor that inference needs too."""
    own = Node("main", nc.Linear(4, bias=False), (("input", 0),), "main")
    tied = Node(
        "head", nc.Linear(4, bias=False), (("input", 0),), "head", {"weight": own.key("weight")}
    )
    outputs = {"main": ("main", 0), "head": ("head", 0)}
    x = {"input": nc.Tensor((1, 4))}
    a = nc.analyse(nc.Graph("tied", (tied, own), x, outputs, loss_weights={"head": 1}))
    assert [row.counts.params for row in a.rows] == [16, 0]
    assert a.to_dict()["training"] == {
        "loss_weights": {"head": 1.0},
        "heads": {"params": 0, "macs": 16},
        "inference": {"params": 16, "macs": 16},
    }


def test_an_output_without_a_weight_is_no_training_head() -> None:
    assert "training" not in nc.analyse(two_headed({})).to_dict()


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ({"eraly": 0.5}, "loss weight of eraly: the outputs beside the main one are: early"),
        ({"late/conv": 0.5}, "loss weight of late/conv: the outputs beside the main one"),
        ({"early": 0}, "loss weight of early: it must be a positive number, got 0"),
        ({"early": float("nan")}, "must be a positive number, got nan"),
        ({"early": float("inf")}, "must be a positive number, got inf"),
        ({"early": True}, "must be a positive number, got True"),
        ({"early": "0.3"}, "must be a positive number, got '0.3'"),
    ],
)
def test_wrong_loss_weights_are_refused(weights: dict[str, float], told: str) -> None:
    with pytest.raises(nc.SpecError) as refused:
        two_headed(weights)
    assert told in str(refused.value)


def test_the_weights_are_data_that_nobody_changes() -> None:
    graph = nc.load("googlenet@aux=true")
    assert graph.loss_weights == {"aux1": 0.3, "aux2": 0.3}
    assert nc.load("googlenet").loss_weights == {}
    with pytest.raises(TypeError, match="cannot be changed"):
        graph.loss_weights["aux1"] = 0.4  # type: ignore[index]
