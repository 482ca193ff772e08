"""The only place that imports torch, torchvision, timm or other counters."""
