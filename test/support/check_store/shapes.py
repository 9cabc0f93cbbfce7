"""The shapes of the records, as docs/store-layout.md lists their keys. Keys that it does not list may be there, too."""

import json
import os
import re
import stat

LARGEST_RECORD = 16 * 1024 * 1024
UUID = r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
MAC = r'([0-9a-f]{2}:){5}[0-9a-f]{2}'
TIME = r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z'
OCTET = r'(0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])'
IPV4 = rf'{OCTET}(\.{OCTET}){{3}}'
FILE_NAME = r'[A-Za-z0-9_][A-Za-z0-9._-]*'


class Invalid(Exception):
    """A record that is not what it should be; the text names the place in it."""


def at_least(least, most=2**53 - 1):
    def check(value, at):
        if type(value) is not int or not least <= value <= most:
            raise Invalid(f'{at}: expected a number from {least} to {most}')

    return check


def text(pattern=r'(?s:.*)'):
    def check(value, at):
        if type(value) is not str or re.fullmatch(pattern, value) is None:
            raise Invalid(f'{at}: expected a text like {pattern}')

    return check


def flag(value, at):
    if type(value) is not bool:
        raise Invalid(f'{at}: expected true or false')


def or_null(inner):
    return lambda value, at: None if value is None else inner(value, at)


def each(inner, least=0):
    def check(value, at):
        if type(value) is not list or len(value) < least:
            raise Invalid(f'{at}: expected a list of {least} or more')
        for index, item in enumerate(value):
            inner(item, f'{at}/{index}')

    return check


def mapped(inner, key=r'(?s:.*)'):
    def check(value, at):
        if type(value) is not dict:
            raise Invalid(f'{at}: expected an object')
        for name, item in value.items():
            text(key)(name, f'{at}/{name}')
            inner(item, f'{at}/{name}')

    return check


def record(optional=None, **keys):
    def check(value, at):
        mapped(lambda item, place: None)(value, at)
        for name, inner in keys.items():
            if name not in value:
                raise Invalid(f'{at}/{name}: missing')
            inner(value[name], f'{at}/{name}')
        for name, inner in (optional or {}).items():
            if name in value:
                inner(value[name], f'{at}/{name}')

    return check


