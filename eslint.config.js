import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Each third-party package has one owner; everybody else goes through that file. */
const OWNED_PACKAGES = {
  execa: 'src/process/run.ts',
  yaml: 'src/yaml.ts',
  'proper-lockfile': 'src/store/lock.ts',
  'write-file-atomic': 'src/files/record.ts',
};

const ownership = Object.entries(OWNED_PACKAGES).map(([name, owner]) => ({
  name,
  message: `${name} is owned by ${owner}: import that file instead.`,
}));

const cliOnly = ['commander', 'cli-spinners'].map((name) => ({
  name,
  message: `${name} belongs to src/cli.`,
}));

const ONE_CLIENT =
  'All requests go through src/http: limits, proxies and the judging of redirects are there.';

const httpOnly = ['http', 'https', 'http2', 'undici'].flatMap((name) =>
  [name, `node:${name}`].map((module) => ({ name: module, message: ONE_CLIENT })),
);

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/'] },
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
      'no-restricted-imports': ['error', { paths: [...ownership, ...cliOnly, ...httpOnly] }],
    },
  },
  {
    files: ['src/cli/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { paths: [...ownership, ...httpOnly] }] },
  },
  {
    files: ['src/http/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { paths: [...ownership, ...cliOnly] }] },
  },
  {
    files: Object.values(OWNED_PACKAGES),
    rules: { 'no-restricted-imports': 'off' },
  },
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
