"""Makes a tree of files with names of every kind, and says what a tree holds: strange_tree.py make|tell FOLDER [COUNT]"""

import hashlib
import os
import random
import stat
import sys

NAMES = [b"plain", b"two words", b" blanks ", b"-r", b"--", b"it's", b'"q"', b"$HOME", b"`id`", b"new\nline", b"tab\t",
         b"back\\slash", b"*", b"~", b"#", b"a:b", b".hidden", b"\xff\xfe\x80 no text", "gr\u00fc\u00df".encode(),
         "\U0001f600".encode(), b"\x1b[2J", b"x" * 255, b"...", b"%s", b"a,b;c&d|e"]


def write(path, data, mode=0o644):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def make(root, count):
    random.seed(7)
    os.makedirs(root)
    for at, name in enumerate(NAMES):
        write(os.path.join(root, name), random.randbytes(at), [0o644, 0o600, 0o755, 0o400][at % 4])
        folder = os.path.join(root, b"in", name)
        os.makedirs(folder)
        write(os.path.join(folder, name), name)
    for size in (0, 1, 32767, 32768, 32769, 3 * 1024 * 1024 + 5):
        write(os.path.join(root, b"of %d" % size), random.randbytes(size))
    for name in (b"empty", b"deep/er/and/deeper"):
        os.makedirs(os.path.join(root, name))
    os.chmod(os.path.join(root, b"empty"), 0o750)
    os.makedirs(os.path.join(root, b"closed"))
    write(os.path.join(root, b"closed", b"f"), b"f")
    os.chmod(os.path.join(root, b"closed"), 0o500)
    for name, target in ((b"link", b"plain"), (b"up", b"../plain"), (b"nowhere", b"gone"), (b"odd", b"\xff new\nline")):
        os.symlink(target, os.path.join(root, b"deep" if name == b"up" else b"", name))
    with open(os.path.join(root, b"holes"), "wb") as file:
        file.write(b"begin")
        file.seek(8 * 1024 * 1024)
        file.write(b"middle")
        file.truncate(16 * 1024 * 1024)
    for at in range(count):
        folder = os.path.join(root, b"many", b"%d" % (at % 20))
        os.makedirs(folder, exist_ok=True)
        write(os.path.join(folder, b"%d" % at), b"%d\n" % at * (at % 50))


def tell(root):
    for folder, folders, files in os.walk(root):
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            info = os.lstat(path)
            what = b""
            if stat.S_ISLNK(info.st_mode):
                what = b"-> " + os.readlink(path)
            elif stat.S_ISREG(info.st_mode):
                with open(path, "rb") as file:
                    what = hashlib.file_digest(file, "sha256").hexdigest().encode()
                if info.st_size > 1 << 23:
                    what += b" with holes" if info.st_blocks * 512 < info.st_size // 4 else b" without holes"
            mode = oct(info.st_mode)
            print(ascii(os.path.relpath(path, root)), "link" if stat.S_ISLNK(info.st_mode) else mode, ascii(what))


if sys.argv[1] == "make":
    make(os.fsencode(sys.argv[2]), int(sys.argv[3]))
else:
    tell(os.fsencode(sys.argv[2]))
