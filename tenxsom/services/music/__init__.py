"""Services that compose music. One file per service implements the protocol of `base.py`."""
