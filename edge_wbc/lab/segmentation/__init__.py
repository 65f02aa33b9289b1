"""Segmentation of one white cell's crop: nucleus, cytoplasm, rest."""
