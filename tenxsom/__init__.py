"""The machinery behind the four scripts. It never imports a script; layers point down (see CONTRIBUTING.md)."""

__version__ = "1.0.0"
