"""Runs a command, counts its file-system steps below a folder, and strikes at one of them.

    tracer.py ROOT PLAN -- COMMAND [ARGUMENT...]

A step is a system call that can change the folder ROOT, made by any thread of any process of the command, and is
seen before it takes effect. PLAN is JSON: null only counts; {"at": 5, "kill": "main" | "child" | "all"} sends
SIGKILL in step 5 (from 0) to the command, to the child program that makes the step, or to all processes;
{"at": 5, "errno": 28} lets that one call fail; {"at": 5, "short": true} lets it write half of what it was to.
{"copy": FILE, "to": FOLDER} copies FILE, when a step has ended that syncs or renames, to FOLDER/<number of the steps
that are done>; FILE is what the file system of ROOT is in. Writes JSON lines to fd 3: the steps, at last the command's end.
"""

import ctypes
import errno
import json
import os
import platform
import signal
import struct
import sys

PTRACE_CONT, PTRACE_GETREGS, PTRACE_SETREGS = 7, 12, 13
PTRACE_SEIZE, PTRACE_LISTEN = 0x4206, 0x4208
# Follow clones, forks, vforks; tell execs and the filter's calls; kill the tracees if the tracer dies.
PTRACE_OPTIONS = 0x08 | 0x02 | 0x04 | 0x10 | 0x80 | 0x100000
EVENT_SECCOMP, EVENT_STOP = 7, 128
STOPPING = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
WALL = 0x40000000
AT_FDCWD = -100
CLONE_REQUESTS = (0x40049409, 0x4020940D)  # FICLONE, FICLONERANGE

# Indexes into struct user_regs_struct of x86-64.
RAX, ORIG_RAX, ARGUMENTS = 10, 15, (14, 13, 12, 7, 9, 8)
REGISTERS = struct.Struct('<27Q')

# Name: (number on x86-64, what its arguments name). `p0`: argument 0 is a path; `a1`: argument 1 is a path
# relative to the folder in argument 0; `f0`: argument 0 is a file descriptor.
SYSCALLS = {
    'write': (1, 'f0'),
    'open': (2, 'p0'),
    'ioctl': (16, 'f0'),
    'pwrite64': (18, 'f0'),
    'writev': (20, 'f0'),
    'sendfile': (40, 'f0'),
    'fsync': (74, 'f0'),
    'fdatasync': (75, 'f0'),
    'truncate': (76, 'p0'),
    'ftruncate': (77, 'f0'),
    'rename': (82, 'p0 p1'),
    'mkdir': (83, 'p0'),
    'rmdir': (84, 'p0'),
    'creat': (85, 'p0'),
    'link': (86, 'p0 p1'),
    'unlink': (87, 'p0'),
    'symlink': (88, 'p1'),
    'chmod': (90, 'p0'),
    'fchmod': (91, 'f0'),
    'chown': (92, 'p0'),
    'fchown': (93, 'f0'),
    'lchown': (94, 'p0'),
    'openat': (257, 'a1'),
    'mkdirat': (258, 'a1'),
    'fchownat': (260, 'a1'),
    'unlinkat': (263, 'a1'),
    'renameat': (264, 'a1 a3'),
    'linkat': (265, 'a1 a3'),
    'symlinkat': (266, 'a2'),
    'fchmodat': (268, 'a1'),
    'utimensat': (280, 'a1'),
    'fallocate': (285, 'f0'),
    'pwritev': (296, 'f0'),
    'syncfs': (306, 'f0'),
    'renameat2': (316, 'a1 a3'),
    'copy_file_range': (326, 'f2'),
    'pwritev2': (328, 'f0'),
}
BY_NUMBER = {number: (name, what.split()) for name, (number, what) in SYSCALLS.items()}
# Which argument says how much is written; of vectors, how many there are.
LENGTH_ARGUMENT = {
    'write': 2,
    'pwrite64': 2,
    'writev': 2,
    'pwritev': 2,
    'pwritev2': 2,
    'sendfile': 3,
    'copy_file_range': 4,
}
SYNCS = ('fsync', 'fdatasync', 'syncfs', 'rename', 'renameat', 'renameat2')
PIECE = 1 << 18
FLAGS_ARGUMENT = {'open': 1, 'openat': 2}

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, pid, data=None):
    """False when the tracee is dying: it can be killed at any time, and its death is told by waitpid."""
    if libc.ptrace(request, pid, None, data) >= 0:
        return True
    code = ctypes.get_errno()
    if code == errno.ESRCH:
        return False
    raise OSError(code, f'ptrace request {request:#x}: {os.strerror(code)}')


