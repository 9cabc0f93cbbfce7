import { dataFormat } from './data-format.js';
import { HOOK_NAME, MACHINE_ID_HOOK } from './machine-id-hook.js';

/** Text that the body of a message can hold as it is. */
const PLAIN = /^[\t\n\x20-\x7e]*$/;

/** A line of base64, as long as a message may have them. */
const BASE64_LINE = /.{1,76}/g;

/**
 * Vendor-data with the hook that gives a copy of the machine a machine-id of its own: a MIME multipart of what it was,
 * unchanged in content and order, and the hook. The same vendor-data when it has the hook already.
 * @param vendorData null when there is none
 * @returns null when it is compressed, and so left alone
 */
export function withIdentityHook(vendorData: Buffer | null): Buffer | null {
  const data = vendorData ?? Buffer.alloc(0);
  if (hasIdentityHook(data)) return data;
  const format = dataFormat(data);
  if (format === 'compressed') return null;
  const parts = format === 'nothing' ? [] : [format === 'mime' ? data : partOf(data)];
  return multipart([...parts, hookPart()]);
}

/** Whether vendor-data has the hook. */
export function hasIdentityHook(vendorData: Buffer | null): boolean {
  return vendorData?.includes(HOOK_NAME) === true;
}

/**
 * The text of vendor-data with what {@link withIdentityHook} had to encode written out: to be looked through, not to be
 * parsed.
 */
export function readableVendorData(vendorData: Buffer): string {
  const encoded = /(Content-Transfer-Encoding: base64\n(?:[^\n]+\n)*\n)([A-Za-z0-9+/=\n]+)/g;
  return vendorData.toString('utf8').replace(encoded, (_, head: string, body: string) => {
    return head + Buffer.from(body, 'base64').toString('utf8');
  });
}

/** A message within a message: what is one already needs no headers of ours. */
function multipart(parts: readonly Buffer[]): Buffer {
  const boundary = freeBoundary(parts);
  const header = `Content-Type: multipart/mixed; boundary="${boundary}"\nMIME-Version: 1.0\n`;
  const pieces = parts.flatMap((part) => [Buffer.from(`\n--${boundary}\n`), part]);
  return Buffer.concat([Buffer.from(header), ...pieces, Buffer.from(`\n--${boundary}--\n`)]);
}

/** cloud-init finds out by its beginning what an unnamed text is. */
function partOf(data: Buffer): Buffer {
  const type = dataFormat(data) === 'cloud-config' ? 'text/cloud-config' : 'text/plain';
  const text = data.toString('latin1');
  if (PLAIN.test(text)) {
    return Buffer.from(
      `Content-Type: ${type}; charset="us-ascii"\nContent-Transfer-Encoding: 7bit\n\n${text}`,
    );
  }
  // Python reads a message as text: other line ends and letters would not survive that.
  const lines = data.toString('base64').match(BASE64_LINE) ?? [];
  return Buffer.from(
    `Content-Type: ${type}; charset="utf-8"\nContent-Transfer-Encoding: base64\n\n${lines.join('\n')}\n`,
  );
}

function hookPart(): Buffer {
  const headers = [
    'Content-Type: text/cloud-boothook; charset="us-ascii"',
    'Content-Transfer-Encoding: 7bit',
    `Content-Disposition: attachment; filename="${HOOK_NAME}"`,
  ];
  return Buffer.from(`${headers.join('\n')}\n\n${MACHINE_ID_HOOK}`);
}

/** One that is nowhere in the parts; always the same for the same parts, so that a seed is. */
function freeBoundary(parts: readonly Buffer[]): string {
  for (let number = 0; ; number += 1) {
    const boundary = `multipass-part-${number}`;
    if (!parts.some((part) => part.includes(boundary))) return boundary;
  }
}
