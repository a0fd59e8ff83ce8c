"""A disk that loses what has not been synced when the power goes: see losing_disk.c, which keeps the journal.

    disk = LosingDisk(folder, random)      # disk.root is where the server's data lies
    Server(..., environment=disk.environment())
    server.kill(); disk.lose_power()

What is lost is drawn from what may be lost: of a file, all or a part of what was written since the last sync, or it
comes back as zeros; of a folder's changes since its last sync, all but the first few."""
import os
import shutil
import subprocess


class LosingDisk:
    def __init__(self, folder, random):
        self.random = random
        self.root = os.path.join(folder, "disk")
        self.journal = os.path.join(folder, "journal")
        self.library = os.path.join(folder, "losing_disk.so")
        self.lost_bytes = self.lost_changes = 0
        os.makedirs(self.root)
        source = os.path.join(os.path.dirname(__file__), "losing_disk.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", self.library, source, "-ldl"], check=True)

    def environment(self):
        shutil.rmtree(self.journal, ignore_errors=True)
        os.makedirs(self.journal)
        return {**os.environ, "LD_PRELOAD": self.library, "LOSING_DISK": self.journal,
                "LOSING_DISK_ROOT": self.root}

    def lose_power(self):
        """Call it when no process uses the disk any more."""
        durable, changes, synced = {}, [], {}
        with open(os.path.join(self.journal, "journal")) as journal:
            for line in journal:
                kind, *fields = line.rstrip("\n").split("\t")
                if kind == "open":
                    durable.setdefault(int(fields[0]), int(fields[1]))
                elif kind == "sync":
                    durable[int(fields[0])] = max(durable.get(int(fields[0]), 0), int(fields[1]))
                elif kind == "syncdir":
                    synced[fields[0]] = max(synced.get(fields[0], 0), int(fields[1]))
                else:
                    changes.append((kind, *fields))
        self.undo_changes(changes, synced)
        for folder, _, names in os.walk(self.root):
            for name in names:
                self.lose_content(os.path.join(folder, name), durable)

    def undo_changes(self, changes, synced):
        kept = {}  # folder -> how many of its unsynced changes stay
        undone = []
        for number, change in enumerate(changes):
            folder = os.path.dirname(change[1])
            if number < synced.get(folder, 0):
                continue
            if folder not in kept:
                kept[folder] = self.random.choice([0, 0, 1, 2, 5])
            if kept[folder] > 0:
                kept[folder] -= 1
            else:
                undone.append(change)
        for kind, path, *rest in reversed(undone):
            self.lost_changes += 1
            if kind == "create" and inode(path) == int(rest[0]):
                os.unlink(path)
            elif kind == "mkdir":
                shutil.rmtree(path, ignore_errors=True)
            elif kind == "rename" and inode(rest[0]) == int(rest[1]):
                os.rename(rest[0], path)
                if rest[2] != "-":
                    os.rename(rest[2], rest[0])
            elif kind == "unlink" and inode(path) is None:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                os.rename(rest[0], path)

    def lose_content(self, path, durable):
        size, kept = os.path.getsize(path), durable.get(inode(path))
        if kept is None or kept >= size:
            return
        self.lost_bytes += size - kept
        fate = self.random.choice(["all", "all", "part", "zeros"])
        os.truncate(path, self.random.randint(kept, size) if fate == "part" else kept)
        if fate == "zeros":
            os.truncate(path, size)


def inode(path):
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None
