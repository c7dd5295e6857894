"""Sends HTTP requests: free calls with retries, paid calls exactly once, downloads and uploads. The only owner of `requests`."""