INTERFACE = record(mac=text(MAC), network=or_null(text()), auto=flag)
MAPPING = record(host=at_least(0), guest=at_least(-1))
MOUNT = record(
    source=text(),
    target=text(r'(?s:/.*)'),
    type=text('classic|native'),
    uidMappings=each(MAPPING),
    gidMappings=each(MAPPING),
)
PORT = at_least(1, 65535)
FORWARD = record(address=text(IPV4), hostPort=PORT, guestPort=PORT, protocol=text('tcp|udp'))
SPEC = record(
    uuid=text(UUID),
    vmgenid=text(UUID),
    cpus=at_least(1),
    memory=at_least(1),
    disk=at_least(1),
    sshUser=text(),
    sshKey=or_null(text(FILE_NAME)),
    interfaces=each(INTERFACE, least=1),
    mounts=each(MOUNT),
    snapshotHead=at_least(0),
    deleted=flag,
    optional={'forwards': each(FORWARD), 'autostart': flag},
)
LINEAGE = record(
    sourceUuid=text(UUID),
    sourceName=text(),
    snapshot=or_null(text()),
    created=text(TIME),
    strategy=text(r'[a-z]+'),
)
ORIGIN = record(
    name=text(),
    mac=or_null(text()),
    disk=record(inode=text(r'\d+'), size=text(r'\d+'), mtimeNs=text(r'\d+')),
    created=text(TIME),
)
IMAGE = {
    'id': text(),
    'release': text(),
    'os': text(),
    'version': text(),
    'query': record(release=text(), remote=text(), type=text('alias|file|http')),
    'lineage': or_null(LINEAGE),
    'migratedFrom': or_null(ORIGIN),
}
INSTANCE_IMAGE = record(**IMAGE)
VAULT_IMAGE = record(**IMAGE, aliases=each(text()), remote=text(), created=text(TIME))
CARD = record(mac=text(MAC), backend=record(kind=text('user|tap')))
SHARE = record(tag=text(), path=text(r'(?s:/.*)'), security=text('none|passthrough'))
MACHINE = record(
    arch=text(),
    type=text(),
    accelerator=text('kvm|tcg'),
    cpus=at_least(1),
    memory=at_least(1),
    uuid=text(UUID),
    vmgenid=text(UUID),
    hasSeed=flag,
    cards=each(CARD),
    optional={'shares': each(SHARE), 'seenAs': or_null(record(uid=at_least(0), gid=at_least(0)))},
)
RUN_MACHINE = record(machine=MACHINE, started=text())
SNAPSHOT = record(
    index=at_least(1, 9999),
    name=text(),
    comment=text(),
    parent=at_least(0),
    created=text(TIME),
    cpus=at_least(1),
    memory=at_least(1),
    disk=at_least(1),
    interfaces=each(INTERFACE),
    mounts=each(MOUNT),
    instanceId=or_null(text()),
    optional={'consistency': text('frozen|crash'), 'machine': MACHINE},
)
TAG = record(tag=text(r'@s\d{1,5}|suspend'))
STILL = record(resume=flag, thaw=flag)
LIVE = record(tag=text(r'@s\d{1,5}'), record=SNAPSHOT, resume=flag, thaw=flag)
OPERATIONS = {
    'rewrite': record(),
    'snapshot': TAG,
    'restore': TAG,
    'delete-snapshot': TAG,
    'resize': record(size=at_least(1)),
    'rebase': record(backing=or_null(text(r'base-[A-Za-z0-9_-]+\.qcow2'))),
    'freeze': record(id=text('[0-9a-f]{24}'), resume=flag, thaw=flag),
    'still': STILL,
    'live-snapshot': LIVE,
    'live-delete': record(tag=text(r'@s\d{1,5}'), resume=flag, thaw=flag),
}
SEED_TEXTS = record(**{'meta-data': text(), 'network-config': text()})


def PENDING(value, at):
    record(operation=text('|'.join(OPERATIONS)), arguments=record(), records=record())(value, at)
    OPERATIONS[value['operation']](value['arguments'], f'{at}/arguments')
    for name, item in value['records'].items():
        place = f'{at}/records/{name}'
        if name == 'spec.json':
            SPEC(item, place)
        elif name == 'cloud-init-config.iso':
            SEED_TEXTS(item, place)
        elif re.fullmatch(r'snapshots/\d{4}\.json', name):
            or_null(SNAPSHOT)(item, place)
        else:
            raise Invalid(f'{place}: expected no such file')


ALIAS = record(
    instance=text(), uuid=text(UUID), command=text(), workingDirectory=text('map|default')
)
ALIASES = record(format=at_least(1, 1), active=text(), contexts=mapped(mapped(ALIAS)))
SETTINGS = mapped(lambda value, at: None)
KNOWN_SETTINGS = record(
    optional={
        'client.primary-name': text(),
        'local.driver': text(),
        'local.passphrase': text(),
        'local.bridged-network': text(),
        'local.privileged-mounts': text('true|false'),
        'local.image.mirror': text(),
        'local.network': text('auto|shared|user|bridge'),
        'local.accelerator': text('auto|kvm|tcg'),
        'local.default.cpus': text(r'\d*'),
    }
)
STORE = record(format=at_least(1, 1))
HOST = record(machine=text(r'.+'), name=text(), since=text(TIME))
ANYTHING = record()
PROCESS = record(pid=at_least(1), startTime=text(r'\d+'))


def read_json(path, shape):
    """A record, held against its shape. Raises OSError; Invalid for what is no regular file, no JSON, or other JSON."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(handle, 'rb') as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Invalid('expected a regular file')
        data = file.read(LARGEST_RECORD + 1)
    if len(data) > LARGEST_RECORD:
        raise Invalid('too large for a record')
    try:
        value = json.loads(data.decode('utf-8'))
    except ValueError as error:
        raise Invalid(f'no JSON: {error}') from error
    shape(value, '')
    return value
