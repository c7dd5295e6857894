"""HTTP: free calls that are retried, paid calls that are sent once, downloads, uploads. The only owner of `requests`."""
