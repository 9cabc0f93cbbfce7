import { describe, expect, it } from 'vitest';
import { MacAddress } from '../../src/net/mac-address.js';

describe('MacAddress', () => {
  it('reads upper and lower case as the same address, written in lower case', () => {
    const mac = MacAddress.parse('52:54:00:AB:cd:0F');
    expect(mac.equals(MacAddress.parse('52:54:00:ab:CD:0f'))).toBe(true);
    expect(mac.equals(MacAddress.parse('52:54:00:ab:cd:10'))).toBe(false);
    expect(`${mac.toString()} ${mac.toHex()}`).toBe('52:54:00:ab:cd:0f 525400abcd0f');
    expect(JSON.stringify({ mac })).toBe('{"mac":"52:54:00:ab:cd:0f"}');
  });

  it.each(['', '52:54:00:ab:cd', '52:54:00:ab:cd:0g', '52-54-00-ab-cd-0f', '52:54:00:ab:cd:0f\n'])(
    'refuses %j',
    (text) => {
      expect(() => MacAddress.parse(text)).toThrow(
        expect.objectContaining({ code: 'MAC_INVALID', message: `Invalid MAC address: ${text}` }),
      );
      expect(MacAddress.tryParse(text)).toBeNull();
    },
  );
});