def stop_at_steps():
    """Installs a seccomp filter that stops the caller and its children in the calls of SYSCALLS only."""
    load_number, jump_equal, answer = 0x20, 0x15, 0x06
    trace, allow = 0x7FF00000, 0x7FFF0000
    program = [(load_number, 0, 0, 0)]
    for index, number in enumerate(BY_NUMBER):
        program.append((jump_equal, len(BY_NUMBER) - index, 0, number))
    program += [(answer, 0, 0, allow), (answer, 0, 0, trace)]
    code = ctypes.create_string_buffer(b''.join(struct.pack('<HBBI', *line) for line in program))
    header = ctypes.create_string_buffer(
        struct.pack('<HxxxxxxQ', len(program), ctypes.addressof(code))
    )
    no_new_privileges, set_seccomp, filter_mode = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) or libc.prctl(set_seccomp, filter_mode, header):
        raise OSError(ctypes.get_errno(), 'cannot install the seccomp filter')


def signed(register):
    return ctypes.c_int(register & 0xFFFFFFFF).value


def text_at(pid, address):
    with open(f'/proc/{pid}/mem', 'rb', buffering=0) as memory:
        return os.fsdecode(os.pread(memory.fileno(), 4096, address).split(b'\0', 1)[0])


def file_of(pid, fd):
    try:
        return os.readlink(f'/proc/{pid}/cwd' if fd == AT_FDCWD else f'/proc/{pid}/fd/{fd}')
    except OSError:
        return ''


def named_by(pid, what, arguments):
    """The absolute path that `p0`, `a1` or `f0` names; a path's last part is not followed."""
    kind, place = what[0], int(what[1])
    if kind == 'f':
        return file_of(pid, signed(arguments[place]))
    folder = signed(arguments[place - 1]) if kind == 'a' else AT_FDCWD
    if arguments[place] == 0:
        return file_of(pid, folder)
    path = os.path.join(file_of(pid, folder), text_at(pid, arguments[place]))
    parent, name = os.path.split(path.rstrip('/'))
    return os.path.join(os.path.realpath(parent), name)


def changes(name, arguments):
    if name in FLAGS_ARGUMENT:
        flags = arguments[FLAGS_ARGUMENT[name]]
        return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
    return name != 'ioctl' or arguments[1] & 0xFFFFFFFF in CLONE_REQUESTS


def copy_sparsely(source, target):
    """Holes and zeros are left out: what is copied is mostly that."""
    with open(source, 'rb', buffering=0) as old, open(target, 'wb', buffering=0) as new:
        end, at = os.fstat(old.fileno()).st_size, 0
        os.truncate(new.fileno(), end)
        while at < end:
            try:
                at = os.lseek(old.fileno(), at, os.SEEK_DATA)
            except OSError:
                return
            hole = os.lseek(old.fileno(), at, os.SEEK_HOLE)
            while at < hole:
                piece = os.pread(old.fileno(), min(PIECE, hole - at), at)
                if piece.strip(b'\0'):
                    os.pwrite(new.fileno(), piece, at)
                at += len(piece)


