"""Synthetic H&E tissue, drawn in absorbances at 0.25 um/px: what the samples and the tests' pictures are made of."""
