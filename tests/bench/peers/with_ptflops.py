from ptflops import get_model_complexity_info
from torchvision.models import googlenet

model = googlenet(weights=None, aux_logits=False, init_weights=False).eval()
macs, params = get_model_complexity_info(
    model, (3, 224, 224), as_strings=False, print_per_layer_stat=False
)
print(params, macs)
