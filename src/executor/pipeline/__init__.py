"""The pipeline: from packed tasks to settled futures, and all that happens on the way."""
