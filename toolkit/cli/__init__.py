"""The command line: words in, the pipeline, a report out, an exit code."""
