import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'
import { exportDocs } from './config/tooling/eslint-export-docs.mjs'

const engine = ['runtime/**/*.ts', 'operators/**/*.ts', 'config/**/*.ts']

// Folders that also run under virtual time and a seeded scheduler: clock and chance reach them through the contract.
const deterministic = [
  'runtime/{contract,codec,plan,exchange,state,checkpoint,task,coordinator}/**/*.ts',
  'operators/{api,windows,joins,process,async,dedup,formats}/**/*.ts',
]

const noDefaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'Only jobs and tool settings have default exports.',
}
const noModuleState = [
  {
    selector: ':matches(Program, ExportNamedDeclaration) > VariableDeclaration[kind="let"]',
    message: 'Module-level mutable state: several slots may run in one thread. Keep it in what a caller holds.',
  },
  {
    selector:
      ':matches(Program, ExportNamedDeclaration) > VariableDeclaration > VariableDeclarator > NewExpression[callee.name=/^(Map|Set|WeakMap|WeakSet)$/][arguments.length=0]',
    message: 'An empty module-level collection is mutable state: several slots may run in one thread.',
  },
]
const noClock = [
  { object: 'Date', property: 'now' },
  { object: 'Math', property: 'random' },
  { object: 'performance', property: 'now' },
  { object: 'process', property: 'hrtime' },
  { object: 'crypto', property: 'randomUUID' },
].map((place) => ({ ...place, message: 'Take the clock or the random source that the host passes in.' }))

// Rules that need no types.
const plain = {
  eqeqeq: ['error', 'always', { null: 'ignore' }],
  'no-constant-binary-expression': 'error',
  'no-constant-condition': ['error', { checkLoops: 'allExceptWhileTrue' }],
  'no-debugger': 'error',
  'no-empty': 'error',
  'no-template-curly-in-string': 'error',
  'no-unsafe-finally': 'error',
  'no-useless-escape': 'error',
  'prefer-const': 'error',
}

export default defineConfig(
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  { ignores: ['dist/', '.build/', '.cache/', '.services/', 'coverage/', '**/.millrace/', 'test/**/fixtures/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      ...plain,
      'no-console': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      '@typescript-eslint/no-unnecessary-boolean-literal-compare': 'error',
      '@typescript-eslint/no-deprecated': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/use-unknown-in-catch-callback-variable': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNever: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': 'allow-with-description' }],
      // An interface that may wait is implemented by something that need not.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: engine,
    plugins: { millrace: { rules: { 'export-docs': exportDocs } } },
    rules: { 'millrace/export-docs': 'error', 'no-restricted-syntax': ['error', noDefaultExport, ...noModuleState] },
  },
  {
    files: deterministic,
    // The parking of real threads: its simulated sibling has no timer.
    ignores: ['runtime/exchange/atomics-parking.ts'],
    rules: {
      'no-restricted-properties': ['error', ...noClock],
      'no-restricted-globals': ['error', 'setTimeout', 'setInterval', 'performance', 'fetch'],
    },
  },
  {
    files: ['bench/**/*.ts', 'test/**/*.ts'],
    rules: {
      'no-console': 'off',
      // Tests look into what the types leave open: parsed JSON, errors as they were thrown.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    // Compile-time tests: expressions for their types alone.
    files: ['test/types/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unused-vars': 'off',
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/no-floating-promises': 'off',
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    extends: [tseslint.configs.base],
    rules: plain,
  },
)
