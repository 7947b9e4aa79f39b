"""The story page: one HTML file with everything in it. `document.py` builds it, `publish.py` puts it in its place."""
