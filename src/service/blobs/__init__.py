r"""The blob store: what is too large for a message, kept by its SHA-256 and fetched by whoever was sent a reference.

    PUT --> Incoming (a file of its own, hashed as it grows) --> Keeper --> BlobStore: files, or any fsspec URL
    GET <-- Keeper: may this identity read it? <----------------------------'
                |
              store/blobs.py: sizes, who has sent what, which task uses what
                |
              Sweeper: what no task uses any more goes

A blob belongs to nobody: two who send the same bytes have one file. Whoever has sent all of it may use it in a task,
and the owners of a task and of its endpoint may read what the task refers to. To everybody else it is not there.
"""

from .incoming import Incoming
from .keeper import Keeper
from .places import BlobPlace, BlobStore, FileStore, open_store
from .sweeper import KEEP_UNUSED_S, Sweeper

__all__ = ["KEEP_UNUSED_S", "BlobPlace", "BlobStore", "FileStore", "Incoming", "Keeper", "Sweeper", "open_store"]
