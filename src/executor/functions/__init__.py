"""Functions: what is registered for a callable, once."""
