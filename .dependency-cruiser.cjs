/** The direction of imports: cli -> vm -> { store, net, qemu }; those three never import each other. */
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
      name: 'store-net-qemu-are-strangers',
      comment: 'A workflow that needs two of them lives in vm.',
      severity: 'error',
      from: { path: '^src/(store|net|qemu)/' },
      to: { path: '^src/(store|net|qemu|vm)/', pathNot: '^src/$1/' },
    },
    {
      name: 'leaves-import-errors-only',
      severity: 'error',
      from: { path: '^src/(errors|exec|abort|log|yaml)\\.ts$' },
      to: { path: '^src/', pathNot: '^src/(errors|log|abort)\\.ts$' },
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
