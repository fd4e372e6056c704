"""Masks of mitotic figures from their centres: made once, stored, used in training."""
