import torch
from fvcore.nn import FlopCountAnalysis, parameter_count
from torchvision.models import googlenet

model = googlenet(weights=None, aux_logits=False, init_weights=False).eval()
counted = FlopCountAnalysis(model, torch.zeros(1, 3, 224, 224))
print(parameter_count(model)[""], counted.total())
