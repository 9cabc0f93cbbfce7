import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, describe, expect, test } from 'vitest';
import { packedProject } from '../support/packed-project.js';

const PROJECT = resolve(import.meta.dirname, '../..');
const MIB = 1024 ** 2;

const { folder: home, installed, tarball, about: packed } = packedProject();
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** What a program prints, whose only store is an empty folder. */
function runProgram(name: string, text: string): string {
  writeFileSync(join(home, name), text);
  const env = { ...process.env, MULTIPASS_STORAGE: join(home, 'store') };
  const { stdout, stderr } = spawnSync(process.execPath, [name], {
    cwd: home,
    env,
    encoding: 'utf8',
  });
  return `${stdout}${stderr}`;
}

const PROGRAM = `
import { openStore, MultipassError, type VirtualMachine } from 'multipass-ts';

await using store = openStore();
async function test(golden: VirtualMachine): Promise<string[]> {
  await using vm = await golden.clone(undefined, { linked: true, ephemeral: true, start: true });
  await vm.waitFor({ port: 22 }, { timeoutMs: 1000 });
  const { stdout }: { stdout: Buffer } = await vm.exec(['ls'], { encoding: 'buffer' });
  const text: string = (await vm.exec(['ls'], { input: stdout })).stdout;
  await using program = await vm.spawn(['cat'], { env: { A: 'b' }, cwd: '/' });
  for await (const line of program) console.log(line.length, text);
  const { name, spec } = vm;
  return [name, spec.interfaces[0].mac.toString(), vm.state];
}
try {
  await test(await store.get('golden'));
} catch (error) {
  if (!(error instanceof MultipassError)) throw error;
  console.log(error.code, JSON.stringify(error));
}
`;

const DOCUMENTS = [
  ...[
    'architecture',
    'artifact',
    'benchmarks',
    'differences',
    'errors',
    'guide',
    'library',
    'other-engines',
    'reliability',
    'security',
  ],
  'store-layout',
];
const EXAMPLES = [
  'cluster',
  'golden-and-clones',
  'migrate-and-report',
  'snapshot-break-restore',
  'vitest-fixture',
  'watch-and-print',
];

