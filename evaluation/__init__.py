"""Scores of detections and classifications, as the challenge computes them."""
