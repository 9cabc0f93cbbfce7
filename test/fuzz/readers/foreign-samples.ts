import { OCI_MANIFEST } from '../../../src/registry/media-types.js';
import { ovfOf, sha256 } from '../../vm/foreign/support.js';
import { MANIFEST } from './travel-samples.js';

export const OVF = ovfOf(['disk.img', 'box.img']);

/** As `virsh dumpxml` writes it. */
export const DOMAIN = `<domain type='kvm' id='3'>
  <name>db</name>
  <uuid>2b0c8f63-30c1-4f3a-8b9d-3d0f4d3f1c22</uuid>
  <memory unit='KiB'>524288</memory>
  <vcpu placement='static'>2</vcpu>
  <os firmware='efi'><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><boot dev='hd'/></os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/><source file='/var/lib/libvirt/images/disk.img'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='cdrom'><source file='/tmp/seed.iso'/></disk>
    <interface type='network'><mac address='52:54:00:11:22:33'/><model type='e1000'/></interface>
    <filesystem type='mount'><source dir='/srv'/><target dir='srv'/></filesystem>
    <tpm model='tpm-crb'/>
  </devices>
</domain>
`;

export const LIMA = `# a comment
images:
- location: "https://cloud-images.ubuntu.com/a.img"
  arch: "x86_64"
cpus: 4
memory: "4GiB"
mounts:
- location: "~"
- location: "/tmp/lima"
  writable: true
user: { name: ada }
`;

export const INCUS_IMAGE = `architecture: x86_64
creation_date: 1700000000
properties:
  name: noble
  os: Ubuntu
  release: noble
templates:
  /etc/hostname:
    when: [create, copy]
    template: hostname.tpl
`;

export const INCUS_BACKUP = `name: db
backend: dir
type: virtual-machine
snapshots: [one]
config:
  instance:
    architecture: x86_64
    config:
      image.os: Ubuntu
      image.release: noble
      limits.cpu: "2"
      limits.memory: 2GiB
    devices:
      root: {path: /, pool: default, type: disk}
      eth1: {type: nic}
`;

const IMAGE = Buffer.from(JSON.stringify({ ...MANIFEST, artifactType: undefined, config: {} }));
const INSTANCE = Buffer.from(JSON.stringify(MANIFEST));

export const OCI_BLOBS = [IMAGE, INSTANCE].map(
  (data) => [`blobs/sha256/${sha256(data)}`, data] as const,
);

export const OCI_INDEX = {
  schemaVersion: 2,
  manifests: [
    {
      mediaType: OCI_MANIFEST,
      digest: `sha256:${sha256(IMAGE)}`,
      size: 2,
      platform: { architecture: 'amd64' },
    },
    { mediaType: OCI_MANIFEST, digest: `sha256:${sha256(INSTANCE)}`, size: 2 },
  ],
};
