import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const ONE_CLIENT =
  'All requests go through src/http: limits, proxies and the judging of redirects are there.';

const HTTP = ['http', 'https', 'http2', 'undici'].flatMap((name) => [name, `node:${name}`]);

const STARTERS = ['attach', 'collect', 'connect', 'detach'].map((name) => `src/process/${name}.ts`);

/**
 * Each third-party package, the starting of programs, and HTTP have owners; everybody else goes through those files.
 */
const OWNERS = {
  execa: ['src/process/run.ts'],
  yaml: ['src/yaml.ts'],
  'proper-lockfile': ['src/store/lock.ts'],
  'write-file-atomic': ['src/files/record.ts'],
  commander: ['src/cli/program.ts'],
  'cli-spinners': ['src/cli/spinner.ts'],
  'node:child_process': STARTERS,
  child_process: STARTERS,
  ...Object.fromEntries(HTTP.map((name) => [name, ['src/http/**/*.ts']])),
};

/** A recursive mkdir of Node 20 never ends in /proc, and says ENOENT for what a read-only file system refuses. */
const ENDLESS = {
  selector: 'CallExpression[callee.name=/^mkdir/] Property[key.name="recursive"]',
  message: 'Make each folder by itself: see src/files/make-folder.ts.',
};

/** A callback that has no error to tell says null in Node, and undefined in other runtimes. */
const NO_ERROR = {
  selector: 'BinaryExpression[operator=/^[!=]==$/][left.name=/^err(or)?$/][right.raw="null"]',
  message: 'Use promisify: what stands for no error differs.',
};

/** What files may import of those: what they own. @param file a path, or the pattern of an owning folder */
const ownership = (file) => {
  const foreign = Object.entries(OWNERS).filter(([, owners]) => !owners.includes(file));
  const told = foreign.map(([name, owners]) => ({
    name,
    message: HTTP.includes(name)
      ? ONE_CLIENT
      : `${name} is owned by ${owners.join(' and ')}: go through there.`,
  }));
  return {
    'no-restricted-imports': ['error', { paths: told }],
    // The rule above does not see what is imported when it is needed.
    'no-restricted-syntax': [
      'error',
      ENDLESS,
      NO_ERROR,
      ...told.map(({ name, message }) => ({
        selector: `ImportExpression[source.value="${name}"]`,
        message,
      })),
    ],
  };
};

/** To touch one makes it: that takes time, and some runtimes leave its pipe non-blocking for others. */
const STREAMS = ['stdin', 'stdout', 'stderr'].map((property) => ({
  object: 'process',
  property,
  message: 'Go through src/cli/standard-streams.ts.',
}));

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/', 'reference/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      '@typescript-eslint/no-unused-vars': ['error', { ignoreUsingDeclarations: true }],
      eqeqeq: 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: false, skipComments: false }],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-globals': ['error', { name: 'fetch', message: ONE_CLIENT }],
      'no-restricted-properties': ['error', ...STREAMS],
      ...ownership(null),
    },
  },
  {
    files: ['src/cli/standard-streams.ts', 'src/cli/ask.ts', 'src/cli/keyboard.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  ...[...new Set(Object.values(OWNERS).flat())].map((file) => ({
    files: [file],
    rules: ownership(file),
  })),
  {
    files: ['test/**/*.ts', 'fixtures/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      'max-lines': ['error', { max: 400 }],
    },
  },
  {
    files: ['*.config.ts', 'vitest.config.ts', 'test/support/reporter.ts'],
    rules: { 'no-restricted-exports': 'off' },
  },
  {
    files: ['**/*.mjs', '**/*.js', '**/*.cjs'],
    languageOptions: {
      globals: { process: 'readonly', console: 'readonly', module: 'writable', URL: 'readonly' },
    },
  },
);
