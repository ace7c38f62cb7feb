"""Orders and customers of Subiekt GT by Sfera GT, the vendor's COM objects (docs/plugins/subiekt.md).

writer    SferaWriter: what is asked of the office
planner   what of a draft Sfera takes; customer: what a customer is made of
office    the COM objects' side, in a worker process; com: COM itself, and its errors
sandbox   the documented part of the COM objects, on a sandbox

`office` and `com` are loaded by any Python, 32-bit for instance: they import the standard library alone.
"""
