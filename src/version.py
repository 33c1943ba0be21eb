"""The version of the installed package: one source, the package metadata."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("farpool")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0.0.0+source"
