"""An own reader and checker of qcow2 images, from QEMU's docs/interop/qcow2.txt: counts of references and all."""

import os
import stat
import struct

MAGIC = 0x514649FB
OFFSET = 0x00FFFFFFFFFFFE00
COPIED = 1 << 63
COMPRESSED = 1 << 62
DIRTY, CORRUPT, EXTERNAL_DATA, EXTENDED_L2 = 1, 2, 4, 16
KNOWN_FEATURES = 31
BACKING_FORMAT = 0xE2792ACA
BITMAPS = 0x23852875
LARGEST_L1 = 32 * 1024 * 1024


class BadDisk(Exception):
    """What is no whole qcow2 image."""


class Qcow2:
    """The facts of an image, and what its clusters are used for."""

    def __init__(self, path):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        self.file = open(handle, 'rb', buffering=0)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise BadDisk('it is no regular file')
            self.end = status.st_size
            self.read_header()
        except BaseException:
            self.file.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def at(self, offset, length):
        data = os.pread(self.file.fileno(), length, offset) if offset < 2**62 else b''
        if len(data) != length:
            raise BadDisk(f'it is cut off: {length} bytes at {offset} are not there')
        return data

    def read_header(self):
        if self.end < 72:
            raise BadDisk('it is too short to be one')
        head = self.at(0, 72)
        (magic, self.version, backing_at, backing_length, bits, self.size, crypt, l1_size, l1_at) = (
            struct.unpack('>IIQIIQIIQ', head[:48])
        )
        self.table_at, self.table_clusters, snapshots, snapshots_at = struct.unpack('>QIIQ', head[48:])
        if magic != MAGIC or self.version not in (2, 3):
            raise BadDisk('it does not begin like one')
        if not 9 <= bits <= 21:
            raise BadDisk(f'clusters of 2^{bits} bytes are not allowed')
        self.cluster, self.bits = 1 << bits, bits
        features, order, length = 0, 4, 72
        if self.version == 3:
            features, _, _, order, length = struct.unpack('>QQQII', self.at(72, 32))
        if features & ~KNOWN_FEATURES:
            raise BadDisk(f'it needs unknown features ({features:#x})')
        self.dirty, self.corrupt = bool(features & DIRTY), bool(features & CORRUPT)
        self.external, self.encrypted = bool(features & EXTERNAL_DATA), crypt != 0
        self.entry = 16 if features & EXTENDED_L2 else 8
        self.order = order
        if order > 6 or l1_size * 8 > LARGEST_L1:
            raise BadDisk('its tables are larger than any')
        self.l1 = (l1_at, l1_size)
        self.read_backing(backing_at, backing_length, length)
        self.snapshots = list(self.read_snapshots(snapshots_at, snapshots))
        self.snapshots_at = snapshots_at if snapshots else 0

    def read_backing(self, at, length, header):
        self.backing, self.backing_format, self.has_bitmaps = None, None, False
        if at and length:
            if length > 1023 or at + length > self.cluster:
                raise BadDisk('the name of its backing file is in a wrong place')
            self.backing = self.at(at, length).decode('utf-8', 'replace')
        end = at or self.cluster
        while header + 8 <= min(end, self.end):
            kind, size = struct.unpack('>II', self.at(header, 8))
            if kind == 0:
                break
            if size > end - header - 8:
                raise BadDisk('a header extension is too long')
            if kind == BACKING_FORMAT:
                self.backing_format = self.at(header + 8, size).decode('utf-8', 'replace')
            self.has_bitmaps |= kind == BITMAPS
            header += 8 + (size + 7) // 8 * 8

    def read_snapshots(self, at, count):
        if count > 65536 or (count and (at == 0 or at % self.cluster)):
            raise BadDisk('its table of snapshots is in a wrong place')
        for _ in range(count):
            head = self.at(at, 40)
            l1_at, l1_size, id_length, name_length = struct.unpack('>QIHH', head[:16])
            extra = struct.unpack('>I', head[36:])[0]
            names = self.at(at + 40 + extra, id_length + name_length)
            yield {'tag': names[id_length:].decode('utf-8', 'replace'), 'l1': (l1_at, l1_size)}
            at = (at + 40 + extra + id_length + name_length + 7) // 8 * 8
        self.snapshots_end = at

    def table(self, at, count, width=8):
        """Numbers of a table that is in whole clusters of the file; the last cluster need not be whole."""
        if at % self.cluster or at + count * width >= self.end + self.cluster:
            raise BadDisk(f'it is cut off, or a table of it is in a wrong place ({at})')
        data = os.pread(self.file.fileno(), count * width, at).ljust(count * width, b'\0')
        return struct.unpack(f'>{len(data) // 8}Q', data)[:: width // 8]

    def count_uses(self):
        """How often each cluster is referred to, and problems with the flags of the active tables."""
        uses, problems = {}, []

        def use(offset, length=1):
            for index in range(offset >> self.bits, (offset + length - 1 >> self.bits) + 1):
                uses[index] = uses.get(index, 0) + 1

        use(0)
        use(self.table_at, self.table_clusters * self.cluster)
        for block in self.refcount_blocks():
            if block:
                use(block, self.cluster)
        if self.snapshots_at:
            use(self.snapshots_at, self.snapshots_end - self.snapshots_at)
        active = []
        for is_active, (at, size) in [(True, self.l1)] + [(False, one['l1']) for one in self.snapshots]:
            if size:
                use(at, size * 8)
            for entry in self.table(at, size) if size else ():
                if not entry & OFFSET:
                    continue
                use(entry & OFFSET, self.cluster)
                if is_active:
                    active.append(entry)
                for data in self.table(entry & OFFSET, self.cluster // self.entry, self.entry):
                    self.use_data(data, use)
                    if is_active and data & OFFSET and not data & COMPRESSED:
                        active.append(data)
        for entry in active:
            is_single = uses[(entry & OFFSET) >> self.bits] == 1
            if bool(entry & COPIED) != is_single:
                problems.append(f'cluster {(entry & OFFSET) >> self.bits} has a wrong flag')
        return uses, problems

    def use_data(self, entry, use):
        if entry & COMPRESSED:
            shift = 62 - (self.bits - 8)
            offset = entry & ((1 << shift) - 1)
            sectors = (entry & (COMPRESSED - 1)) >> shift
            use(offset, (offset // 512 * 512 + (sectors + 1) * 512) - offset)
        elif entry & OFFSET:
            use(entry & OFFSET, self.cluster)
            if (entry & OFFSET) >= self.end + self.cluster:
                raise BadDisk('it is cut off: data are not there')

    def refcount_blocks(self):
        return [entry & ~511 for entry in self.table(self.table_at, self.table_clusters * self.cluster // 8)]

    def counted(self):
        """The counts of references that the image has on record."""
        if self.order != 4:
            raise BadDisk(f'counts of 2^{self.order} bits are not known here')
        each = self.cluster // 2
        counts = {}
        for number, block in enumerate(self.refcount_blocks()):
            if not block:
                continue
            if block >= self.end:
                raise BadDisk('it is cut off: counts of references are not there')
            data = os.pread(self.file.fileno(), self.cluster, block).ljust(self.cluster, b'\0')
            if data.strip(b'\0') == b'':
                continue
            for index, count in enumerate(struct.unpack(f'>{each}H', data)):
                if count:
                    counts[number * each + index] = count
        return counts

    def check(self):
        """What `qemu-img check` would find: (harm, leaks), as texts."""
        if self.external or self.encrypted or self.has_bitmaps:
            raise BadDisk('it keeps its data in another file, or encrypted, or has bitmaps')
        uses, harm = self.count_uses()
        counts, leaks = self.counted(), []
        for index in uses.keys() | counts.keys():
            used, count = uses.get(index, 0), counts.get(index, 0)
            if count < used:
                harm.append(f'cluster {index} is used {used} times, and counted {count} times')
            elif count > used:
                leaks.append(f'cluster {index} is counted {count} times, and used {used} times')
        return harm, leaks
