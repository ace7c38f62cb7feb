"""InsERT Subiekt GT for Mostek."""
