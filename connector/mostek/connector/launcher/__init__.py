"""What the service starts: it runs the version that is current, and tries another one so that it can always go back.

Standard library only, in an environment of its own: nothing that an upgrade brings can keep it from starting.
"""
