import { describe, expect, it } from 'vitest';
import { formatList } from '../../../src/cli/format/list.js';
import { readYaml } from '../../support/read-yaml.js';
import { BROKEN_VIEW, SAMPLE_RUNTIME, sampleView } from './sample-views.js';

const debian = { ...sampleView('x').image, os: 'Debian', release: '12' };
const unnamed = { ...sampleView('x').image, os: '', release: '22.04 LTS' };
const unknown = { ...sampleView('x').image, os: '', release: '' };

const VIEWS = [
  sampleView('web', { state: 'Running', runtime: SAMPLE_RUNTIME }),
  BROKEN_VIEW,
  sampleView('archive', { state: 'Deleted', image: unknown }),
  sampleView('main', { image: debian }),
  sampleView('Zed', { state: 'Suspended', image: unnamed }),
];
const primary = 'main';

describe('formatList', () => {
  it('prints a table with the primary instance first and further addresses below the first', () => {
    expect(formatList(VIEWS, 'table', { primary })).toBe(
      `Name                    State             IPv4             Image
main                    Stopped           --               Debian 12
Zed                     Suspended         --               Ubuntu 22.04 LTS
archive                 Deleted           --               Not Available
cracked                 Broken            --               Not Available
web                     Running           10.0.7.21        Ubuntu 24.04 LTS
                                          192.168.80.3
`,
    );
  });

  it('widens the name column of the table for a long name', () => {
    const view = sampleView('a-name-of-twenty-seven-char');
    expect(formatList([view], 'table', { primary })).toBe(
      `Name                          State             IPv4             Image
a-name-of-twenty-seven-char   Stopped           --               Ubuntu 24.04 LTS
`,
    );
  });

  it('prints CSV with all addresses in quotes', () => {
    expect(formatList(VIEWS, 'csv', { primary })).toBe(
      `Name,State,IPv4,IPv6,Release,AllIPv4
main,Stopped,,,Debian 12,""
Zed,Suspended,,,Ubuntu 22.04 LTS,""
archive,Deleted,,,Not Available,""
cracked,Broken,,,Not Available,""
web,Running,10.0.7.21,,Ubuntu 24.04 LTS,"10.0.7.21,192.168.80.3"
`,
    );
  });

  it('prints JSON with sorted keys and the problem of a Broken instance', () => {
    expect(formatList([BROKEN_VIEW, VIEWS[0]!], 'json', { primary })).toBe(
      `{
    "list": [
        {
            "ipv4": [
            ],
            "name": "cracked",
            "problem": {
                "at": "/cpus",
                "hint": "Repair the file by hand.",
                "message": "expected an integer",
                "path": "instances/cracked/spec.json"
            },
            "release": "Not Available",
            "state": "Broken"
        },
        {
            "ipv4": [
                "10.0.7.21",
                "192.168.80.3"
            ],
            "name": "web",
            "release": "Ubuntu 24.04 LTS",
            "state": "Running"
        }
    ]
}
`,
    );
  });

  it('prints YAML with a list of one item for each instance', () => {
    const yaml = formatList([BROKEN_VIEW, VIEWS[0]!], 'yaml', { primary });
    expect(yaml).toBe(
      `cracked:
  - state: Broken
    ipv4:
      []
    release: Not Available
    problem:
      path: instances/cracked/spec.json
      at: /cpus
      message: expected an integer
      hint: Repair the file by hand.
web:
  - state: Running
    ipv4:
      - 10.0.7.21
      - 192.168.80.3
    release: Ubuntu 24.04 LTS
`,
    );
    expect(readYaml(yaml)).toMatchObject({ cracked: [{ problem: { at: '/cpus' } }] });
  });

  it('says that there is nothing', () => {
    expect(formatList([], 'table', { primary })).toBe('No instances found.\n');
    expect(formatList([], 'json', { primary })).toBe('{\n    "list": [\n    ]\n}\n');
    expect(formatList([], 'csv', { primary })).toBe('Name,State,IPv4,IPv6,Release,AllIPv4\n');
    expect(formatList([], 'yaml', { primary })).toBe('\n');
  });
});