def send_kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Tracer:
    def __init__(self, root, plan, out):
        self.root, self.plan, self.out = os.path.realpath(root), {'at': -1, **(plan or {})}, out
        self.steps = 0
        self.synced = False
        self.alive = set()
        self.doomed = False

    def tell(self, **line):
        self.out.write(json.dumps(line) + '\n')

    def run(self, command):
        gate, opened = os.pipe()
        self.main = os.fork()
        if self.main == 0:
            os.read(gate, 1)
            stop_at_steps()
            os.execvp(command[0], command)
        if not ptrace(PTRACE_SEIZE, self.main, PTRACE_OPTIONS):
            raise OSError('the command died before it could be traced')
        os.write(opened, b'!')
        while True:
            try:
                pid, status = os.waitpid(-1, WALL)
            except ChildProcessError:
                return
            self.on_wait(pid, status)

    def on_wait(self, pid, status):
        if not os.WIFSTOPPED(status):
            self.alive.discard(pid)
            if pid == self.main:
                ended = os.WIFEXITED(status)
                self.tell(
                    exitCode=os.WEXITSTATUS(status) if ended else None,
                    signal=None if ended else signal.Signals(os.WTERMSIG(status)).name,
                )
            return
        self.alive.add(pid)
        if self.doomed:
            send_kill(pid)
        event, stopped_by = status >> 16, os.WSTOPSIG(status)
        if event == EVENT_STOP and stopped_by in STOPPING:
            ptrace(PTRACE_LISTEN, pid)
            return
        if event == EVENT_SECCOMP and not self.doomed:
            try:
                self.on_call(pid)
            except ProcessLookupError:
                pass
        ptrace(PTRACE_CONT, pid, stopped_by if event == 0 else None)

    def on_call(self, pid):
        buffer = ctypes.create_string_buffer(REGISTERS.size)
        if not ptrace(PTRACE_GETREGS, pid, ctypes.addressof(buffer)):
            return
        registers = list(REGISTERS.unpack(buffer.raw))
        name, whats = BY_NUMBER[registers[ORIG_RAX]]
        arguments = [registers[index] for index in ARGUMENTS]
        if not changes(name, arguments):
            return
        paths = [named_by(pid, what, arguments) for what in whats]
        if not any(f'{path}/'.startswith(f'{self.root}/') for path in paths):
            return
        with open(f'/proc/{pid}/status', encoding='utf-8', errors='replace') as status:
            process = int(next(line for line in status if line.startswith('Tgid:')).split()[1])
        with open(f'/proc/{process}/comm', encoding='utf-8', errors='replace') as comm:
            program = 'main' if process == self.main else comm.read().strip()
        if self.synced and 'copy' in self.plan:
            copy_sparsely(self.plan['copy'], os.path.join(self.plan['to'], str(self.steps)))
        self.synced = name in SYNCS
        self.tell(
            syscall=name,
            process=program,
            paths=[os.path.relpath(path, self.root) for path in paths],
        )
        if self.steps == self.plan['at']:
            self.strike(pid, process, registers, name)
        self.steps += 1

    def strike(self, pid, process, registers, name):
        if 'short' in self.plan:
            struck = name in LENGTH_ARGUMENT and self.shorten(pid, registers, ARGUMENTS[LENGTH_ARGUMENT[name]])
        elif 'errno' in self.plan:
            # The kernel skips a call whose number is negative, and returns what the register holds.
            registers[ORIG_RAX] = 2**64 - 1
            registers[RAX] = 2**64 - self.plan['errno']
            changed = ctypes.create_string_buffer(REGISTERS.pack(*registers))
            struck = ptrace(PTRACE_SETREGS, pid, ctypes.addressof(changed))
        else:
            struck = self.kill(process)
        if struck:
            self.tell(struck=True)

    def shorten(self, pid, registers, index):
        if registers[index] < 2:
            return False
        registers[index] //= 2
        changed = ctypes.create_string_buffer(REGISTERS.pack(*registers))
        return ptrace(PTRACE_SETREGS, pid, ctypes.addressof(changed))

    def kill(self, process):
        victim = self.plan['kill']
        if victim == 'child' and process == self.main:
            return False
        if victim == 'all':
            # A process that is just being born is killed when it reports itself.
            self.doomed = True
            for one in self.alive:
                send_kill(one)
        else:
            send_kill(self.main if victim == 'main' else process)
        return True


def main():
    if platform.machine() != 'x86_64' or sys.platform != 'linux':
        sys.exit('tracer.py knows the system calls of Linux on x86-64 only')
    root, plan, dashes, *command = sys.argv[1:]
    if dashes != '--' or not command:
        sys.exit(__doc__)
    os.set_inheritable(3, False)
    with open(3, 'w', encoding='utf-8') as out:
        Tracer(root, json.loads(plan), out).run(command)


main()
