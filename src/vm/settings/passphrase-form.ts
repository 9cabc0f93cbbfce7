/** Whether a text is a hash as {@link hashPassphrase} makes it. Apart from that, which loads OpenSSL. */
export function isScryptHash(text: string): boolean {
  return /^[0-9a-f]{128}$/.test(text);
}
