import tseslint from 'typescript-eslint';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import { noCircle } from './scripts/lint/no-circle.mjs';
import { plainEnglish } from './scripts/lint/plain-english.mjs';

/** Which packages a package may not import: the direction of dependencies in docs/architecture.md. */
const walls = {
  'koji-core': '^@koji/',
  'koji-plugin-sdk': '^@koji/(client|hub|builder)',
  'koji-client': '^@koji/(hub|builder)',
  'koji-web': '^@koji/(hub|builder)',
  'koji-hub': '^@koji/(client|builder)',
  'koji-builder': '^@koji/hub',
  'koji-plugin-*': '^@koji/(hub|client|builder(?!/(buildroot|image|scm)$))',
};

/** The rooms of the hub's domain, top to bottom: each may import from those below it, types included. */
const rooms = [
  'imports',
  'repos',
  'tasks',
  'policy',
  'archives',
  'rpms',
  'tagging',
  'task-records',
  'builds',
  'tags',
  'users',
  'history',
  'files',
  'values',
];
/** What stands above all of them. */
const aboveRooms = ['api', 'auth', 'gc', 'outbox', 'repos', 'scheduler', 'server'];

const inHub = (name) => `./packages/koji-hub/src/${name}`;
const roomZones = rooms.map((room, i) => ({
  target: inHub(`domain/${room}`),
  from: [...aboveRooms.map(inHub), ...rooms.slice(0, i).map((above) => inHub(`domain/${above}`))],
  message: 'docs/architecture.md: the order of the rooms of the domain',
}));

export default tseslint.config(
  {
    ignores: [
      '**/dist/',
      '**/node_modules/',
      'coverage/',
      '.nx/',
      'quickstart/',
      'dev/',
      '**/test/fixtures/',
      '**/templates/',
      '**/*.mjs',
      '**/*.cjs',
      '**/*.js',
    ],
  },
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.{ts,tsx}'] })),
  {
    files: ['**/*.{ts,tsx}'],
    plugins: { 'import-x': importX, english: { rules: { 'plain-english': plainEnglish } } },
    settings: {
      'import-x/extensions': ['.ts', '.tsx'],
      'import-x/resolver-next': [createNodeResolver({ extensionAlias: { '.js': ['.ts', '.tsx', '.js'] } })],
    },
    languageOptions: {
      parserOptions: { project: './tsconfig.lint.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      'max-lines': ['error', { max: 600, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 4],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration[exported=null]', message: 'name what a door exports' },
        { selector: 'ExportDefaultDeclaration', message: 'named exports only' },
      ],
      'english/plain-english': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-type-parameters': 'off', // typed answers (`get<T>`) name their type once on purpose
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off', // winston types its transports as interfaces
      '@typescript-eslint/require-await': 'off', // handlers are async by contract
      '@typescript-eslint/only-throw-error': 'error',
    },
  },
  ...Object.entries(walls).map(([name, regex]) => ({
    files: [`packages/${name}/src/**/*.{ts,tsx}`],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex, message: 'docs/architecture.md: who may import whom' }] },
      ],
    },
  })),
  {
    // Pages know the hub's methods only; what stands alone knows the client.
    files: ['packages/koji-web/src/**/*.{ts,tsx}'],
    ignores: ['packages/koji-web/src/standalone/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^@koji/(hub|builder|client)',
              message: 'docs/architecture.md: who may import whom',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['packages/koji-hub/src/domain/**/*.ts'],
    rules: {
      'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones: roomZones }],
    },
  },
  {
    files: ['packages/*/src/**/*.{ts,tsx}'],
    plugins: { koji: { rules: { 'no-circle': noCircle } } },
    rules: { 'koji/no-circle': 'error' },
  },
  {
    files: ['**/test/**/*.ts', 'test/**/*.ts'],
    rules: { 'max-lines-per-function': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
);
