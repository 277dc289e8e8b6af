import { defineConfig } from 'eslint/config';

export default defineConfig({
  rules: {
    'no-undef': 'error',
    'no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    'prefer-const': 'error',
    eqeqeq: 'error',
  },
});
