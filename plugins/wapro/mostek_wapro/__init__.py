"""WAPRO Mag for Mostek."""
