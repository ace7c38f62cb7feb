"""enova365 for Mostek."""
