"""Orders and customers of enova365, written by the program's own objects (docs/plugins/enova.md)."""
