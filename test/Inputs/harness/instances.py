"""The memory of a tenant's instances, from outside: where it is, and what is done to it there."""
import ctypes
import os

MADV_COLLAPSE, MADV_PAGEOUT = 25, 21
HUGE_PAGE = 2 << 20
PROCESS_MADVISE = 440


def _mappings(pid):
    with open(f"/proc/{pid}/maps") as file:
        for line in file:
            words = line.split()
            begin, end = (int(word, 16) for word in words[0].split("-"))
            yield begin, end, words[1], words[5] if len(words) > 5 else ""


def images(pid):
    """(begin, end) of the part of each instance that is mapped from the image."""
    return [(begin, end) for begin, end, rights, name in _mappings(pid) if rights == "rw-p" and name == "/memfd:aotc-image"]


def growths(pid):
    """The same of what each instance has beyond it now."""
    found, last = [], None
    for begin, end, rights, name in _mappings(pid):
        if begin == last and rights == "rw-p" and name == "":
            found.append((begin, end))
        last = end if rights == "rw-p" and name == "/memfd:aotc-image" else None
    return found


class _Range(ctypes.Structure):
    _fields_ = [("begin", ctypes.c_void_p), ("size", ctypes.c_size_t)]


_libc = ctypes.CDLL(None, use_errno=True)


def advise(pid, ranges, advice):
    """process_madvise of each range by itself; returns how many it was done for."""
    descriptor = os.pidfd_open(pid)
    done = 0
    for begin, end in ranges:
        one = _Range(begin, end - begin)
        done += _libc.syscall(PROCESS_MADVISE, descriptor, ctypes.byref(one), ctypes.c_size_t(1), advice, 0) > 0
    os.close(descriptor)
    return done


def huge_places(ranges):
    """The huge pages that fit in."""
    places = []
    for begin, end in ranges:
        first = (begin + HUGE_PAGE - 1) // HUGE_PAGE * HUGE_PAGE
        places += [(at, at + HUGE_PAGE) for at in range(first, end - HUGE_PAGE + 1, HUGE_PAGE)]
    return places
