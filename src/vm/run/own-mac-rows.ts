import { randomUUID } from 'node:crypto';
import { MultipassError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { MacTable } from '../../store/mac-table.js';
import { StagedInstance } from '../../store/staging.js';
import type { InstanceSpec } from '../records/spec.js';

/**
 * Makes sure that the MAC addresses of an instance are its own before they appear on a network. A folder that was
 * copied into the store by hand has no rows yet, and claims them now.
 * @throws MultipassError MAC_TAKEN when another instance has one of them
 */
export async function requireOwnRows(layout: StoreLayout, spec: InstanceSpec): Promise<void> {
  const table = new MacTable(layout);
  const missing: string[] = [];
  for (const { mac } of spec.interfaces) {
    const owner = table.owner(mac.toHex());
    if (owner === undefined) missing.push(mac.toHex());
    else if (owner !== spec.uuid) throw macTaken(mac.toString());
  }
  if (missing.length === 0) return;
  const staged = await StagedInstance.create(layout, randomUUID(), null);
  try {
    for (const hex of missing) {
      if (!(await staged.claimMac(hex, spec.uuid)) && table.owner(hex) !== spec.uuid) {
        throw macTaken(hex);
      }
    }
  } finally {
    await staged.discard();
  }
}

function macTaken(mac: string): MultipassError {
  return new MultipassError('MAC_TAKEN', `the MAC address ${mac} belongs to another instance`, {
    hint: 'Two machines with one address cannot be on a network: clone the instance instead of copying its folder.',
    details: { mac },
  });
}
