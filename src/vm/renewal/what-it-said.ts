import type { NewSelf } from './renew-script.js';

/** What a guest has said of its renewal, and of itself afterwards. */
export interface Said {
  /** Lines of its public host keys: type and key. */
  readonly hostKeys: readonly string[];
  /** What has not become its own, in words; none: all has. */
  readonly missing: readonly string[];
}

const MAC = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/;
const HOST_KEY = /^[a-z0-9@.-]+ [A-Za-z0-9+/=]+$/;
/** Seconds that a clock may be off: nobody knows how long the answer was on its way. */
const CLOCK_OFF = 60;

/**
 * Reads what a guest says in lines; none of it is believed further than that.
 * @param previousKeys lines of the host keys that it must not have any more
 */
export function readWhatItSaid(
  text: string,
  self: Omit<NewSelf, 'macs'>,
  previousKeys: string,
): Said {
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [key = '', ...rest] = line.trim().split(' ');
    const known = values.get(key) ?? [];
    if (known.length === 0) values.set(key, known);
    known.push(rest.join(' '));
  }
  const all = (key: string): readonly string[] => values.get(key) ?? [];
  const hostKeys = all('hostkey').filter((key) => HOST_KEY.test(key));
  const before = all('before').map((line) => line.replace('machine-id ', ''));
  const missing = [
    ...all('failed'),
    ...(all('done').length === 0 ? ['it did not come to the end'] : []),
    ...all('hostname')
      .filter((name) => name !== self.hostname)
      .map((name) => `its hostname is "${name}"`),
    ...all('machine-id')
      .filter((id) => before.includes(id))
      .map(() => 'its machine-id is the old one'),
    ...all('instance-id')
      .filter((id) => id !== self.instanceId)
      .map((id) => `its instance-id is "${id}"`),
    ...(hostKeys.length === 0 ? ['it has no ssh host keys'] : []),
    ...hostKeys
      .filter((key) => previousKeys.includes(key.split(' ')[1] ?? ''))
      .map((key) => `its ssh host key (${key.split(' ')[0]}) is the old one`),
    ...all('clock')
      .filter((seconds) => !(Math.abs(Number(seconds) - Date.now() / 1000) < CLOCK_OFF))
      .map(() => 'its clock is wrong'),
  ];
  return { hostKeys, missing };
}

/** The MAC addresses that a guest says its cards have. */
export function macsItSaid(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim().replace(/^mac /, ''))
    .filter((mac) => MAC.test(mac));
}
