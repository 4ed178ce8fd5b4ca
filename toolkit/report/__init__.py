"""Renderers: results in, text out; one small file a form."""
