import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MultipassError } from '../../errors.js';
import { LEASES_FILE } from '../leases.js';
import type { NetPlace } from '../net-place.js';
import type { BridgeRecord } from './bridge-record.js';
import { findDnsmasq, stopDnsmasq, type DnsmasqProcess } from './dnsmasq-process.js';
import type { KnownGuest } from './known-guests.js';
import { networkTool } from './network-tool.js';

const LOG_FILE = 'dnsmasq.log';
const LOG_LIMIT = 1024 ** 2;

/** What a bridge's dnsmasq is to do. */
export interface DnsmasqRequest extends NetPlace {
  /** Of its files: an absolute path. */
  readonly folder: string;
  readonly record: BridgeRecord;
  /** Whom it serves: each has its own address, and nobody else gets any. */
  readonly guests: readonly KnownGuest[];
  /** Where it asks for names that it does not know, and who it is. Default: as the host has it. */
  readonly options?: readonly string[] | undefined;
}

/** A dnsmasq serves the bridge, with just these settings; one with others is replaced. */
export async function ensureDnsmasq(request: DnsmasqRequest): Promise<void> {
  const { folder, record, signal, inside } = request;
  const wanted = argumentsFor(request);
  const found = findDnsmasq(folder, record.bridge, inside);
  if (found !== undefined) {
    if (isSame(found, wanted)) return;
    await stopDnsmasq(found, signal);
  }
  await startDnsmasq(request, wanted);
}

/**
 * Starts dnsmasq, which puts itself into the background: once this returns it answers, it keeps nothing of ours open,
 * and it survives us. It opens its files before it gives up being root, so that the folder may be closed to others.
 * @throws MultipassError NETWORK_FAILED with its own words, NETWORK_UNAVAILABLE
 */
async function startDnsmasq(
  { folder, through, signal }: DnsmasqRequest,
  args: readonly string[],
): Promise<void> {
  await dropLongLog(join(folder, LOG_FILE));
  try {
    await networkTool('dnsmasq', args, 'start dnsmasq', { through, signal });
  } catch (error) {
    if (!(error instanceof MultipassError) || !/address already in use/i.test(error.message)) {
      throw error;
    }
    throw new MultipassError(error.code, error.message, {
      cause: error,
      details: error.details,
      hint:
        'Let the other DNS or DHCP server of this host listen on some addresses only (`ss -lntup` shows ' +
        'which it is).',
    });
  }
}

/**
 * As Multipass has it, but for our own files, and for whom it serves: a guest that makes MAC addresses up could take
 * every address of a range. Each value is a whole word, so that a path may hold anything.
 */
function argumentsFor({ folder, record, guests, options = [] }: DnsmasqRequest): string[] {
  const { bridge, subnet } = record;
  return [
    // The host's own configuration is not for us.
    '--conf-file=/dev/null',
    `--pid-file=${join(folder, 'dnsmasq.pid')}`,
    `--dhcp-leasefile=${join(folder, LEASES_FILE)}`,
    `--log-facility=${join(folder, LOG_FILE)}`,
    `--interface=${bridge}`,
    `--listen-address=${subnet.address(1)}`,
    '--except-interface=lo',
    '--bind-interfaces',
    '--strict-order',
    '--domain=multipass',
    '--local=/multipass/',
    '--dhcp-no-override',
    '--dhcp-authoritative',
    `--dhcp-range=${subnet.address(0)},static,infinite`,
    // By MAC address alone: guests that share a machine-id, and so a client id, have different ones all the same.
    '--dhcp-ignore-clid',
    ...options,
    ...guests.map(({ mac, address }) => `--dhcp-host=${mac.toString()},${address},infinite`),
  ];
}

function isSame(found: DnsmasqProcess, wanted: readonly string[]): boolean {
  const words = found.argv.slice(1);
  return words.length === wanted.length && words.every((word, at) => word === wanted[at]);
}

async function dropLongLog(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && found.size > LOG_LIMIT) await rm(path, { force: true });
}