describe('the package', () => {
  test('holds the command, the library, the docs and nothing dead', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths.filter((path) => !path.startsWith('dist/lib/')).sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      ...['all.cjs', 'bin.js', 'package.json', 'quick.cjs'].map((name) => `dist/cli/${name}`),
      'dist/man/multipass.1',
      ...DOCUMENTS.map((name) => `docs/${name}.md`),
      'examples/ansible-inventory.py',
      ...EXAMPLES.map((name) => `examples/${name}.ts`),
      'package.json',
    ]);
    const expected = /\.(?:d\.ts|[cm]?js|json|md|1)$|LICENSE$|^examples\//;
    expect(paths.filter((path) => !expected.test(path))).toEqual([]);
    expect(packed.size).toBeLessThan(1.5 * MIB);
    expect(packed.unpackedSize).toBeLessThan(5 * MIB);
  });

  test('is what publint wants of one', async () => {
    const { messages } = await publint({ pkgDir: installed });
    const manifest: unknown = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'));
    const texts = messages
      .filter(({ type }) => type !== 'suggestion')
      .map((message) => formatMessage(message, manifest as Record<string, unknown>));
    expect(texts).toEqual([]);
  });

  test('has types that every resolution of ES modules finds', () => {
    const attw = join(PROJECT, 'node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js');
    const args = [
      attw,
      '--profile',
      'esm-only',
      '--no-definitely-typed',
      '--format',
      'ascii',
      '--no-emoji',
    ];
    const { stdout, status } = spawnSync(process.execPath, [...args, tarball], {
      cwd: home,
      encoding: 'utf8',
    });
    expect({ stdout, status }).toEqual({ stdout, status: 0 });
    expect(stdout).toContain('node16 (from ESM): OK (ESM)');
  });

  /** What the compiler of a strict user says of a program of theirs. */
  function compile(file: string, text: string, module: string, resolution: string): string {
    writeFileSync(join(home, file), text);
    const options = ['--strict', '--skipLibCheck', 'false', '--target', 'es2022', '--noEmit'];
    const lib = ['--lib', 'es2023,esnext.disposable', '--types', 'node'];
    const how = ['--module', module, '--moduleResolution', resolution];
    const old = ['--ignoreDeprecations', '6.0'];
    const tsc = join(PROJECT, 'node_modules', 'typescript', 'bin', 'tsc');
    const args = [tsc, ...options, ...lib, ...how, ...old, file];
    return spawnSync(process.execPath, args, { cwd: home, encoding: 'utf8' }).stdout;
  }

  test.for([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ] as const)('has types for a strict program (%s, %s)', ([module, resolution]) => {
    expect(compile('program.ts', PROGRAM, module, resolution)).toBe('');
  });

  test('has types for a program that requires it, and tells the compiler of Node 10 about others', () => {
    const program = "import { openStore } from 'multipass-ts';\nvoid openStore().list();\n";
    expect(compile('required.cts', program, 'nodenext', 'nodenext')).toBe('');
    const refused = compile('required.cts', program, 'commonjs', 'node10');
    expect(refused).toContain('error TS2307');
    expect(refused).toContain("Consider updating to 'node16', 'nodenext', or 'bundler'");
  });

  test('loads little of itself when it is imported, and makes nothing', () => {
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const text = readFileSync(file, 'utf8');
      for (const [, path] of text.matchAll(/^(?:import|export)\b[^;]*?\bfrom '(\.[^']+)'/gm)) {
        visit(resolve(dirname(file), path!));
      }
    };
    visit(join(installed, 'dist', 'lib', 'index.js'));
    expect(seen.size).toBeLessThan(25);
    expect(runProgram('import.mjs', "import 'multipass-ts'; console.log('here');")).toBe('here\n');
    expect(readdirSync(home)).not.toContain('store');
  });

  test('has no module that does anything when it is loaded', () => {
    const all = readdirSync(join(installed, 'dist', 'lib'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.js'))
      .map((path) => join(installed, 'dist', 'lib', path));
    const program = `
      const { readdirSync } = await import('node:fs');
      const state = () => JSON.stringify({
        globals: Object.getOwnPropertyNames(globalThis).length,
        env: process.env,
        listeners: process.eventNames().map(String),
        resources: process.getActiveResourcesInfo().filter((name) => name === 'Timeout'),
        folder: readdirSync('.'),
      });
      const before = state();
      for (const path of ${JSON.stringify(all)}) await import(path);
      const after = state();
      console.log(before === after ? 'nothing' : before + after);
    `;
    expect(all.length).toBeGreaterThan(100);
    expect(runProgram('all.mjs', program)).toBe('nothing\n');
  });

  test('works by import and by require', () => {
    const use = 'openStore().list().then((all) => console.log(all, typeof MultipassError));\n';
    const names = '{ MultipassError, openStore }';
    const answer = '[] function\n';
    expect(runProgram('use.mjs', `import ${names} from 'multipass-ts';\n${use}`)).toBe(answer);
    const required = runProgram('use.cjs', `const ${names} = require('multipass-ts');\n${use}`);
    // Older versions say that this is an experiment.
    expect(required.replace(/^\(.*\n/gm, '')).toBe(answer);
    const failure =
      "openStore().get('nobody').catch((error) => console.log(JSON.stringify(error)));";
    const told = runProgram('fail.mjs', `import { openStore } from 'multipass-ts';\n${failure}`);
    expect(JSON.parse(told)).toMatchObject({
      code: 'INSTANCE_NOT_FOUND',
      details: { name: 'nobody' },
    });
  });

  test('has the command, and its manual page', () => {
    const bin = join(installed, 'dist', 'cli', 'bin.js');
    const env = { ...process.env, MULTIPASS_STORAGE: join(home, 'store') };
    const said = execFileSync(process.execPath, [bin, 'list'], { env, encoding: 'utf8' });
    expect(said).toBe('No instances found.\n');
    const page = join(installed, 'dist', 'man', 'multipass.1');
    expect(readFileSync(page, 'utf8')).toMatch(/^\.TH MULTIPASS 1/im);
  });
});
