import torchinfo
from torchvision.models import googlenet

model = googlenet(weights=None, aux_logits=False, init_weights=False).eval()
counted = torchinfo.summary(model, (1, 3, 224, 224), verbose=0)
print(counted.total_params, counted.total_mult_adds)
