"""Other counters' conventions, each derived from one recording of a model's forward pass."""
