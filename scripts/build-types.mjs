// Builds dist/lib/index.d.ts: the public types of the library in one file, with nothing else in it. The report of them
// goes to node_modules/.cache, and with `node scripts/build-types.mjs --keep` to etc/multipass-ts.api.md.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CACHE = 'node_modules/.cache/multipass-ts/api';
const REPORT = 'multipass-ts.api.md';
/** What tsc emits: a file for each module, inner ones as well. */
const EMITTED = 'dist/types';

/** @throws Error when what is public names what is not, or a link in a comment leads nowhere */
export function buildTypes() {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const flags = ['--emitDeclarationOnly', '--declaration', '--outDir', EMITTED];
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', ...flags], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  mkdirSync(join(ROOT, CACHE), { recursive: true });
  const problems = [];
  const { succeeded } = Extractor.invoke(config(), {
    localBuild: true,
    messageCallback(message) {
      message.handled = true;
      if (['error', 'warning'].includes(message.logLevel)) problems.push(message.text);
    },
  });
  if (!succeeded) throw new Error(`the public types are not sound:\n${problems.join('\n')}`);
  rmSync(join(ROOT, EMITTED), { recursive: true });
}

function config() {
  return ExtractorConfig.prepare({
    packageJsonFullPath: join(ROOT, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: ROOT,
      mainEntryPointFilePath: join(ROOT, EMITTED, 'index.d.ts'),
      compiler: { tsconfigFilePath: join(ROOT, 'tsconfig.json') },
      apiReport: {
        enabled: true,
        reportFileName: REPORT,
        reportFolder: join(ROOT, CACHE),
        reportTempFolder: join(ROOT, CACHE, 'temp'),
      },
      dtsRollup: { enabled: true, untrimmedFilePath: join(ROOT, 'dist/lib/index.d.ts') },
      docModel: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: {
          default: { logLevel: 'error' },
          // Nothing here is alpha or beta.
          'ae-missing-release-tag': { logLevel: 'none' },
        },
        // @throws stands within lines.
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  buildTypes();
  if (process.argv.includes('--keep')) {
    copyFileSync(join(ROOT, CACHE, REPORT), join(ROOT, 'etc', REPORT));
  }
}
