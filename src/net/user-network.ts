import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { errnoOf, fromSystemError } from '../errors.js';
import { hostSubnets, noFreeSubnet } from './host-subnets.js';
import { freeSubnet, Subnet } from './subnet.js';

const LOOPBACK = '127.0.0.1';

/** What decides on an instance's subnet. */
export interface UserSubnetRequest {
  /** The instance's uuid: the same one gets the same subnet, as long as that is free. */
  readonly seed: string;
  /** Subnets of other instances, written `10.1.2.0/24`. */
  readonly taken: readonly string[];
}

/**
 * The subnet that QEMU makes for an instance in user mode, without privileges, such as `10.1.2.0/24`: derived from its
 * uuid, so that each instance has its own, and the next free one when that overlaps a subnet of the host or one of
 * `taken`. Two guests never have the same address, which tells them apart in `list` and in logs.
 * @throws MultipassError NETWORK_FAILED when every private subnet is in use
 */
export function userSubnet({ seed, taken }: UserSubnetRequest): string {
  const others = taken.flatMap((text) => Subnet.tryParse(text) ?? []);
  const start = createHash('sha256').update(seed).digest().readUInt16BE();
  const subnet = freeSubnet(start, [...others, ...hostSubnets()]);
  if (subnet === undefined) throw noFreeSubnet();
  return subnet.toString();
}

/**
 * A TCP port of 127.0.0.1 that nobody listens on now. Nothing keeps it: whoever binds it next has it, so that a caller
 * must be ready to ask again when its own bind fails.
 * @throws MultipassError IO_ERROR when there is none
 */
export async function freeLoopbackPort(): Promise<number> {
  try {
    return await bindOnce(0);
  } catch (error) {
    throw fromSystemError(error, 'find a free port');
  }
}

/** True when a port of 127.0.0.1 can be bound now, by us. */
export async function isPortFree(port: number): Promise<boolean> {
  try {
    await bindOnce(port);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EADDRINUSE' || errno === 'EACCES') return false;
    throw fromSystemError(error, `look at port ${port}`);
  }
}

async function bindOnce(port: number): Promise<number> {
  const server = createServer();
  server.listen({ port, host: LOOPBACK, exclusive: true });
  await once(server, 'listening');
  const { port: bound } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return bound;
}
