"""What holds of a store as a whole, by docs/store-layout.md."""

import os
import re
import stat

from instance import Instance
from places import BASE, TOKEN, entries, is_maker_dead, status
from qcow2 import BadDisk, Qcow2
from shapes import ALIASES, ANYTHING, HOST, IPV4, KNOWN_SETTINGS, STORE, UUID, VAULT_IMAGE, Invalid, read_json

FOLDERS = ['instances', 'images', 'macs', 'staging', 'trash', 'keys', 'locks', 'downloads']
RECORDS = {
    'store.json': STORE,
    'host': HOST,
    'settings.json': KNOWN_SETTINGS,
    'aliases.json': ALIASES,
    'confinement.json': ANYTHING,
    'accelerator.json': ANYTHING,
}
NETWORK_RECORDS = ['network.json', 'guests.json', 'findings.json']
OTHERS = ['registries.json', 'registries.lock']
OTHERS += ['settings.lock', 'aliases.lock', 'ssh_config', 'bin', 'ports', 'network', 'lost+found', 'data', 'cache']
PORT_ROW = rf'(tcp|udp)-({IPV4})-([1-9]\d{{0,4}})'


class Store:
    """A store that is looked at. `at_rest`: nobody works on it, and what was killed has been cleared away."""

    def __init__(self, root, at_rest):
        self.root, self.at_rest = root, at_rest
        self.findings, self.told = [], set()

    def at(self, *names):
        return os.path.join(self.root, *names)

    def say(self, kind, path, text):
        self.findings.append({'kind': kind, 'path': path, 'text': text})

    def left(self, kind, path, text):
        if self.at_rest:
            self.say(kind, path, text)

    def check(self):
        self.check_root()
        names = entries(self.at('instances'))
        self.instances = [Instance(self, name) for name in names if not name.startswith('.')]
        for instance in self.instances:
            instance.check()
        for name in names:
            if name.startswith('.'):
                self.say('unknown-file', f'instances/{name}', 'no instance is called like this')
        self.known = [one for one in self.instances if one.spec is not None]
        self.check_identities()
        self.check_macs()
        self.check_ports()
        self.check_images()
        self.check_leftovers()
        self.check_locks()
        self.check_aliases()
        return self.findings

    def check_root(self):
        if status(self.at('store.json')) is None:
            self.say('store-record-missing', 'store.json', 'is missing')
        for file, shape in RECORDS.items():
            self.read(file, shape)
        for folder in ['network', 'network/shared']:
            for file in NETWORK_RECORDS:
                self.read(f'{folder}/{file}', ANYTHING)
        for folder in FOLDERS:
            entry = status(self.at(folder))
            if entry is None:
                self.say('folder-missing', folder, 'is missing')
            elif not stat.S_ISDIR(entry.st_mode):
                self.say('folder-replaced', folder, 'is no folder')
        own = ['', *FOLDERS, 'ports', 'network', *(f'keys/{key}' for key in entries(self.at('keys')))]
        for place in own:
            self.check_rights(place, 0o077)
        for place in [*RECORDS, 'bin']:
            self.check_rights(place, 0o022)
        for name in entries(self.root):
            if re.fullmatch(r'.*\.json\.\d+', name) or re.fullmatch(rf'host\.{TOKEN}', name):
                self.left('draft-left', name, 'a killed writer left it')
            elif name not in [*FOLDERS, *RECORDS, *OTHERS]:
                self.say('unknown-file', name, 'it is nothing of the store')

    def read(self, file, shape):
        if status(self.at(file)) is None:
            return None
        try:
            return read_json(self.at(file), shape)
        except (OSError, Invalid) as error:
            self.say('record-invalid', file, str(error))
            return None

    def check_rights(self, place, forbidden):
        entry = status(self.at(place))
        if entry is None or stat.S_ISLNK(entry.st_mode):
            return
        if entry.st_mode & forbidden:
            kind = 'open-to-writers' if entry.st_mode & 0o022 else 'open-to-readers'
            self.say(kind, place, f'others may use it ({entry.st_mode & 0o7777:04o})')
        if entry.st_uid != os.stat(self.root).st_uid:
            self.say('other-owner', place, f'it belongs to {entry.st_uid}')

    def forbid_paths(self, place, folder):
        """No file of the store holds a path of the store."""
        own = os.fsencode(self.root.rstrip('/') + '/')
        for path in [os.path.join(folder, name) for name in entries(folder)]:
            entry = status(path)
            if path.endswith(('.json', '.iso')) and stat.S_ISREG(entry.st_mode) and entry.st_size < 2**24:
                with open(path, 'rb') as file:
                    if own in file.read():
                        self.say('holds-a-path', f'{place}/{os.path.basename(path)}', 'it holds a path of the store')

    def check_identities(self):
        """Each uuid, vmgenid, instance-id and MAC address is one instance's."""
        for key, what in [('uuid', 'uuid-twice'), ('vmgenid', 'vmgenid-twice')]:
            self.forbid_twice(what, 'spec.json', lambda one: [one.spec[key]])
        self.forbid_twice('instance-id-twice', 'cloud-init-config.iso', lambda one: [one.instance_id])
        self.forbid_twice('mac-twice', 'spec.json', Instance.macs)

    def forbid_twice(self, kind, file, values):
        seen = {}
        for one in self.known:
            for value in values(one):
                other = seen.setdefault(value, one)
                if other is not one and value is not None:
                    self.say(kind, f'{one.place}/{file}', f'"{other.name}" has {value}, too')
                    self.say(kind, f'{other.place}/{file}', f'"{one.name}" has {value}, too')

    def check_macs(self):
        rows = {}
        for name in entries(self.at('macs')):
            if re.fullmatch('[0-9a-f]{12}', name) is None:
                self.say('unknown-file', f'macs/{name}', 'it is no row')
                continue
            rows[name] = self.read_row(f'macs/{name}', 'mac-row-invalid')
        for one in self.known:
            for mac in one.macs():
                if rows.get(mac, '') not in [*one.uuids(), None]:
                    kind = 'mac-row-foreign' if mac in rows else 'mac-row-missing'
                    self.say(kind, f'macs/{mac}', f'"{one.name}" has this address')
        used = {mac for one in self.known for mac in one.macs()}
        if len(self.known) == len(self.instances):
            for mac in rows.keys() - used:
                self.left('mac-row-stray', f'macs/{mac}', 'nobody has this address')

    def read_row(self, place, kind):
        """The uuid in a row; None when it holds none. The second line of a MAC row is an inode."""
        with open(self.at(place), encoding='utf-8', errors='replace') as file:
            lines = file.read(4096).split('\n')
        if re.fullmatch(UUID, lines[0]) and re.fullmatch(r'\d*', ''.join(lines[1:])):
            return lines[0]
        self.say(kind, place, 'it holds no uuid')
        return None

    def check_ports(self):
        rows, wanted = {}, {}
        for name in entries(self.at('ports')):
            if name == 'lock':
                continue
            if re.fullmatch(PORT_ROW, name) is None:
                self.say('unknown-file', f'ports/{name}', 'it is no row')
                continue
            rows[name] = self.read_row(f'ports/{name}', 'port-row-invalid')
        for one in self.known:
            for forward in one.spec.get('forwards', []):
                row = f'{forward["protocol"]}-{forward["address"]}-{forward["hostPort"]}'
                key = (forward['protocol'], forward['hostPort'])
                for address, other in wanted.get(key, []):
                    if address == forward['address'] or '0.0.0.0' in (address, forward['address']):
                        self.say('port-twice', f'{one.place}/spec.json', f'"{other.name}" forwards it, too')
                        self.say('port-twice', f'{other.place}/spec.json', f'"{one.name}" forwards it, too')
                wanted.setdefault(key, []).append((forward['address'], one))
                if rows.pop(row, '') not in [*one.uuids(), None]:
                    self.say('port-row-missing', f'ports/{row}', f'"{one.name}" forwards this port')
        for row in rows:
            self.left('port-row-stray', f'ports/{row}', 'nobody forwards this port')

    def check_images(self):
        for name in entries(self.at('images')):
            place = f'images/{name}'
            record = self.read(f'{place}/image-record.json', VAULT_IMAGE)
            if record is None:
                self.say('image-broken', place, 'it has no record')
            for file in entries(self.at(place)):
                if file not in ('disk.qcow2', 'image-record.json'):
                    self.say('unknown-file', f'{place}/{file}', 'an image has no such file')
            self.check_rights(place, 0o022)
            entry = status(self.at(place, 'disk.qcow2'))
            try:
                with Qcow2(self.at(place, 'disk.qcow2')) as disk:
                    if disk.backing is not None or disk.snapshots:
                        self.say('image-broken', place, 'its disk stands on another, or has snapshots')
                if entry.st_mode & 0o222:
                    self.say('base-writable', f'{place}/disk.qcow2', 'it can be written to')
            except (OSError, BadDisk) as error:
                self.say('image-broken', place, str(error))

    def check_leftovers(self):
        """What is in the making, and on its way out, is called by the token of its maker."""
        for name in entries(self.at('staging')):
            if re.fullmatch(rf'{TOKEN}(\.commit)?', name) is None:
                self.say('unknown-file', f'staging/{name}', 'nobody signed it')
            else:
                self.left('commit-left' if name.endswith('.commit') else 'staging-left', f'staging/{name}', 'is left')
        for name in entries(self.at('trash')):
            if re.fullmatch(TOKEN, name) is None:
                self.say('unknown-file', f'trash/{name}', 'nobody signed it')
            else:
                self.left('trash-left', f'trash/{name}', 'is left')

    def check_locks(self):
        for name in entries(self.at('locks')):
            place = f'locks/{name}'
            maker = TOKEN.rpartition(r'\.')[0]
            token = re.fullmatch(rf'(?:.+@)?({TOKEN})(?:\.ephemeral)?|({maker})\.maker', name)
            if token is not None:
                if is_maker_dead(token[1] or token[2]):
                    self.left('lock-left', place, 'its process has ended')
            elif name.endswith('.lock') and os.path.isdir(self.at(place)):
                self.left('lock-left', place, 'somebody seems to have it')
            else:
                self.say('unknown-file', place, 'it is no lock')
        # A lock of a download is empty, and nobody has it; what is half there is resumed.
        for name in entries(self.at('downloads')):
            if re.fullmatch(r'.+\.[0-9a-f]{16}\.part', name):
                self.left('download-left', f'downloads/{name}', 'it is not whole')
            elif name.endswith('.lock'):
                self.left('lock-left', f'downloads/{name}', 'nobody is at it')
            else:
                self.say('unknown-file', f'downloads/{name}', 'it is no download')

    def check_aliases(self):
        record = self.read('aliases.json', ALIASES) if not self.has('record-invalid', 'aliases.json') else None
        contexts = {} if record is None else record['contexts']
        living = {one.spec['uuid'] for one in self.known}
        links = {'.run-alias', '.run-alias.new'}
        for context, aliases in contexts.items():
            for name, alias in aliases.items():
                links |= {name, f'{context}.{name}'}
                if alias['uuid'] not in living and len(self.known) == len(self.instances):
                    self.left('alias-of-nobody', 'aliases.json', f'"{name}" is of an instance that there is not')
        for name in entries(self.at('bin')):
            path = self.at('bin', name)
            if os.path.islink(path) and os.readlink(path) == '.run-alias' and name not in links:
                self.left('alias-of-nobody', f'bin/{name}', 'there is no such alias')

    def has(self, kind, path):
        return any(one['kind'] == kind and one['path'] == path for one in self.findings)
