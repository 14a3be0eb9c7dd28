"""Power cuts: reads the journals that powercut.c wrote for one process and takes back what no sync covers.

Per block of 4 KiB a disk may hold, after the cut, what stood there at the last covering sync or anything written since: disks
reorder. The same for sizes and names. `all` takes back everything; otherwise a seeded part, block by block.
"""
import ctypes
import glob
import os
import shutil
import struct

HEAD = struct.Struct("<IIQQQQQII")
MAGIC, BLOCK = 0x4C465043, 4096
WRITE, TRUNCATE, SYNC, DONE, CREATE, RENAME, UNLINK, FOLDER = range(1, 9)


class Record:
    def __init__(self, place, fields, path, data):
        _, self.kind, self.inode, self.offset, _, self.file_bytes, self.covers, _, _ = fields
        self.place, self.path, self.data, self.durable = place, path, data, False


def parse(path, run, start=0):
    """The records of one run of the process, from a place on; a last one that was cut short was never carried out."""
    with open(path, "rb") as file:
        file.seek(start)
        text = file.read()
    at, records = 0, []
    while at + HEAD.size <= len(text):
        fields = HEAD.unpack_from(text, at)
        if fields[0] != MAGIC or fields[8] != MAGIC:
            raise ValueError(f"{path}: no record at {at}")
        body = at + HEAD.size
        end = body + fields[7] + fields[4]
        if end > len(text):
            break
        records.append(Record((run, start + at), fields, text[body:body + fields[7]].decode(), text[body + fields[7]:end]))
        at = end
    return records


class Disk:
    """The disk of one daemon: `environment` is what it must be started with; cut() is made while it is dead."""

    def __init__(self, library, folder, journal, lies=False):
        self.folder, self.journal = folder, journal
        self.environment = {"LD_PRELOAD": library, "LIANFANG_POWERCUT_FOLDER": os.path.join(os.path.realpath(
            os.path.dirname(folder)), os.path.basename(folder)), "LIANFANG_POWERCUT_JOURNAL": journal}
        self.starts = {}  # journal: what stands before this place was trimmed
        if lies:
            self.environment["LIANFANG_POWERCUT_LIE"] = "1"

    def records(self):
        """All runs since the last cut, with `durable` set."""
        records = []
        for run, path in enumerate(self.journals()):
            records += parse(path, run, self.starts.get(path, 0))
        covered = {}  # inode: everything noted before this place
        done = set()
        for record in records:
            place = (record.place[0], record.covers)
            if record.kind == SYNC:
                covered[record.inode] = max(place, covered.get(record.inode, place))
            elif record.kind == DONE:
                done.add(place)
        for record in records:
            record.durable = record.place in done or record.place < covered.get(record.inode, (-1, 0))
        return records

    def cut(self, random=None):
        """random None: everything that is not durable goes. Returns (changes of contents taken back, names taken back)."""
        records = self.records()
        contents = self.cut_contents([r for r in records if r.kind in (WRITE, TRUNCATE)], random)
        names = self.cut_names([r for r in records if r.kind in (CREATE, FOLDER, RENAME, UNLINK)], random)
        self.forget()
        return contents, names

    def journals(self):
        return sorted(glob.glob(f"{glob.escape(self.journal)}.[0-9]*"))

    def forget(self):
        for path in self.journals():
            os.unlink(path)
        self.starts.clear()

    def trim(self):
        """Gives back the room of what is durable at the beginning of the last journal; also while the process runs."""
        paths = self.journals()
        here = [record for record in self.records() if record.place[0] == len(paths) - 1]
        if not here:
            return
        start = next((record.place[1] for record in here if not record.durable and record.kind not in (SYNC, DONE)),
                     here[-1].place[1])
        self.starts[paths[-1]] = start
        with open(paths[-1], "r+b") as file:
            ctypes.CDLL(None).fallocate(file.fileno(), 3, ctypes.c_long(0), ctypes.c_long(start // BLOCK * BLOCK))

    def cut_contents(self, records, random):
        paths, taken = {}, 0
        for folder, _, names in os.walk(self.folder):
            for name in names:
                paths[os.lstat(f"{folder}/{name}").st_ino] = f"{folder}/{name}"
        for inode in {record.inode for record in records}:
            if inode in paths:
                taken += cut_file(paths[inode], [r for r in records if r.inode == inode], random)
        return taken

    def cut_names(self, records, random):
        taken = 0
        for record in reversed(records):
            if record.durable or (random and random.random() < 0.5):
                continue
            taken += take_back_name(record)
        return taken


def take_back_name(record):
    if record.kind == RENAME:
        source, target = record.path.split("\n")
        if os.path.exists(target) and not os.path.exists(source):
            os.rename(target, source)
            return 1
    elif record.kind == UNLINK:
        if not os.path.exists(record.path) and os.path.isdir(os.path.dirname(record.path)):
            with open(record.path, "wb") as file:
                file.write(record.data)
            os.chmod(record.path, 0o600)
            return 1
    elif os.path.isdir(record.path):
        shutil.rmtree(record.path)
        return 1
    elif os.path.lexists(record.path):
        os.unlink(record.path)
        return 1
    return 0


def cut_file(path, records, random):
    """Each block and the size fall back, by themselves, to one of the states they had since the last covering sync."""
    taken, blocks, last = 0, {}, max((i for i, r in enumerate(records) if r.durable), default=-1)
    with open(path, "r+b", buffering=0) as file:
        for record in records:
            for at in range(record.offset, record.offset + len(record.data), BLOCK):
                states = blocks.setdefault(at, [])
                if record.durable:
                    states.clear()
                else:
                    states.append(record.data[at - record.offset:at - record.offset + BLOCK])
        size = os.fstat(file.fileno()).st_size
        for at, states in blocks.items():
            chosen = random.randint(0, len(states)) if random else 0
            if chosen < len(states):
                os.pwrite(file.fileno(), states[chosen], at)
                taken += 1
        sizes = [r.file_bytes for r in records[last + 1:]] + [size]
        os.ftruncate(file.fileno(), sizes[random.randint(0, len(sizes) - 1) if random else 0])
    return taken
