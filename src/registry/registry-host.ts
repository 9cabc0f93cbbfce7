/** Apart from references, which load OpenSSL: settings are read by commands that have to start fast. */
const HOST =
  /^(?:localhost|\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?)(?::([0-9]{1,5}))?$/;

/** Whether a text can be the host of a registry, with or without a port. */
export function isRegistryHost(text: string): boolean {
  const found = HOST.exec(text);
  return found !== null && Number(found[1] ?? 1) <= 65_535;
}
