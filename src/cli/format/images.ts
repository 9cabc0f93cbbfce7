import { formatMemorySize } from '../../command-line.js';
import type { ListedImage } from '../../index.js';
import { formatCsv } from './csv.js';
import { imageTitle } from './image-title.js';
import { formatJson } from './json.js';
import type { OutputFormat } from './output-format.js';
import { formatTable, NO_VALUE } from './table.js';
import { formatYaml } from './yaml-emitter.js';

const COLUMNS = ['Image', 'ID', 'Description', 'Version', 'Size', 'Disk', 'Used by'].map(
  (header) => ({ header }),
);

/** An id that is long enough to launch an image by. */
const SHOWN_ID = 12;

/** The output of `multipass image list`, in the order given. */
export function formatImages(images: readonly ListedImage[], format: OutputFormat): string {
  switch (format) {
    case 'table':
      return images.length === 0 ? 'No images found.\n' : formatTable(COLUMNS, images.map(toRow));
    case 'csv':
      return formatCsv(
        ['Image', 'Remote', 'Aliases', 'ID', 'OS', 'Release', 'Version', 'Size', 'Disk', 'Used by'],
        images.map((image) => [
          ...[image.name, image.remote, image.aliases.join(';'), image.id, image.os],
          ...[image.release, image.version, String(image.virtualBytes), String(image.bytes)],
          image.usedBy.join(';'),
        ]),
      );
    case 'json':
      return formatJson({ images: images.map(toData) });
    case 'yaml':
      return formatYaml({ images: images.map(toData) });
  }
}

function toRow(image: ListedImage): string[] {
  const { id, name, remote, version, virtualBytes, bytes, usedBy } = image;
  const isPlain = remote === '' || remote === 'release';
  return [
    ...[isPlain ? name : `${remote}:${name}`, id.slice(0, SHOWN_ID), imageTitle(image) ?? NO_VALUE],
    ...[version === '' ? NO_VALUE : version, formatMemorySize(virtualBytes)],
    ...[formatMemorySize(bytes), usedBy.length === 0 ? NO_VALUE : usedBy.join(', ')],
  ];
}

function toData(image: ListedImage) {
  const { id, name, aliases, remote, os, release, version, created } = image;
  return {
    ...{ id, name, aliases, remote, os, release, version, created },
    virtual_bytes: image.virtualBytes,
    bytes: image.bytes,
    used_by: image.usedBy,
  };
}
