"""An own reader of the NoCloud seed: ISO 9660 (ECMA-119) with the names of Rock Ridge or Joliet."""

import os
import re
import stat
import struct

SECTOR = 2048


class BadSeed(Exception):
    """What is no seed."""


def read_seed(path):
    """The files of a seed, by name. Raises OSError; BadSeed."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(handle, 'rb') as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise BadSeed('it is no regular file')
        image = file.read(64 * 1024 * 1024)
    if image[16 * SECTOR + 1 : 16 * SECTOR + 6] != b'CD001':
        raise BadSeed('it is no ISO 9660 image')
    label = image[16 * SECTOR + 40 : 16 * SECTOR + 72].decode('ascii', 'replace').strip()
    if label.lower() != 'cidata':
        raise BadSeed(f'its label is "{label}", not cidata')
    volume, decode = volume_of(image)
    return dict(files_of(image, volume[156:190], decode))


def volume_of(image):
    """The descriptor whose folder is read, and how its names are: Joliet's where it has that."""
    for sector in range(16, 64):
        volume = image[sector * SECTOR : (sector + 1) * SECTOR]
        if volume[1:6] != b'CD001' or volume[0] == 255:
            break
        if volume[0] == 2 and volume[88:91] in (b'%/@', b'%/C', b'%/E'):
            return volume, lambda name: name.decode('utf-16-be', 'replace')
    return image[16 * SECTOR : 17 * SECTOR], lambda name: name.decode('ascii', 'replace')


def extent_of(image, entry):
    start, length = struct.unpack_from('<I', entry, 2)[0] * SECTOR, struct.unpack_from('<I', entry, 10)[0]
    if start + length > len(image):
        raise BadSeed('it is cut off')
    return image[start : start + length]


def files_of(image, root, decode):
    folder, at = extent_of(image, root), 0
    while at < len(folder):
        size = folder[at]
        if size == 0:
            at = (at // SECTOR + 1) * SECTOR
            continue
        entry = folder[at : at + size]
        if size < 34 or len(entry) != size:
            raise BadSeed('an entry of its folder is cut off')
        plain = entry[33 : 33 + entry[32]]
        if plain not in (b'\0', b'\1'):
            if entry[25] & 2:
                raise BadSeed('it has a folder')
            name = rock_ridge_name(entry[33 + entry[32] + (entry[32] + 1) % 2 :]) or decode(plain)
            yield re.sub(r';\d+$', '', name), extent_of(image, entry)
        at += size


def rock_ridge_name(fields):
    name = b''
    while len(fields) >= 4 and fields[2] >= 4:
        if fields[:2] == b'NM':
            name += fields[5 : fields[2]]
        fields = fields[fields[2] :]
    return name.decode('utf-8', 'replace')


def value_of(text, key):
    """The value of a key in the first column of a YAML text, unquoted; None when it is not there."""
    found = re.search(rf'^{key}:[ \t]*(.*?)[ \t]*(?:#.*)?$', text, re.MULTILINE)
    return found and found.group(1).strip('\'"')


def macs_in(text):
    return set(re.findall(r'\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b', text.lower()))
