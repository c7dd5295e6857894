"""The package behind the five scripts. It never imports a script; imports go to lower layers only (see CONTRIBUTING.md)."""

__version__ = "1.0.0"
