"""The dashboard: pages for people and an API for programs, over the same stores and the same readings as the commands."""
