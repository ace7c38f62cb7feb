"""Orders of Optima by direct SQL, into the buffer: a documented opt-in (docs/plugins/optima.md).

writer     DirectWriter: look, plan and insertion in one transaction
planner    what of a draft is written so
template   the order that is copied; numbering: the next number
insertion  Plan → rows; rows: copies of rows
"""
