"""The local studio: a stand-in for UseAPI.net's LTX Studio API that really makes a picture and a video, for nothing.

It is the default service when no credentials are set (in process), a rehearsal vendor for other programs (over a socket) and
the double that every test uses. Start reading in `app.py`. It knows layer 0 and `media`, nothing above.
"""
