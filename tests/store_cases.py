"""What the tests of addresses share: a store in the memory of this process, and one that fails."""

import fsspec
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

from creditlib.rollouts.storage import location

MEMORY = "memory://bucket"


def emptied():
    """Forget all objects of the store."""
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


class _FailingFile(MemoryFile):
    """A file that takes one piece; the second one is lost, as where a connection ends."""

    def write(self, data):
        if self.tell():
            raise RuntimeError("the connection ended")
        return super().write(data)


class FailingStore(MemoryFileSystem):
    """A store of its own protocol, as a plug-in of fsspec is; it shares the memory of the other."""

    protocol = "failing"
    blocksize = 4

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("failing://", "memory://"))

    def _open(self, path, mode="rb", **kwargs):
        if "w" not in mode:
            return super()._open(path, mode, **kwargs)
        file = _FailingFile(self, self._strip_protocol(path))
        if not self._intrans:
            file.commit()
        return file


fsspec.register_implementation("failing", FailingStore, clobber=True)


def put(address, data):
    """Write an object."""
    with location(address).replaced() as file:
        file.write(data)
