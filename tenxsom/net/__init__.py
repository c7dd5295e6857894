"""HTTP: what may be tried again, what may be sent once, and where our secrets may go. The only owner of `requests`."""
