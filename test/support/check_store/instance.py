"""What holds of one instance's folder."""

import os
import re
import stat

from places import BASE, NAME, born, entries, process_lives, status
from qcow2 import BadDisk, Qcow2
from seed import BadSeed, macs_in, read_seed, value_of
from shapes import INSTANCE_IMAGE, PENDING, PROCESS, RUN_MACHINE, SNAPSHOT, SPEC, Invalid, read_json


class Instance:
    """One folder of `instances/`; `say(kind, path, text)` is told what is wrong with it."""

    def __init__(self, store, name):
        self.store, self.name, self.place = store, name, f'instances/{name}'
        self.spec = self.pending = self.disk = self.instance_id = None
        self.snapshots = {}

    def at(self, *names):
        return os.path.join(self.store.root, self.place, *names)

    def say(self, kind, file, text):
        self.store.say(kind, f'{self.place}/{file}' if file else self.place, text)

    def read(self, file, shape, needed=False):
        if status(self.at(file)) is None:
            if needed:
                self.say('file-missing', file, 'is missing')
            return None
        try:
            return read_json(self.at(file), shape)
        except (OSError, Invalid) as error:
            self.say('record-invalid', file, str(error))
            return None

    def check(self):
        folder = status(self.at())
        if not stat.S_ISDIR(folder.st_mode):
            self.say('not-an-instance', '', 'is no folder')
            return
        if not entries(self.at()):
            return
        if re.fullmatch(NAME, self.name) is None:
            self.say('name-invalid', '', 'no instance can be called like this')
        self.spec = self.read('spec.json', SPEC, needed=True)
        self.read('image-record.json', INSTANCE_IMAGE, needed=True)
        self.pending = self.read('pending.json', PENDING)
        for file in ['', 'lock', *entries(self.at())]:
            self.check_rights(file)
        self.read_snapshots()
        chain = self.check_disk()
        self.check_bases(chain)
        if self.spec is not None:
            self.check_seed()
            self.check_key()
        self.check_memory()
        if self.disk is not None and self.spec is not None and status(self.at('pending.json')) is None:
            self.check_tags()
        self.check_run()
        self.check_rest()

    def check_rights(self, file):
        entry = status(self.at(file))
        if entry is None or stat.S_ISLNK(entry.st_mode):
            return
        if entry.st_mode & 0o022:
            self.say('open-to-writers', file, 'others may change it')

    def read_snapshots(self):
        for file in entries(self.at('snapshots')):
            if re.fullmatch(r'.*\.json\.\d+', file):
                self.left('draft-left', f'snapshots/{file}', 'a killed writer left it')
            elif re.fullmatch(r'\d{4}\.json', file) is None:
                self.say('unknown-file', f'snapshots/{file}', 'no snapshot is called like this')
            else:
                record = self.read(f'snapshots/{file}', SNAPSHOT)
                if record is not None and record['index'] != int(file[:4]):
                    self.say('record-invalid', f'snapshots/{file}', f'says that it is number {record["index"]}')
                elif record is not None:
                    self.snapshots[record['index']] = record
        names = [record['name'] for record in self.snapshots.values()]
        if len(set(names)) != len(names):
            self.say('snapshot-twice', 'snapshots', 'two have one name')

    def check_disk(self):
        """The names of the bases below the head; None where they cannot be followed."""
        chain, file, is_whole = [], 'disk.qcow2', True
        while file is not None:
            try:
                with Qcow2(self.at(file)) as disk:
                    if file == 'disk.qcow2':
                        self.disk = disk
                    self.check_layer(file, disk)
                    backing, backing_format = disk.backing, disk.backing_format
            except FileNotFoundError:
                kind, place = ('disk-missing', file) if file == 'disk.qcow2' else ('base-missing', 'disk.qcow2')
                self.say(kind, place, f'"{file}" is missing')
                return None
            except (OSError, BadDisk) as error:
                self.say('disk-invalid' if file == 'disk.qcow2' else 'base-invalid', file, str(error))
                is_whole = False
                break
            if backing is None:
                break
            if re.fullmatch(BASE, backing) is None or backing in chain or backing_format != 'qcow2':
                self.say('disk-leads-out', file, f'it stands on "{backing}" ({backing_format})')
                return None
            chain.append(backing)
            file = backing
        return chain if is_whole else None

    def check_layer(self, file, disk):
        is_head = file == 'disk.qcow2'
        if is_head and self.spec is not None and self.pending is None and disk.size != self.spec['disk']:
            self.say('disk-size', file, f'it has {disk.size} bytes, the spec {self.spec["disk"]}')
        if not is_head and disk.snapshots:
            self.say('base-changed', file, 'a base holds no snapshots')
        if disk.corrupt or (disk.dirty and not self.runs()):
            self.say('disk-damaged', file, 'it is marked as dirty or corrupt')
        # What qemu-img or QEMU is at, or was, is put in order with the operation that is pending, or the next start.
        if is_head and (self.pending is not None or status(self.at('run/qemu.pid')) is not None):
            return
        harm, leaks = disk.check()
        if harm:
            self.say('disk-damaged' if is_head else 'base-damaged', file, harm[0])
        elif leaks and is_head:
            self.left('disk-leaks', file, leaks[0])

    def check_bases(self, chain):
        if chain is None:
            return
        head = self.at('disk.qcow2')
        for base in chain:
            entry = status(self.at(base))
            if entry.st_mode & 0o222:
                # It is the head itself until an empty one has taken its place, and made immutable after that.
                self.left('base-writable', base, 'it can be written to', inode=entry.st_ino)
        if chain:
            below, made = status(self.at(chain[0])), born(head)
            base_made = born(self.at(chain[0]))
            if made and base_made and base_made < made < below.st_mtime_ns:
                self.say('base-changed', chain[0], 'it was written to after the head was made on it')
        for file in entries(self.at()):
            if re.fullmatch(BASE, file) and file not in chain and self.pending is None:
                self.left('base-stray', file, 'nothing stands on it')
        entry = status(head)
        if entry is not None and entry.st_nlink > 1:
            self.left('disk-has-other-names', 'disk.qcow2', f'it has {entry.st_nlink} names')

    def check_memory(self):
        is_wanted = status(self.at('memory.json')) is not None
        for file in ('memory.ram', 'memory.devices'):
            is_there = status(self.at(file)) is not None
            if is_wanted and not is_there:
                self.say('memory-missing', file, 'memory.json is there without it')
            elif is_there and not is_wanted:
                self.left('memory-left', file, 'it is there without memory.json')

    def check_seed(self):
        if status(self.at('cloud-init-config.iso')) is None:
            return
        try:
            files = read_seed(self.at('cloud-init-config.iso'))
        except (OSError, BadSeed) as error:
            self.say('seed-invalid', 'cloud-init-config.iso', str(error))
            return
        texts = {name: data.decode('utf-8', 'replace') for name, data in files.items()}
        self.instance_id = value_of(texts.get('meta-data', ''), 'instance-id')
        if self.instance_id is None:
            self.say('seed-invalid', 'cloud-init-config.iso', 'its meta-data has no instance-id')
        if self.pending is not None:
            return
        wanted = {card['mac'] for card in self.spec['interfaces']}
        strange = macs_in(texts.get('network-config', '')) - wanted
        if strange:
            self.say('seed-foreign', 'cloud-init-config.iso', f'it knows {sorted(strange)}, which the spec does not')

    def check_key(self):
        key = self.spec['sshKey']
        if key is not None and status(os.path.join(self.store.root, 'keys', key)) is None:
            self.store.say('key-missing', f'keys/{key}', f'the key of "{self.name}" is missing')

    def check_tags(self):
        tags = [one['tag'] for one in self.disk.snapshots if one['tag'] != 'suspend']
        for tag in {f'@s{index}' for index in self.snapshots} - set(tags):
            self.say('snapshot-tag-missing', 'disk.qcow2', f'it has no "{tag}"')
        for tag in set(tags) - {f'@s{index}' for index in self.snapshots}:
            self.say('snapshot-tag-stray', 'disk.qcow2', f'"{tag}" has no record')
        if len(set(tags)) != len(tags):
            self.say('snapshot-tag-stray', 'disk.qcow2', 'two snapshots have one tag')
        for index, record in self.snapshots.items():
            if record['parent'] not in {0, *self.snapshots} - {index}:
                self.say('snapshot-parent-missing', 'snapshots', f'number {index} descends from {record["parent"]}')
        if self.spec['snapshotHead'] not in {0, *self.snapshots}:
            self.say('snapshot-parent-missing', 'spec.json', f'it descends from {self.spec["snapshotHead"]}')

    def runs(self):
        try:
            process = read_json(self.at('run/qemu.pid'), PROCESS)
            return process_lives(process['pid'], process['startTime'])
        except (OSError, Invalid):
            return False

    def check_run(self):
        self.read('run/machine.json', RUN_MACHINE)
        for file in entries(self.at('run')):
            if not file.endswith('.pid'):
                continue
            process = self.read(f'run/{file}', PROCESS)
            if process is not None and not process_lives(process['pid'], process['startTime']):
                kind = 'run-ended-uncleanly' if file == 'qemu.pid' else 'keeper-ended'
                self.left(kind, f'run/{file}', 'its process has ended')

    def check_rest(self):
        """What there is only while somebody works on the instance, or was killed at it."""
        for file in entries(self.at()):
            if re.fullmatch(r'.*\.json\.\d+', file):
                self.left('draft-left', file, 'a killed writer left it')
        for file, kind in [
            ('pending.json', 'operation-pending'),
            ('disk.qcow2.new', 'draft-left'),
            ('cloud-init-config.iso.new', 'draft-left'),
        ]:
            if status(self.at(file)) is not None:
                self.left(kind, file, 'an operation is not finished')
        if status(self.at('.claim')) is not None:
            self.say('claim-left', '.claim', 'what is published has claimed all of it')
        self.store.forbid_paths(self.place, self.at())

    def left(self, kind, file, text, inode=None):
        """What a kill may leave, and the next command puts right."""
        if self.store.at_rest and inode not in self.store.told:
            self.store.told.add(inode) if inode is not None else None
            self.say(kind, file, text)

    def uuids(self):
        """As what it may be known: while an operation is pending, as what it was or as what it will be."""
        later = self.pending['records'].get('spec.json') if self.pending is not None else None
        return [one['uuid'] for one in (self.spec, later) if one is not None]

    def macs(self):
        """Every address that is this instance's, its snapshots' too."""
        records = [self.spec, *self.snapshots.values()]
        if self.pending is not None:
            records += [one for name, one in self.pending['records'].items() if name.endswith('.json') and one]
        return {card['mac'].replace(':', '') for one in records for card in one['interfaces']}
