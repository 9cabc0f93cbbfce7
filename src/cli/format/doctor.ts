import { formatMemorySize } from '../../command-line.js';
import type { DoctorReport, Finding, MachineFacts } from '../../index.js';
import { formatJson } from './json.js';
import type { ReportFormat } from './output-format.js';
import { printable } from './table.js';
import { formatYaml } from './yaml-emitter.js';

/** The output of `multipass doctor`. */
export function formatDoctor(report: DoctorReport, format: ReportFormat): string {
  switch (format) {
    case 'table':
      return formatText(report);
    case 'json':
      return formatJson(toData(report));
    case 'yaml':
      return formatYaml(toData(report));
  }
}

function formatText({ findings, machine }: DoctorReport): string {
  const lines = findings.flatMap((finding) => {
    const { severity, message, hint, fixed } = finding;
    const first = `${fixed ? 'fixed' : severity}: ${message}`;
    return fixed ? [first] : [first, `  hint: ${hint}`];
  });
  return [...lines, machineLine(machine), summary(findings)]
    .map((line) => `${printable(line)}\n`)
    .join('');
}

function machineLine({ accelerator, sandbox, fileSystem }: MachineFacts): string {
  const guests = { kvm: 'with KVM', tcg: 'in software' };
  const facts = [
    accelerator === null ? 'guests do not run here' : `guests run ${guests[accelerator]}`,
    sandbox ? 'in a sandbox' : 'in no sandbox',
  ];
  if (fileSystem !== null) {
    const { name, freeBytes, sharesExtents } = fileSystem;
    const shares = { true: ', copies share their extents', false: '', null: '' }[
      `${sharesExtents}`
    ];
    facts.push(`${formatMemorySize(freeBytes)} free on ${name}${shares}`);
  }
  return `Machine: ${facts.join('; ')}`;
}

function summary(findings: readonly Finding[]): string {
  const left = findings.filter(({ fixed }) => !fixed);
  const fixed = findings.length - left.length;
  const counts = (['error', 'warning', 'note'] as const).flatMap((severity) => {
    const count = left.filter((finding) => finding.severity === severity).length;
    return count === 0 ? [] : `${count} ${severity}${count === 1 ? '' : 's'}`;
  });
  const fixable = left.filter((finding) => finding.fixable).length;
  return [
    counts.length === 0 ? 'Nothing is wrong' : counts.join(', '),
    ...(fixed === 0 ? [] : [`${fixed} fixed`]),
    ...(fixable === 0 ? [] : [`${fixable} can be fixed by \`multipass doctor --fix\``]),
  ].join('; ');
}

function toData({ healthy, findings, machine }: DoctorReport) {
  const { accelerator, sandbox, fileSystem } = machine;
  return {
    healthy,
    findings: findings.map(({ kind, severity, instance, path, message, hint, fixable, fixed }) => ({
      code: kind,
      severity: severity === 'note' ? 'note' : 'fault',
      level: severity,
      ...{ instance, path, message, hint, fixable, fixed },
    })),
    machine: {
      accelerator,
      sandbox,
      file_system:
        fileSystem === null
          ? null
          : {
              name: fileSystem.name,
              shares_extents: fileSystem.sharesExtents,
              free_bytes: fileSystem.freeBytes,
            },
    },
  };
}
