import { execFileSync } from 'node:child_process';
import { PYTHON } from '../../support/python.js';

/** One part of vendor-data or user-data, as cloud-init comes to handle it. */
export interface Part {
  readonly type: string;
  readonly filename: string | null;
  /** Base64. */
  readonly payload: string;
  /** What PyYAML reads, when it is a cloud-config. */
  readonly config?: unknown;
}

/** Reads a blob with the very libraries that cloud-init reads it with, in the order that it does. */
const READ = `
import base64, email, json, sys, yaml
blob = sys.stdin.buffer.read()
BEGINNINGS = [("#cloud-config-archive", "text/cloud-config-archive"), ("#cloud-config", "text/cloud-config"),
    ("## template: jinja", "text/jinja2"), ("#include", "text/x-include-url"), ("#!", "text/x-shellscript"),
    ("#cloud-boothook", "text/cloud-boothook")]
def kind(text, known):
    start = text.lower().lstrip()
    return next((value for key, value in BEGINNINGS if start.startswith(key)), known)
parts = []
def add(given, filename, payload):
    text = payload.decode("utf-8", "surrogateescape")
    found = kind(text, given) if given in ("text/plain", "text/x-not-multipart", "text/x-shellscript") else given
    part = {"type": found, "filename": filename, "payload": base64.b64encode(payload).decode()}
    if found == "text/cloud-config":
        part["config"] = yaml.safe_load(text)
    parts.append(part)
if b"mime-version:" in blob[0:4096].lower():
    for part in email.message_from_string(blob.decode("utf-8")).walk():
        if part.get_content_maintype() != "multipart":
            add(part.get_content_type(), part.get_filename(), part.get_payload(decode=True))
else:
    add("text/x-not-multipart", None, blob)
json.dump(parts, sys.stdout, default=repr)
`;

export function partsOf(blob: Buffer): Part[] {
  return JSON.parse(
    execFileSync(PYTHON, ['-c', READ], { input: blob, encoding: 'utf8' }),
  ) as Part[];
}

export function payloadOf(part: Part | undefined): Buffer {
  return Buffer.from(part?.payload ?? '', 'base64');
}
