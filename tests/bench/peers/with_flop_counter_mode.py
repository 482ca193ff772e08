import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import googlenet

model = googlenet(weights=None, aux_logits=False, init_weights=False).eval()
with torch.no_grad(), FlopCounterMode(display=False) as counted:
    model(torch.zeros(1, 3, 224, 224))
print(sum(p.numel() for p in model.parameters()), counted.get_total_flops())
