"""Comarch ERP Optima for Mostek."""
