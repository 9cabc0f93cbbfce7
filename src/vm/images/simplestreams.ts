import { log } from '../../log.js';
import { MultipassError } from '../../errors.js';
import type { JsonPlace } from '../../files/decoder.js';

/** An image that a server offers: one version of one product. */
export interface StreamImage {
  /** SHA-256 of the file, in hex: what the image is called in the store. */
  readonly id: string;
  /** Where the file is, below the remote's URL. */
  readonly path: string;
  /** Bytes of the file; null when the server does not say. */
  readonly size: number | null;
  /** Names to ask for it; none for any but the latest version. */
  readonly aliases: readonly string[];
  /** `Ubuntu`, … */
  readonly os: string;
  /** Such as `24.04 LTS`. */
  readonly title: string;
  /** Such as `20260518`. */
  readonly version: string;
  /** Whether that release is supported still, as its server says. */
  readonly supported: boolean;
}

const SHA256 = /^[0-9a-f]{64}$/;

/** The path of the first list of images to download that an index names; undefined when it names none. */
export function decodeIndex(place: JsonPlace): string | undefined {
  const index = place.key('index');
  for (const key of Object.keys(index.object())) {
    const entry = index.key(key);
    if (entry.key('datatype').value === 'image-downloads') return entry.key('path').string();
  }
  return undefined;
}

/**
 * The images of a manifest that run on `arch`, every version of them. What is wrong with one product, or with one
 * version of it, hides that alone.
 * @throws RecordError when the manifest as a whole is none
 */
export function decodeManifest(place: JsonPlace, arch: string): StreamImage[] {
  const products = place.key('products');
  return Object.keys(products.object()).flatMap(
    (key) => tolerate(() => decodeProduct(products.key(key), arch)) ?? [],
  );
}

function decodeProduct(product: JsonPlace, arch: string): StreamImage[] {
  if (product.key('arch').string() !== arch) return [];
  const versions = product.key('versions');
  const images = Object.keys(versions.object()).flatMap((version) => {
    const image = tolerate(() => decodeVersion(product, version));
    return image === undefined ? [] : [image];
  });
  const latest = images.reduce<StreamImage | undefined>(
    (best, image) => (best === undefined || image.version > best.version ? image : best),
    undefined,
  );
  return images.map((image) => (image === latest ? image : { ...image, aliases: [] }));
}

function decodeVersion(product: JsonPlace, version: string): StreamImage | undefined {
  const items = product.key('versions').key(version).key('items');
  const os = product.key('os').string();
  const aliases = decodeAliases(product);
  const item = preferredItem(items, os);
  if (item === undefined) return undefined;
  const size = item.key('size');
  const title = product.key('release_title');
  return {
    id: item.key('sha256').matching(SHA256, 'a SHA-256 hash'),
    path: item.key('path').string(),
    size: size.isAbsent() ? null : size.integer(1),
    aliases,
    os: os === 'ubuntu-core' ? 'Ubuntu' : os.charAt(0).toUpperCase() + os.slice(1),
    title: title.isAbsent() ? product.key('release').string() : title.string(),
    version,
    supported: isSupported(product, os, aliases),
  };
}

/** The disk that boots by UEFI, then the compressed one of Ubuntu Core, then the plain one. */
function preferredItem(items: JsonPlace, os: string): JsonPlace | undefined {
  const names = ['uefi1.img', ...(os === 'ubuntu-core' ? ['img.xz'] : []), 'disk1.img'];
  return names.map((name) => items.key(name)).find((item) => !item.isAbsent());
}

function decodeAliases(product: JsonPlace): string[] {
  const aliases = product.key('aliases');
  if (aliases.isAbsent()) return [];
  const names = aliases.string().split(',');
  return names.map((name) => name.trim()).filter((name) => name !== '');
}

function isSupported(product: JsonPlace, os: string, aliases: readonly string[]): boolean {
  if (product.key('supported').value === true || aliases.includes('devel')) return true;
  return os === 'ubuntu-core' && product.key('image_type').value === 'stable';
}

function tolerate<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
    log('debug', 'images', error.message);
    return undefined;
  }
}
