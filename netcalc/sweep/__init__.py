"""Many candidate architectures at once: the rules of netcalc.core, fed with numpy arrays."""
