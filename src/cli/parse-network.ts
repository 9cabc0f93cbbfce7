import { MacAddress, MultipassError, type WantedNetwork } from '../index.js';
import { usageError } from './failures.js';

/**
 * Reads a value of `--network`: a name alone, or fields such as `name=br0,mode=manual,mac=52:54:00:12:34:56`.
 * @throws MultipassError USAGE, with Multipass's texts
 */
export function parseNetwork(spec: string): WantedNetwork {
  if (!spec.includes('=')) {
    if (spec === '' || spec.includes(','))
      throw usageError(`error: Bad network definition: ${spec}`);
    return { name: spec, auto: true, mac: null };
  }
  let network: WantedNetwork = { name: '', auto: true, mac: null };
  for (const field of spec.split(',')) {
    const [key = '', ...rest] = field.split('=');
    if (rest.length !== 1) throw usageError(`error: Bad network field definition: ${field}`);
    network = { ...network, ...parseField(key, rest[0] ?? '') };
  }
  if (network.name === '') {
    throw usageError("error: Bad network definition: need at least a 'name' field");
  }
  return network;
}

/**
 * Adds what `--bridged` stands for, at the end.
 * @param settings null when `--bridged` was not given
 * @throws MultipassError USAGE, with Multipass's text, when the setting names no bridge
 */
export function withBridged(
  networks: readonly WantedNetwork[],
  settings: { readonly bridgedNetwork: string | null } | null,
): readonly WantedNetwork[] {
  if (settings === null) return networks;
  if (settings.bridgedNetwork === null) {
    throw usageError(
      'You have to `multipass set local.bridged-network=<name>` to use the "--bridged" shortcut.',
    );
  }
  return [...networks, { name: settings.bridgedNetwork, auto: true, mac: null }];
}

function parseField(key: string, value: string): Partial<WantedNetwork> {
  switch (key.toLowerCase()) {
    case 'name':
      return { name: value };
    case 'mode':
      if (value !== 'auto' && value !== 'manual') {
        throw usageError(`error: Bad network mode '${value}', need 'auto' or 'manual'`);
      }
      return { auto: value === 'auto' };
    case 'mac':
      return { mac: parseMac(value) };
    default:
      throw usageError(`error: Bad network field: ${key}`);
  }
}

function parseMac(text: string): MacAddress {
  try {
    return MacAddress.parse(text);
  } catch (error) {
    if (error instanceof MultipassError) throw usageError(`error: ${error.message}`, error.hint);
    throw error;
  }
}
