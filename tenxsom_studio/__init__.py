"""The local studio: a stand-in for UseAPI.net's LTX Studio API that makes a real picture and a real video, free of charge.

It is the default service when no credentials are set (in process), a rehearsal vendor for other programs (over a socket) and
the test double of every test. Start reading in `app.py`. It imports layer 0 and `media` only.
"""
