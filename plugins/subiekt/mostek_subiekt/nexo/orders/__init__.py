"""How orders are written to Subiekt nexo: by its own objects (Sfera nexo)."""
