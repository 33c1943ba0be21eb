"""`Pool`: an executor with the face of `multiprocessing.Pool`."""
