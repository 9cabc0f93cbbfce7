import { describe, expect, it } from 'vitest';
import { formatDoctor } from '../../../src/cli/format/doctor.js';
import type { DoctorReport, Finding } from '../../../src/vm/doctor/doctor.js';

const BROKEN: Finding = {
  severity: 'error',
  kind: 'record-invalid',
  instance: 'web',
  path: 'instances/web/spec.json',
  message: 'cannot read "spec.json": the file is empty',
  hint: 'Repair it.',
  fixable: false,
  fixed: false,
};
const LEFT: Finding = {
  ...BROKEN,
  severity: 'note',
  kind: 'lock-left',
  instance: null,
  path: 'locks/web.lock',
  message: '"locks/web.lock" is of a process\u001b[2J that has ended',
  hint: 'Nothing.',
  fixable: true,
};
const fileSystem = { name: 'ext4', sharesExtents: false, freeBytes: 3 * 1024 ** 3 };
const machine = { accelerator: 'tcg', sandbox: true, fileSystem } as const;
const report = (findings: readonly Finding[]): DoctorReport => ({
  healthy: !findings.some(({ severity, fixed }) => severity !== 'note' && !fixed),
  findings,
  machine,
});

describe('the report of doctor', () => {
  it('has each finding with what to do, and a sum', () => {
    expect(formatDoctor(report([BROKEN, LEFT]), 'table')).toBe(
      'error: cannot read "spec.json": the file is empty\n' +
        '  hint: Repair it.\n' +
        'note: "locks/web.lock" is of a process\u{FFFD}[2J that has ended\n' +
        '  hint: Nothing.\n' +
        'Machine: guests run in software; in a sandbox; 3.0GiB free on ext4\n' +
        '1 error, 1 note; 1 can be fixed by `multipass doctor --fix`\n',
    );
  });

  it('says what was mended', () => {
    const text = formatDoctor(report([{ ...LEFT, message: 'a lock', fixed: true }]), 'table');
    expect(text.split('\n').filter((line) => !line.startsWith('Machine'))).toEqual([
      'fixed: a lock',
      'Nothing is wrong; 1 fixed',
      '',
    ]);
  });

  it('tells faults from notes as JSON, with the kind as the code', () => {
    expect(JSON.parse(formatDoctor(report([BROKEN, LEFT]), 'json'))).toMatchObject({
      healthy: false,
      findings: [
        {
          code: 'record-invalid',
          severity: 'fault',
          level: 'error',
          instance: 'web',
          path: 'instances/web/spec.json',
          fixable: false,
          fixed: false,
        },
        { code: 'lock-left', severity: 'note', level: 'note', instance: null, fixable: true },
      ],
      machine: { accelerator: 'tcg', sandbox: true, file_system: { name: 'ext4' } },
    });
    expect(formatDoctor(report([]), 'yaml')).toContain('healthy: true\n');
  });
});
