import type { JsonPlace } from '../../files/decoder.js';
import { OWN_TAP } from '../../net/bridge/tap.js';
import type { Accelerator, Card, CardBackend, Machine, SeenAs, Share } from '../../qemu/machine.js';
import { decodeUuid } from './spec.js';

const ACCELERATORS: readonly Accelerator[] = ['kvm', 'tcg'];
/** What becomes a word of QEMU's command line, unquoted. */
const WORD = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const SUBNET = /^(?:\d{1,3}\.){3}0\/24$/;
const TAG = /^[A-Za-z0-9]{1,31}$/;
const MAC = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/;

/** Decodes a machine that a guest's memory belongs to. @throws RecordError that names the file and the place in it */
export function decodeMachine(machine: JsonPlace): Machine {
  return {
    arch: machine.key('arch').matching(WORD, 'a processor family'),
    type: machine.key('type').matching(WORD, "one of QEMU's boards"),
    accelerator: machine.key('accelerator').oneOf(ACCELERATORS),
    cpus: machine.key('cpus').integer(1),
    memory: machine.key('memory').integer(1),
    uuid: decodeUuid(machine.key('uuid')),
    vmgenid: decodeUuid(machine.key('vmgenid')),
    hasSeed: machine.key('hasSeed').boolean(),
    cards: machine.key('cards').items().map(decodeCard),
    shares: decodeShares(machine.key('shares')),
    seenAs: decodeSeenAs(machine.key('seenAs')),
  };
}

function decodeCard(place: JsonPlace): Card {
  return {
    mac: place.key('mac').matching(MAC, 'a MAC address in lower case'),
    backend: decodeBackend(place.key('backend')),
  };
}

function decodeBackend(place: JsonPlace): CardBackend {
  if (place.key('kind').oneOf(['user', 'tap']) === 'user') {
    const port = place.key('sshPort');
    const subnet = place.key('subnet').matching(SUBNET, 'a subnet such as 10.1.2.0/24');
    return { kind: 'user', subnet, sshPort: port.isAbsent() ? null : port.integer(1) };
  }
  // It is plugged into a bridge, which no other interface of the host may be.
  const tap = place.key('tap').matching(OWN_TAP, 'the name of a tap of ours');
  const bridge = place.key('bridge').matching(WORD, 'the name of a bridge');
  // One of before there were shared networks does not say.
  const within = place.key('within');
  return {
    kind: 'tap',
    tap,
    bridge,
    within: within.isAbsent() ? 'host' : within.oneOf(['host', 'shared']),
  };
}

/** A machine of before there were mounts has none. */
function decodeShares(place: JsonPlace): Share[] {
  return place.isAbsent() ? [] : place.items().map(decodeShare);
}

function decodeShare(place: JsonPlace): Share {
  return {
    tag: place.key('tag').matching(TAG, 'the tag of a mount'),
    path: place.key('path').matching(/^\//, 'an absolute path'),
    security: place.key('security').oneOf(['none', 'passthrough']),
  };
}

function decodeSeenAs(place: JsonPlace): SeenAs | null {
  if (place.isAbsent()) return null;
  return { uid: place.key('uid').integer(0), gid: place.key('gid').integer(0) };
}
