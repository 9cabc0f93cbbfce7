/** The direction of imports: cli -> vm -> { store, net, qemu, registry }; those four never import each other. */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'nothing-imports-cli',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'cli-uses-the-library',
      comment:
        'The command does what a program can do: it goes through src/index.ts, and for what is about a command line ' +
        'alone through src/command-line.ts.',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/', pathNot: '^src/(cli/|index\\.ts$|command-line\\.ts$)' },
    },
    {
      name: 'doors-lead-out',
      comment: 'What is inside does not come back through the doors.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^src/(index|command-line)\\.ts$' },
    },
    {
      name: 'store-net-qemu-registry-are-strangers',
      comment: 'A workflow that needs two of them lives in vm.',
      severity: 'error',
      from: { path: '^src/(store|net|qemu|registry)/' },
      to: { path: '^src/(store|net|qemu|registry|vm)/', pathNot: '^src/$1/' },
    },
    {
      name: 'leaves-import-leaves',
      comment:
        'What stands at the top of src, and the folders files and process, know nothing of instances.',
      severity: 'error',
      from: { path: '^src/(?!(index|command-line)\\.ts$)([^/]+\\.ts$|files/|process/|http/)' },
      to: { path: '^src/(?!index\\.ts$)', pathNot: '^src/([^/]+\\.ts$|files/|process/|http/)' },
    },
    {
      name: 'files-process-and-http-are-strangers',
      severity: 'error',
      from: { path: '^src/(files|process|http)/' },
      to: { path: '^src/(files|process|http)/', pathNot: '^src/$1/' },
    },
    {
      name: 'src-does-not-import-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|fixtures)/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node'] },
  },
};
