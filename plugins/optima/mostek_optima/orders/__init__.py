"""What orders of Optima are, however they are written (docs/plugins/optima.md).

config    whether and how they are written
cards     customers, products and VAT rates that a draft names
planner   what of a draft is Optima's own
recorded  found again, and compared
rights    what is needed of the database
"""
