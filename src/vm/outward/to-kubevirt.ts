import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toYaml } from '../../yaml.js';
import { copyWhole } from '../disks/copy-file.js';
import { streamArchitecture } from '../images/architecture.js';
import { documentOf, type Departing, type Written } from './departing.js';
import { shellPath } from './shell-path.js';

const DISK = 'disk.qcow2';
const CONTAINERFILE = 'Containerfile';
/** What the user replaces by a place in a registry of his own. */
const PLACE = 'registry.example.com/team';

/** Writes the objects of KubeVirt, and what a containerDisk is built from. */
export async function toKubevirt(departing: Departing): Promise<Written> {
  const { name, spec, seed, disk, draft, folder, notes, work } = departing;
  const objects = objectsOf(departing);
  await copyWhole(disk, join(draft, DISK), work);
  await writeFile(join(draft, CONTAINERFILE), `FROM scratch\nADD --chown=107:107 ${DISK} /disk/\n`);
  await writeFile(join(draft, `${name}.yaml`), objects.map(toYaml).join('---\n'));
  notes.keep('uuid', spec.uuid);
  notes.keep('MAC addresses', spec.interfaces[0].mac.toString());
  const effect = 'cloud-init runs as on a new machine: new host keys';
  notes.change('instance-id', [spec.uuid, 'one of its engine'], effect);
  notes.lose('vmgenid', spec.vmgenid, 'there is no field for it');
  if (documentOf(departing, 'vendor-data') !== undefined) {
    const instead =
      'what the guest has of it already, such as the key of this store, stays on its disk';
    notes.lose('vendor-data', 'of its seed', instead);
  }
  for (const { mac, network } of spec.interfaces.slice(1)) {
    const value = `${mac.toString()} on ${network ?? 'the default network'}`;
    notes.lose('network card', value, 'a NetworkAttachmentDefinition, by hand');
  }
  const bytes = seed?.find((file) => file.name === 'user-data')?.data.length ?? 0;
  if (bytes > 0) notes.check.push(`its user-data, ${bytes} bytes, is in a Secret in the file`);
  notes.check.push(
    `"${PLACE}" stands for your registry: replace it in the file and in the commands`,
    'the disk is imported into a volume by CDI, which has to be installed; as a containerDisk alone it would forget',
    'the cluster did not look at these objects: `kubectl apply --dry-run=server` does',
  );
  const image = `${PLACE}/${name}:latest`;
  const [context, file] = [shellPath(folder), shellPath(join(folder, `${name}.yaml`))];
  return {
    artifacts: [`${name}.yaml`, DISK, CONTAINERFILE],
    commands: [
      `podman build -t ${image} ${context}`,
      `podman push ${image}`,
      `kubectl apply -f ${file}`,
      `virtctl start ${kubernetesName(name)}`,
    ],
  };
}

/** DNS-1123: as ours, but for capital letters. */
function kubernetesName(name: string): string {
  return name.toLowerCase();
}

/** The Secret and the VirtualMachine. */
function objectsOf(departing: Departing) {
  const { spec } = departing;
  const name = kubernetesName(departing.name);
  const secret = `${name}-seed`;
  const hasSeed = departing.seed !== null;
  const base64 = (document: string): string | undefined => {
    const data = departing.seed?.find((file) => file.name === document)?.data;
    return data?.toString('base64');
  };
  const networkData = base64('network-config');
  const seedObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secret },
    data: { userdata: base64('user-data') ?? '', networkdata: networkData },
  };
  const machine = {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: { name },
    spec: {
      runStrategy: 'Halted',
      dataVolumeTemplates: [
        {
          metadata: { name: `${name}-disk` },
          spec: {
            source: { registry: { url: `docker://${PLACE}/${departing.name}:latest` } },
            storage: { resources: { requests: { storage: String(spec.disk) } } },
          },
        },
      ],
      template: {
        spec: {
          architecture: streamArchitecture(),
          domain: {
            cpu: { cores: spec.cpus },
            memory: { guest: `${Math.floor(spec.memory / 1024 ** 2)}Mi` },
            firmware: { uuid: spec.uuid },
            devices: {
              disks: [
                { name: 'disk', disk: { bus: 'scsi' } },
                ...(hasSeed ? [{ name: 'seed', cdrom: { bus: 'sata' } }] : []),
              ],
              interfaces: [
                {
                  name: 'default',
                  model: 'virtio',
                  masquerade: {},
                  macAddress: spec.interfaces[0].mac.toString(),
                },
              ],
            },
          },
          networks: [{ name: 'default', pod: {} }],
          volumes: [
            { name: 'disk', dataVolume: { name: `${name}-disk` } },
            ...(hasSeed
              ? [
                  {
                    name: 'seed',
                    cloudInitNoCloud: {
                      secretRef: { name: secret },
                      ...(networkData === undefined
                        ? {}
                        : { networkDataSecretRef: { name: secret } }),
                    },
                  },
                ]
              : []),
          ],
        },
      },
    },
  };
  return hasSeed ? [seedObject, machine] : [machine];
}
