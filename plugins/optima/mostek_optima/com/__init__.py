"""Orders and customers of Optima by its own COM objects (docs/plugins/optima.md).

writer    ComWriter: what is asked of the office
planner   what of a draft the objects take; customer: what a customer is made of
office    the objects' side, in a worker process; errors: what theirs mean
sandbox   the documented part of the objects, on a sandbox

`office` and `errors` are loaded by any Python, 32-bit for instance: they import the standard library alone.
"""
