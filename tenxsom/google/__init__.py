"""Google: credentials, generative media on Vertex AI, Cloud Storage."""
