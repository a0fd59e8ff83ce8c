"""zstd by way of libzstd: Python has it only from 3.14 on."""
import ctypes

LIBRARY = ctypes.CDLL("libzstd.so.1")
for name in ("ZSTD_decompress", "ZSTD_compress", "ZSTD_compressBound", "ZSTD_isError"):
    getattr(LIBRARY, name).restype = ctypes.c_size_t
    getattr(LIBRARY, name).argtypes = None


def decompress(data, limit):
    """All frames in `data`."""
    out = ctypes.create_string_buffer(limit)
    size = LIBRARY.ZSTD_decompress(out, ctypes.c_size_t(limit), data, ctypes.c_size_t(len(data)))
    assert not LIBRARY.ZSTD_isError(ctypes.c_size_t(size)), "not zstd"
    return out.raw[:size]


def compress(data):
    out = ctypes.create_string_buffer(LIBRARY.ZSTD_compressBound(ctypes.c_size_t(len(data))))
    size = LIBRARY.ZSTD_compress(out, ctypes.c_size_t(len(out)), data, ctypes.c_size_t(len(data)), 3)
    return out.raw[:size]
