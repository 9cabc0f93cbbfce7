"""Folders, times and processes, as the checks of a store see them."""

import ctypes
import hashlib
import os
import re
import struct

TOKEN = r'[0-9a-f]{12}\.[0-9a-f]{12}\.\d+\.\d+\.\d+\.[0-9a-f]{16}'
BASE = r'base-[A-Za-z0-9_-]+\.qcow2'
NAME = r'[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'

libc = ctypes.CDLL(None, use_errno=True)


def entries(folder):
    """The names in a folder, sorted; none where there is no folder, or a link to one."""
    try:
        return [] if os.path.islink(folder) else sorted(os.listdir(folder))
    except OSError:
        return []


def status(path):
    try:
        return os.lstat(path)
    except OSError:
        return None


def born(path):
    """When a file was made, in nanoseconds; None where the file system does not say."""
    at_fdcwd, no_follow, birth = -100, 0x100, 0x800
    buffer = ctypes.create_string_buffer(256)
    if libc.statx(at_fdcwd, os.fsencode(path), no_follow, birth, buffer) != 0:
        return None
    if not struct.unpack_from('<I', buffer, 0)[0] & birth:
        return None
    seconds, nanoseconds = struct.unpack_from('<qI', buffer, 80)
    return seconds * 10**9 + nanoseconds


def process_lives(pid, start):
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as file:
            fields = file.read().rpartition(')')[2].split()
        return fields[0] not in 'ZX' and fields[19] == start
    except OSError:
        return False


def short_hash(path):
    try:
        with open(path, encoding='utf-8') as file:
            return hashlib.sha256(file.read().strip().encode()).hexdigest()[:12]
    except OSError:
        return ''


def is_maker_dead(token):
    """Whether a token's process is known to have ended: one of this machine, in this boot and namespace, or of an earlier boot."""
    machine, boot, namespace, pid, start = token.split('.')[:5]
    if machine != short_hash('/etc/machine-id'):
        return False
    if boot != short_hash('/proc/sys/kernel/random/boot_id'):
        return True
    own = re.search(r'\d+', os.readlink('/proc/self/ns/pid'))
    return own is not None and own.group() == namespace and not process_lives(pid, start)
